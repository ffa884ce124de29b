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

enum vocab_make_result {
    VOCAB_MAKE_OK = 0,
    VOCAB_MAKE_BYTES,   /* the first 256 are not the 256 bytes */
    VOCAB_MAKE_TOO_BIG, /* more tokens than ids, or a table too large for `ret_table` */
    VOCAB_MAKE_CROWDED, /* two tokens alike, or more collisions than a lookup follows */
};

enum vocab_entry_kind {
    VOCAB_ENTRY_RANKED, /* the next id, whether merging can reach it or not */
    VOCAB_ENTRY_MERGED, /* of two that part at `cut`; left out where merging never has those two */
    VOCAB_ENTRY_WHOLE,  /* only ever a whole piece; left out where it is there already */
};

struct vocab_entry {
    uint32_t at;    /* in the source's bytes */
    uint8_t length; /* 0: an id without a token */
    uint8_t cut;
    uint8_t kind; /* enum vocab_entry_kind */
};

struct vocab_source {
    enum pretoken_family family;
    struct str file; /* all that was read; the table holds its digest */
    unsigned char *bytes;
    uint32_t n_bytes;
    struct vocab_entry *entries;
    uint32_t n_entries;
    uint32_t n_tokens; /* at most, of those entries */
};

void vocab_source_done(struct vocab_source *s);

/* Appends the table to `ret_table`, which must be empty and have room for it. `name` is shorter
 * than VOCAB_NAME. */
MUST_USE enum vocab_make_result vocab_make(const struct vocab_source *source, const char *name,
                                           struct buf *ret_table);
const char *vocab_make_result_text(enum vocab_make_result r);
