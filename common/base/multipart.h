/* multipart.h -- which fields does a form consist of? (multipart/form-data: RFC 7578, RFC 2046)
 *
 * Over a body that is here as a whole; nothing is copied. Strict: what two readers could
 * understand differently is refused. Everything has a ceiling. Pure.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>

#define MULTIPART_MAX_BOUNDARY 70
#define MULTIPART_MAX_PARTS    64
#define MULTIPART_MAX_HEAD     4096 /* bytes of header fields of one part */

enum multipart_result {
    MULTIPART_OK = 0,
    MULTIPART_END,     /* no more parts: the closing delimiter was there */
    MULTIPART_INVALID, /* not as the standard has it, cut short, or over a ceiling */
};

struct multipart_part {
    struct str name;
    struct str content;
};

struct multipart {
    struct str body;
    char delimiter[MULTIPART_MAX_BOUNDARY + 5]; /* CR LF "--" boundary */
    size_t at;                                  /* behind the delimiter found last */
    unsigned n_parts;
};

/* True when it is multipart/form-data, whatever its boundary is worth. */
bool multipart_is_form(struct str content_type);

/* MULTIPART_INVALID without a boundary of 1 to 70 of the characters that it may have, or when the
 * body does not begin with it. */
MUST_USE enum multipart_result multipart_init(struct multipart *m, struct str content_type,
                                              struct str body);
MUST_USE enum multipart_result multipart_next(struct multipart *m, struct multipart_part *ret);
