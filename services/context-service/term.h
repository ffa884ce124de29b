/* term.h -- which words does a text have, as numbers that the forms of a word share?
 *
 * Words of any script in lower case, cut at underscores and at the humps of camelCase; pairs of
 * characters where a script has no spaces. A dictionary grows with the texts that are scanned, up
 * to a ceiling: then, or where too many words collide, new words are all TERM_RARE.
 */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TERM_RARE      0
#define TERM_MAX       (1U << 20)
#define TERM_MAX_BYTES 64 /* a longer word is several */

struct term {
    struct str word; /* as first seen, in lower case */
    uint64_t hash;   /* words that share it are one */
    uint32_t stem;   /* the term that all forms of it count as; itself, or another */
    uint32_t df;     /* for the caller: texts that have it */
    uint32_t last;   /* for the caller: the last text that had it */
    uint8_t flags;   /* enum lexicon_flag */
    bool has_digit;
};

struct term_dictionary {
    struct arena *arena;
    struct term *term; /* [TERM_RARE] is no word */
    uint32_t n, cap;
    uint64_t *slot; /* hash table: part of the hash, number; 0 is free */
    uint32_t mask;
    bool is_full; /* the arena's ceiling */
};

/* What a scan found, in order. */
struct term_list {
    uint32_t *id; /* of stems; words that say nothing are left out */
    size_t n;
    uint8_t flags;  /* of all words, those left out as well */
    bool has_digit; /* in any of them */
};

/* False at the arena's ceiling. */
MUST_USE bool term_init(struct term_dictionary *d, struct arena *a);

/* Appends to `ret`, whose `id` has room for TERM_ROOM(text.len) more. */
#define TERM_ROOM(bytes) ((bytes) / 2 + 2)
void term_scan(struct term_dictionary *d, struct str text, struct term_list *ret);
