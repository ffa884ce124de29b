/* http1_chunked.h -- what does a chunked body carry, and where does it end? (RFC 9112, 7.1)
 *
 * Strict: CRLF only, plain hexadecimal sizes, well-formed extensions and trailer fields, which are
 * checked, limited and dropped. Copies nothing and holds nothing.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

enum http1_chunked_result {
    HTTP1_CHUNKED_DATA = 0, /* a piece of the body */
    HTTP1_CHUNKED_MORE,     /* the input is used up */
    HTTP1_CHUNKED_END,      /* the body is complete; *in holds what follows it */
    HTTP1_CHUNKED_INVALID,  /* final: close the connection */
};

struct http1_chunked { /* all zero: a fresh body */
    unsigned state;
    unsigned line_len; /* bytes of this size line, or of the trailer section */
    uint64_t left;     /* bytes of this chunk still to come */
};

/* Call again until the result is not HTTP1_CHUNKED_DATA. *in moves behind what was taken;
 * *ret_piece points into it. */
MUST_USE enum http1_chunked_result http1_chunked_next(struct http1_chunked *c, struct str *in,
                                                      struct str *ret_piece);
