/* buf.h -- a growable byte buffer that knows its ceiling.
 *
 * Everything whose size comes from the network lives in one of these: hitting `max` is an
 * outcome the caller handles, so no peer can choose how much memory we use.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stddef.h>

enum buf_result { BUF_OK = 0, BUF_FULL = 1 };

struct buf {
    char *data; /* NUL-terminated once anything was added */
    size_t len;
    size_t cap;
    size_t max;
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);

/* Append all or nothing. Aborts if the kernel refuses memory below `max`. */
MUST_USE enum buf_result buf_add(struct buf *b, const void *bytes, size_t n);
MUST_USE enum buf_result buf_add_str(struct buf *b, struct str s);
MUST_USE enum buf_result buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

/* Make room for `n` more bytes and return where they go, NULL at the ceiling; then buf_commit()
 * says how many were written. */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* Drop the first `n` bytes. */
void buf_consume(struct buf *b, size_t n);

/* Forget the content, keep the memory. */
void buf_clear(struct buf *b);

struct str buf_str(const struct buf *b);
