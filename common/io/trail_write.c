#include "io/trail_write.h"

#include "base/iso_time.h"
#include "io/trail_files.h"
#include "io/trail_head.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct trail_write {
    char folder[PATH_MAX];
    uint8_t key[CHAIN_KEY_SIZE];
    int head_fd, fd; /* fd -1: no file yet */
    char day[16];    /* of the file */
    uint64_t size;   /* of the file, up to the last whole record */
    struct chain at; /* of the last record, pending ones included */
    struct chain flushed, synced;
    struct buf pending;
};

static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* Opens or makes the day's file; *w changes only if that worked. */
static int open_day(struct trail_write *w, const char *day)
{
    char path[PATH_MAX + 32];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s.ndjson", w->folder, day);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &st) < 0 ? -errno : sync_folder(w->folder);
    if (r < 0) {
        close(fd);
        return r;
    }
    if (w->fd >= 0)
        close(w->fd);
    w->fd = fd;
    w->size = (uint64_t)st.st_size;
    str_copy(w->day, sizeof(w->day), str_from(day));
    return 0;
}

/* The newest file, if it can be appended to, without the line that a crash cut short. */
static int reopen_newest(struct trail_write *w, const struct trail_file *newest, uint64_t whole,
                         struct trail_write_resumed *ret)
{
    char day[16];
    str_copy(day, sizeof(day), trail_files_day(newest->name));
    if (newest->is_packed) { /* later days only: a day's file is not written to once packed */
        str_copy(w->day, sizeof(w->day), str_from(day));
        return 0;
    }
    int r = open_day(w, day);
    if (r < 0 || w->size <= whole)
        return r;
    ret->torn_bytes = w->size - whole;
    w->size = whole;
    return ftruncate(w->fd, (off_t)whole) < 0 ? -errno : 0;
}

static void break_off(struct trail_write_resumed *ret, const char *what, uint64_t from, uint64_t to)
{
    snprintf(ret->broken, sizeof(ret->broken), "%s (records %" PRIu64 " to %" PRIu64 ")", what,
             from, to);
}

/* Decides where the chain goes on: *at is set. */
static void take_up(struct trail_write *w, struct str line, const struct chain *head, bool has_head,
                    struct trail_write_resumed *ret)
{
    struct chain_record r = {0};
    struct chain last = {0};
    if (line.len > 0) {
        bool is_ours = chain_read(line, &r) && r.seq > 0;
        last.seq = is_ours ? r.seq - 1 : 0;
        memcpy(last.hash, r.prev, DIGEST_SIZE);
        if (!is_ours || chain_check(&last, w->key, &r) != CHAIN_OK) {
            break_off(ret, "the last record was edited or is not ours", r.seq, r.seq);
            w->at = has_head ? *head : last;
            return;
        }
    }
    w->at = last;
    if (has_head && head->seq > last.seq) {
        break_off(ret, "the end of the trail is missing", last.seq + 1, head->seq);
        w->at = *head;
    } else if (has_head && head->seq == last.seq && !digest_equal(head->hash, last.hash)) {
        break_off(ret, "the last record was replaced", last.seq, last.seq);
        w->at = *head;
    } else if (!has_head && last.seq > 0) {
        break_off(ret, "the head of the trail is missing or not ours", last.seq, last.seq);
    }
}

static int resume(struct trail_write *w, const char *head_path, struct trail_write_resumed *ret)
{
    struct chain head = {0};
    struct trail_file *files = NULL;
    size_t n = 0;
    uint64_t whole = 0;
    CLEANUP(buf_done) struct buf line;
    buf_init(&line, CHAIN_MAX_LINE);
    bool has_head = trail_head_read(head_path, w->key, &head);
    int r = trail_files_last(w->folder, &line, &whole);
    if (r == -ENOSPC) { /* longer than any record */
        buf_clear(&line);
        r = buf_add_str(&line, STR("x")) == BUF_OK ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = trail_files_list(w->folder, &files, &n);
    if (r == 0 && n > 0)
        r = reopen_newest(w, &files[n - 1], whole, ret);
    free(files);
    if (r < 0)
        return r;
    take_up(w, buf_str(&line), &head, has_head, ret);
    w->flushed = w->synced = w->at;
    return trail_head_write(w->head_fd, w->key, &w->at);
}

static int make_folder(const char *folder)
{
    return mkdir(folder, 0750) < 0 && errno != EEXIST ? -errno : 0;
}

int trail_write_open(const char *folder, const char *head_path, const uint8_t key[CHAIN_KEY_SIZE],
                     struct trail_write **ret, struct trail_write_resumed *ret_resumed)
{
    CLEANUP(trail_write_close) struct trail_write *w = calloc(1, sizeof(*w));
    assert(w);
    w->head_fd = w->fd = -1;
    buf_init(&w->pending, TRAIL_WRITE_MAX_PENDING);
    memcpy(w->key, key, CHAIN_KEY_SIZE);
    *ret_resumed = (struct trail_write_resumed){0};
    if (!str_copy(w->folder, sizeof(w->folder), str_from(folder)))
        return -ENAMETOOLONG;
    int r = make_folder(folder);
    if (r == 0)
        r = trail_head_open(head_path, &w->head_fd);
    if (r == 0)
        r = resume(w, head_path, ret_resumed);
    if (r == 0)
        *ret = TAKE(w);
    return r;
}

void trail_write_close(struct trail_write **w)
{
    if (!*w)
        return;
    if ((*w)->head_fd >= 0) {
        (void)!trail_write_flush(*w, true);
        close((*w)->head_fd);
    }
    if ((*w)->fd >= 0)
        close((*w)->fd);
    explicit_bzero((*w)->key, sizeof((*w)->key));
    buf_done(&(*w)->pending);
    free(*w);
    *w = NULL;
}

/* A clock that was set back opens no older file. */
static int turn_page(struct trail_write *w, const char *day)
{
    if (w->fd >= 0 && strcmp(day, w->day) <= 0)
        return 0;
    int r = trail_write_flush(w, true);
    return r == 0 ? open_day(w, day) : r;
}

int trail_write_append(struct trail_write *w, usec_t wall, struct str event, struct str data)
{
    char time[ISO_TIME_SIZE], day[16];
    iso_time_write(wall, time);
    str_copy(day, sizeof(day), trail_files_day(time));
    int r = turn_page(w, day);
    if (r < 0)
        return r;
    const struct chain_record record = {.time = str_from(time), .event = event, .data = data};
    return chain_append(&w->at, w->key, &record, &w->pending) == BUF_OK ? 0 : -ENOBUFS;
}

/* All of it or, as far as the file shows, nothing. */
static int write_pending(struct trail_write *w)
{
    size_t done = 0;
    while (done < w->pending.len) {
        ssize_t n = write(w->fd, w->pending.data + done, w->pending.len - done);
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        int r = n < 0 ? -errno : -ENOSPC;
        if (r == -EINTR)
            continue;
        if (done > 0)
            (void)!ftruncate(w->fd, (off_t)w->size); /* if not, the next start takes it off */
        return r;
    }
    w->size += done;
    w->flushed = w->at;
    buf_clear(&w->pending);
    return 0;
}

int trail_write_flush(struct trail_write *w, bool sync)
{
    if (w->pending.len > 0) {
        int r = write_pending(w);
        if (r < 0)
            return r;
    }
    if (!sync || w->synced.seq == w->flushed.seq || w->fd < 0)
        return 0;
    if (fdatasync(w->fd) < 0)
        return -errno;
    int r = trail_head_write(w->head_fd, w->key, &w->flushed);
    if (r == 0)
        w->synced = w->flushed;
    return r;
}
