#include "worker_register.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE (256u << 10)

/* "NAME held|free TAG" */
static bool read_row(struct str line, struct worker_register_row *ret)
{
    struct str name, held;

    if (memchr(line.data, '\0', line.len))
        return false; /* nobody of ours wrote that */
    if (!str_cut(&line, ' ', &name) || !str_cut(&line, ' ', &held) || name.len == 0)
        return false;
    *ret = (struct worker_register_row){.is_held = str_is(held, "held")};
    return (ret->is_held || str_is(held, "free")) && str_copy(ret->name, sizeof(ret->name), name) &&
           str_copy(ret->tag, sizeof(ret->tag), line);
}

size_t worker_register_parse(struct str text, struct worker_register_row *ret, size_t max)
{
    struct str line;
    size_t n = 0;

    while (n < max && str_cut(&text, '\n', &line))
        if (read_row(line, &ret[n]))
            n++;
    return n;
}

enum buf_result worker_register_print(const struct worker_register_row *rows, size_t n,
                                      struct buf *out)
{
    enum buf_result full = BUF_OK;

    for (size_t i = 0; i < n && full == BUF_OK; i++)
        full = buf_printf(out, "%s %s %s\n", rows[i].name, rows[i].is_held ? "held" : "free",
                          rows[i].tag);
    return full;
}

static int read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    if (fd < 0)
        return -errno;
    char *to = buf_reserve(out, MAX_FILE);
    if (to)
        n = read(fd, to, MAX_FILE);
    int r = n < 0 ? -errno : 0;
    close(fd);
    if (n > 0)
        buf_commit(out, (size_t)n);
    return r;
}

int worker_register_read(const char *path, struct worker_register_row *ret, size_t max,
                         size_t *ret_n)
{
    CLEANUP(buf_done) struct buf text;

    *ret_n = 0;
    buf_init(&text, MAX_FILE + 1);
    int r = read_file(path, &text);
    if (r < 0)
        return r;
    *ret_n = worker_register_parse(buf_str(&text), ret, max);
    return 0;
}

int worker_register_write(const char *path, const struct worker_register_row *rows, size_t n)
{
    CLEANUP(buf_done) struct buf text;
    char beside[512];

    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
        return -ENAMETOOLONG;
    buf_init(&text, MAX_FILE);
    if (worker_register_print(rows, n, &text) != BUF_OK)
        return -EFBIG;
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    ssize_t written = text.len > 0 ? write(fd, text.data, text.len) : 0;
    int r = written == (ssize_t)text.len ? 0 : written < 0 ? -errno : -ENOSPC;
    close(fd);
    if (r == 0 && rename(beside, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(beside);
    return r;
}
