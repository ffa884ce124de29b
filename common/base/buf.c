#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (n > b->max - b->len)
        return NULL;

    if (b->len + n >= b->cap) {
        size_t cap = (b->len + n + 1) * 2;
        if (cap > b->max + 1)
            cap = b->max + 1;
        char *data = realloc(b->data, cap);
        if (!data)
            abort();
        b->data = data;
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
    assert(n < b->cap - b->len);
    b->len += n;
    b->data[b->len] = '\0';
}

enum buf_result buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return BUF_OK;

    char *to = buf_reserve(b, n);
    if (!to)
        return BUF_FULL;
    memcpy(to, bytes, n);
    buf_commit(b, n);
    return BUF_OK;
}

enum buf_result buf_add_str(struct buf *b, struct str s)
{
    return buf_add(b, s.data, s.len);
}

enum buf_result buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(n >= 0);

    char *to = buf_reserve(b, (size_t)n);
    if (to) {
        vsnprintf(to, (size_t)n + 1, format, again);
        buf_commit(b, (size_t)n);
    }
    va_end(again);
    return to ? BUF_OK : BUF_FULL;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->data, b->data + n, b->len + 1);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

struct str buf_str(const struct buf *b)
{
    return b->len > 0 ? (struct str){b->data, b->len} : STR_EMPTY;
}
