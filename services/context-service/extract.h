/* extract.h -- what of the old part of a conversation is worth its tokens?
 *
 * Everything that can be chosen stands in one order, whatever the budget: first what must not be
 * lost, then by rank. As much of that order is kept as fits, so a larger budget keeps what a
 * smaller one keeps. Groups stay as they are, with lines of tool output left out, as long as that
 * does not take too much of the budget; those before them become one summary of what is kept.
 */
#pragma once

#include "conversation.h"
#include "draft.h"
#include "unit.h"

struct extract_options {
    size_t end;    /* groups from there on stay */
    uint64_t goal; /* tokens that the conversation may have */
    struct str query;
    struct str summary_key, summary; /* a model's summary of the messages with that key, or empty */
};

struct extract {
    struct unit_list units;
    struct draft draft;
    bool has_summary; /* the model's was used */
};

/* False, and nothing changed, when even a summary that keeps nothing is over the goal; then
 * c->is_full may say why. */
MUST_USE bool extract_apply(struct extract *x, struct conversation *c,
                            const struct extract_options *options);
