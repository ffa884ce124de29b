/* lexicon.h -- what does this word tell by itself, in the languages people write to models in?
 *
 * Function words say nothing about what is wanted. Words that forbid, demand, decide or fail mark
 * the sentences that must not be lost. Written Chinese, Japanese and Thai come as pairs of
 * characters.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>

enum lexicon_flag {
    LEXICON_STOP = 1,
    LEXICON_DEMAND = 2,
    LEXICON_DECISION = 4,
    LEXICON_ERROR = 8,
    LEXICON_NOT = 16,
    LEXICON_WILL = 32,
};

/* `word` in lower case; 0 for most. */
unsigned lexicon_flags(struct str word);

/* Cuts an inflected word to what its forms share, in place; returns the new length. `n_other` is
 * the number of its characters beyond ASCII. */
size_t lexicon_stem(char *word, size_t len, size_t n_other);
