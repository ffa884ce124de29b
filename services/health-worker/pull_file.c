#include "pull_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PART       ".part"
#define ROOM_STEP  (64u << 20) /* of a length nobody told: asked again after so many bytes */
#define READ_BYTES (64u << 10)

void pull_file_init(struct pull_file *f, uint64_t reserve, const _Atomic bool *is_cancelled)
{
    *f = (struct pull_file){
        .folder_fd = -1, .fd = -1, .reserve = reserve, .is_cancelled = is_cancelled};
}

int pull_file_open(struct pull_file *f, const char *folder, const char *name)
{
    if (!pull_request_is_name(str_from(name)))
        return -EINVAL;
    str_copy(f->name, sizeof(f->name), str_from(name));
    snprintf(f->part, sizeof(f->part), "%s%s", name, PART);
    if (mkdir(folder, 0750) != 0 && errno != EEXIST)
        return -errno;
    f->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->folder_fd < 0)
        return -errno;
    f->fd = openat(f->folder_fd, f->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (f->fd < 0)
        return -errno;
    f->digest = digest_stream_new();
    return 0;
}

void pull_file_close(struct pull_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->folder_fd >= 0)
        close(f->folder_fd);
    f->fd = f->folder_fd = -1;
    digest_stream_free(&f->digest);
}

int pull_file_restart(struct pull_file *f)
{
    f->bytes = 0;
    digest_stream_free(&f->digest);
    f->digest = digest_stream_new();
    return ftruncate(f->fd, 0) == 0 ? 0 : -errno;
}

int pull_file_resume(struct pull_file *f)
{
    char buf[READ_BYTES];
    ssize_t n;
    int r = 0;

    f->bytes = 0;
    digest_stream_free(&f->digest);
    f->digest = digest_stream_new();
    while (r == 0 && (n = pread(f->fd, buf, sizeof(buf), (off_t)f->bytes)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || atomic_load(f->is_cancelled))
            r = n < 0 ? -errno : -ECANCELED;
        if (n > 0) {
            digest_stream_add(f->digest, (struct str){buf, (size_t)n});
            f->bytes += (uint64_t)n;
        }
    }
    return r;
}

int pull_file_make_room(struct pull_file *f, uint64_t total)
{
    struct statvfs s;

    if (fstatvfs(f->folder_fd, &s) != 0)
        return -errno;
    uint64_t free_bytes = (uint64_t)s.f_bavail * s.f_frsize;
    uint64_t missing = total > f->bytes ? total - f->bytes : 0;
    if (missing > free_bytes || free_bytes - missing < f->reserve)
        return PULL_FILE_NO_ROOM;
    f->asked_for = total;
    return PULL_FILE_OK;
}

int pull_file_add(struct pull_file *f, struct str bytes)
{
    if (f->bytes + bytes.len > f->asked_for) {
        int r = pull_file_make_room(f, f->bytes + bytes.len + ROOM_STEP);
        if (r != PULL_FILE_OK)
            return r;
    }
    while (bytes.len > 0) {
        ssize_t n = pwrite(f->fd, bytes.data, bytes.len, (off_t)f->bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == ENOSPC || errno == EDQUOT ? PULL_FILE_NO_ROOM : -errno;
        digest_stream_add(f->digest, (struct str){bytes.data, (size_t)n});
        f->bytes += (uint64_t)n;
        bytes = (struct str){bytes.data + n, bytes.len - (size_t)n};
    }
    return PULL_FILE_OK;
}

int pull_file_finish(struct pull_file *f, const char *sha256, char ret[PULL_HASH_SIZE])
{
    uint8_t digest[DIGEST_SIZE];
    char hash[PULL_HASH_SIZE];

    digest_stream_finish(f->digest, digest);
    digest_hex(digest, sizeof(digest), hash);
    if (sha256[0] && strcmp(hash, sha256) != 0) {
        pull_file_discard(f);
        return PULL_FILE_BAD_HASH;
    }
    if (fsync(f->fd) != 0 || renameat(f->folder_fd, f->part, f->folder_fd, f->name) != 0 ||
        fsync(f->folder_fd) != 0)
        return -errno;
    memcpy(ret, hash, sizeof(hash));
    return PULL_FILE_OK;
}

void pull_file_discard(struct pull_file *f)
{
    if (f->folder_fd >= 0)
        (void)!unlinkat(f->folder_fd, f->part, 0);
}

void pull_file_clean(const char *folder, bool (*is_wanted)(void *arg, struct str name), void *arg)
{
    DIR *d = opendir(folder);
    const struct dirent *e;

    while (d && (e = readdir(d)) != NULL) {
        size_t n = strlen(e->d_name), cut = sizeof(PART) - 1;
        if (n <= cut || strcmp(e->d_name + n - cut, PART) != 0)
            continue;
        struct str name = {e->d_name, n - cut};
        if (pull_request_is_name(name) && !is_wanted(arg, name))
            (void)!unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}
