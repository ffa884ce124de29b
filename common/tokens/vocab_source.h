/* vocab_source.h -- which tokens does a file list, in which order?
 *
 * What a reader of such files gives to vocab_make().
 */
#pragma once

#include "base/str.h"
#include "pretoken.h"

#include <stdbool.h>
#include <stdint.h>

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
    bool needs_nfc;  /* text is brought into normal form C first */
    struct str file; /* all that was read; the table holds its digest */
    unsigned char *bytes;
    uint32_t n_bytes;
    struct vocab_entry *entries;
    uint32_t n_entries;
    uint32_t n_tokens; /* at most, of those entries */
};

void vocab_source_done(struct vocab_source *s);
