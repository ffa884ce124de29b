/* vocab_tree.h -- where do the tokens that merging reaches lie in a tree of their prefixes?
 *
 * Builds the units of vocab.h: a double array, so that a step down costs one look at memory.
 */
#pragma once

#include "vocab.h"

struct vocab_tree {
    struct vocab_unit *units;
    uint32_t n_units;
    uint32_t room;
};

/* Of `v` needs bytes, starts and parts. False if there are more units than a base can name. */
MUST_USE bool vocab_tree_grow(struct vocab_tree *t, const struct vocab *v, uint32_t n_tokens);
void vocab_tree_done(struct vocab_tree *t);
