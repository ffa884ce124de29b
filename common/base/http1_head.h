/* http1_head.h -- where do the lines and fields of an HTTP/1.1 head begin and end? (RFC 9112)
 *
 * What requests and responses share. The caller holds the bytes of the head, from its first one, in
 * one piece that may grow and move between calls: everything here is an offset into it. A verdict
 * depends on the bytes alone, never on where the network cut them. There is no lenient mode: CRLF
 * only, no folding, no control characters, no space around names.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http1_result { HTTP1_DONE = 0, HTTP1_MORE, HTTP1_REFUSED };

struct http1_span {
    uint32_t at, len;
};

struct http1_field {
    struct http1_span name, value; /* the value without spaces and tabs around it */
};

struct http1_head {
    struct http1_field *fields; /* the caller's, room for max_fields */
    unsigned n_fields, max_fields;
    size_t max_bytes; /* of the whole head, the blank line included */
    uint32_t at;      /* where the line being read begins */
    uint32_t scanned; /* bytes before it have been looked at */
    int status;       /* once refused: what a server answers … */
    const char *why;  /* … and one sentence for whoever sent it, static */
};

void http1_head_init(struct http1_head *h, struct http1_field *fields, unsigned max_fields,
                     size_t max_bytes);

/* Always HTTP1_REFUSED: notes why, so that a parser can end in `return http1_head_refuse(…)`. */
enum http1_result http1_head_refuse(struct http1_head *h, int status, const char *why);

/* The next line is whole: without its CRLF. `is_ascii`: it may hold nothing but SP and visible
 * ASCII, and a line that is too long is a target that is too long. */
MUST_USE enum http1_result http1_head_line(struct http1_head *h, struct str bytes, bool is_ascii,
                                           struct http1_span *ret_line);

/* Take a line apart and keep it. The field is borrowed from h->fields. */
MUST_USE enum http1_result http1_head_field(struct http1_head *h, struct str bytes,
                                            struct http1_span line, const struct http1_field **ret);

/* Content-Length: digits, no sign, no list, no leading zero. */
MUST_USE bool http1_head_length(struct str value, uint64_t *ret);

struct str http1_head_text(struct str bytes, struct http1_span span);
/* The first field of that name; data is NULL if there is none. */
struct str http1_head_find(const struct http1_head *h, struct str bytes, const char *name);
/* Does a comma-separated list (Connection) hold this token? */
bool http1_head_lists(struct str value, const char *token);
bool http1_head_is_token_char(char c);
/* May this be sent as a field? No line end, no control character, no empty name. */
bool http1_head_is_clean(struct str name, struct str value);
int http1_head_hex_digit(char c); /* -1: none */
