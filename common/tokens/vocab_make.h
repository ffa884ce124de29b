/* vocab_make.h -- from a published list of ranks to a table that can be mapped.
 *
 * The list has a line a token: base64 of its bytes, a space, its rank. The merges, which the list
 * leaves out, follow from the ranks: a token is made of the two parts that merging its bytes
 * without it ends with. Done once, when a table is installed.
 */
#pragma once

#include "base/buf.h"
#include "vocab.h"

enum vocab_make_result {
    VOCAB_MAKE_OK = 0,
    VOCAB_MAKE_SYNTAX,  /* a line that is not "base64 rank", or ranks that do not rise */
    VOCAB_MAKE_BYTES,   /* the first 256 are not the 256 bytes */
    VOCAB_MAKE_TOO_BIG, /* too many tokens, or too long ones */
    VOCAB_MAKE_CROWDED, /* two tokens alike, or more collisions than a lookup follows */
};

/* Appends the table to `ret_table`, which must be empty and have room for it. */
MUST_USE enum vocab_make_result vocab_make(struct str ranks, const char *name,
                                           enum pretoken_family family, struct buf *ret_table);
