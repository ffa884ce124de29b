#include "io/trail_prune.h"

#include "base/digest.h"
#include "io/trail_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE 65536

/* Days since 1970 of "2026-11-21". */
static long day_of(const char *name)
{
    struct tm tm = {.tm_mday = 1};
    int year, month, day;
    if (sscanf(name, "%4d-%2d-%2d", &year, &month, &day) != 3)
        return 0;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    return (long)(timegm(&tm) / 86400);
}

static bool is_stopping(const struct trail_prune *p)
{
    return p->is_stopping && atomic_load(p->is_stopping);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* -ECANCELED: it is to stop. */
static int pack(const struct trail_prune *p, int from, gzFile to)
{
    char piece[PIECE];
    for (;;) {
        ssize_t n = read(from, piece, sizeof(piece));
        if (n == 0)
            return 0;
        if (n < 0)
            return -errno;
        errno = 0;
        if (gzwrite(to, piece, (unsigned)n) != (int)n)
            return errno ? -errno : -EIO;
        if (is_stopping(p))
            return -ECANCELED;
    }
}

static int write_packed(const struct trail_prune *p, const char *from_path, const char *to_path)
{
    CLEANUP(close_fd) int from = open(from_path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return -errno;
    CLEANUP(close_fd) int to = open(to_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (to < 0)
        return -errno;
    int copy = dup(to);
    gzFile file = copy < 0 ? NULL : gzdopen(copy, "wb6");
    if (!file) {
        close_fd(&copy);
        return -ENOMEM;
    }
    int r = pack(p, from, file);
    errno = 0;
    if (gzclose(file) != Z_OK && r == 0)
        r = errno ? -errno : -EIO;
    return r == 0 && fsync(to) < 0 ? -errno : r;
}

/* The packed file appears whole, then the plain one goes: a crash between leaves both, and the
 * plain one counts. */
static int pack_file(struct trail_prune *p, const char *name)
{
    char plain[PATH_MAX], draft[PATH_MAX], packed[PATH_MAX];
    snprintf(plain, sizeof(plain), "%s/%s", p->folder, name);
    snprintf(packed, sizeof(packed), "%s/%s.gz", p->folder, name);
    snprintf(draft, sizeof(draft), "%s/%s.gz.new", p->folder, name);
    int r = write_packed(p, plain, draft);
    if (r == 0 && (rename(draft, packed) < 0 || unlink(plain) < 0))
        r = -errno;
    if (r < 0)
        unlink(draft);
    else
        p->n_packed++;
    return r;
}

/* The last record of a file that is to go. */
static int find_last(const struct trail_prune *p, const char *name, struct chain *ret)
{
    CLEANUP(trail_files_close) struct trail_files_reader *reader = NULL;
    int r = trail_files_open(p->folder, name, &reader);
    struct str line;
    while (r == 0 && trail_files_next(reader, &line) == TRAIL_FILES_LINE) {
        struct chain_record record;
        if (chain_read(line, &record)) {
            ret->seq = record.seq;
            memcpy(ret->hash, record.hash, DIGEST_SIZE);
        }
        if (is_stopping(p))
            return -ECANCELED;
    }
    return r;
}

static int delete_file(struct trail_prune *p, const char *name)
{
    struct chain last = {0};
    char path[PATH_MAX], hash[2 * DIGEST_SIZE + 1], data[256];
    int r = find_last(p, name, &last);
    if (r < 0)
        return r;
    digest_hex(last.hash, DIGEST_SIZE, hash);
    snprintf(data, sizeof(data), "{\"file\":\"%s\",\"last_seq\":%" PRIu64 ",\"last_hash\":\"%s\"}",
             name, last.seq, hash);
    if (!p->announce(p->arg, str_from(data)))
        return -EAGAIN;
    snprintf(path, sizeof(path), "%s/%s", p->folder, name);
    if (unlink(path) < 0)
        return -errno;
    p->n_deleted++;
    return 0;
}

int trail_prune_run(struct trail_prune *p)
{
    struct trail_file *files = NULL;
    size_t n = 0;
    long today = (long)(p->wall / USEC_PER_SEC / 86400);
    int result = trail_files_list(p->folder, &files, &n);
    p->n_packed = p->n_deleted = 0;
    p->failed[0] = '\0';
    for (size_t i = 0; i + 1 < n && result != -ECANCELED; i++) {
        long age = today - day_of(files[i].name);
        int r = 0;
        if (age >= (long)p->retention_days)
            r = delete_file(p, files[i].name);
        else if (age >= (long)p->compress_days && !files[i].is_packed)
            r = pack_file(p, files[i].name);
        if (r < 0 && (result == 0 || r == -ECANCELED)) {
            result = r;
            str_copy(p->failed, sizeof(p->failed), str_from(files[i].name));
        }
    }
    free(files);
    return result;
}
