/* vocab_make.h -- from a list of tokens to a table that can be mapped.
 *
 * The list is in the order in which byte-pair encoding prefers them, the 256 bytes first. Which two
 * a token is merged of follows from that order: what merging its bytes without it ends with. Done
 * once, when a table is installed; readers of the files that tokenizers are published in are
 * vocab_ranks.h and vocab_json.h.
 */
#pragma once

#include "base/buf.h"
#include "vocab.h"
#include "vocab_source.h"

enum vocab_make_result {
    VOCAB_MAKE_OK = 0,
    VOCAB_MAKE_BYTES,   /* the first 256 are not the 256 bytes */
    VOCAB_MAKE_TOO_BIG, /* more tokens than ids, or a table too large for `ret_table` */
    VOCAB_MAKE_CROWDED, /* two tokens alike, or more collisions than a lookup follows */
};

/* Appends the table to `ret_table`, which must be empty and have room for it. `name` is shorter
 * than VOCAB_NAME. */
MUST_USE enum vocab_make_result vocab_make(const struct vocab_source *source, const char *name,
                                           struct buf *ret_table);
const char *vocab_make_result_text(enum vocab_make_result r);
