/* vocab_ranks.h -- which tokens are in this list of ranks?
 *
 * The form in which OpenAI publishes its encodings: a line a token, base64 of its bytes, a space,
 * its rank.
 */
#pragma once

#include "vocab_make.h"

enum vocab_ranks_result {
    VOCAB_RANKS_OK = 0,
    VOCAB_RANKS_SYNTAX,  /* a line that is not "base64 rank", or ranks that do not rise */
    VOCAB_RANKS_TOO_BIG, /* too many tokens, or too long ones */
};

/* A list that OpenAI publishes, by its digest; NULL when it is none of them. */
const char *vocab_ranks_name(struct str ranks, enum pretoken_family *ret_family);

/* `ranks` is borrowed as the source's file. vocab_source_done(), whatever the result. */
MUST_USE enum vocab_ranks_result vocab_ranks_read(struct str ranks, enum pretoken_family family,
                                                  struct vocab_source *ret);
