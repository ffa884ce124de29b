/* fetch_head.h -- what does the head of an answer say? Whole lines in, fields out.
 *
 * For answers whose framing a library has already read: strict about what it keeps, indifferent to
 * the framing itself. The ceilings hold for interim heads and trailers too.
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FETCH_HEAD_MAX_BYTES    (64u << 10)
#define FETCH_HEAD_MAX_FIELDS   100u
#define FETCH_HEAD_MAX_INTERIMS 8u

enum fetch_head_result {
    FETCH_HEAD_MORE = 0,
    FETCH_HEAD_DONE,    /* the empty line of the final head */
    FETCH_HEAD_TRAILER, /* a line after the end of the head: ignored */
    FETCH_HEAD_INVALID,
};

struct fetch_head_field {
    uint32_t name_at, name_len, value_at, value_len;
};

struct fetch_head {
    struct buf text;
    struct fetch_head_field fields[FETCH_HEAD_MAX_FIELDS];
    unsigned n_fields;
    unsigned n_interims;
    size_t bytes; /* all lines, kept or not */
    int status;   /* 0: no status line yet */
    bool is_done;
};

void fetch_head_init(struct fetch_head *h);
void fetch_head_done(struct fetch_head *h);
void fetch_head_clear(struct fetch_head *h); /* keeps the memory */

/* `line` with its CRLF. */
MUST_USE enum fetch_head_result fetch_head_add(struct fetch_head *h, struct str line);

/* The first field of that name; data NULL: none. Valid until the next add. */
struct str fetch_head_find(const struct fetch_head *h, const char *name);
