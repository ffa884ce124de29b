#include "io/pepper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A page of its own, so that it can be locked and left out of core files. */
struct pepper {
    uint8_t bytes[PEPPER_SIZE];
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!str_copy(folder, sizeof(folder),
                  slash ? (struct str){path, (size_t)(slash - path) + 1} : STR("./")))
        return -ENAMETOOLONG;
    CLEANUP(close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Whole or not at all, also when the power fails. */
static int make_file(const char *path)
{
    char draft[PATH_MAX];
    if ((size_t)snprintf(draft, sizeof(draft), "%s.new", path) >= sizeof(draft))
        return -ENAMETOOLONG;
    CLEANUP(close_fd) int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;

    uint8_t bytes[PEPPER_SIZE];
    digest_random(bytes, sizeof(bytes));
    ssize_t n = write(fd, bytes, sizeof(bytes));
    explicit_bzero(bytes, sizeof(bytes));
    if (n != (ssize_t)sizeof(bytes))
        return n < 0 ? -errno : -ENOSPC;
    if (fsync(fd) < 0 || rename(draft, path) < 0)
        return -errno;
    return sync_folder_of(path);
}

static int read_file(const char *path, uint8_t *bytes)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return PEPPER_UNSAFE;
    if (st.st_size != PEPPER_SIZE || read(fd, bytes, PEPPER_SIZE) != PEPPER_SIZE)
        return PEPPER_DAMAGED;
    return PEPPER_OK;
}

int pepper_load(const char *path, struct pepper **ret)
{
    CLEANUP(pepper_free)
    struct pepper *p =
        mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        p = NULL;
        return -errno;
    }
    /* both are extra safety: without the right to lock memory the service still works */
    (void)!mlock(p, sizeof(*p));
    (void)!madvise(p, sizeof(*p), MADV_DONTDUMP);

    int r = read_file(path, p->bytes);
    if (r == -ENOENT) {
        r = make_file(path);
        if (r == 0)
            r = read_file(path, p->bytes);
    }
    if (r)
        return r;
    *ret = TAKE(p);
    return PEPPER_OK;
}

void pepper_free(struct pepper **p)
{
    if (!*p)
        return;
    explicit_bzero(*p, sizeof(**p));
    munmap(*p, sizeof(**p));
    *p = NULL;
}

void pepper_digest(const struct pepper *p, struct str text, uint8_t ret_digest[DIGEST_SIZE])
{
    digest_hmac((struct str){(const char *)p->bytes, PEPPER_SIZE}, text, ret_digest);
}
