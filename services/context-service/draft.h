/* draft.h -- what does the conversation look like, and cost, with the first n of an order kept? */
#pragma once

#include "block.h"
#include "conversation.h"
#include "order.h"
#include "unit.h"

struct draft_message {
    const struct json_value *json;
    uint64_t tokens;
    size_t n_kept; /* units */
};

struct draft {
    struct conversation *c;
    struct unit_list *units;
    const struct order *order;
    size_t end;               /* groups before it are open, unless pinned or dropped */
    struct block_list blocks; /* their messages */
    struct str summary;       /* a model's, or empty */
    uint64_t pinned_tokens;   /* of all that is not open, and the overhead */

    /* the last draft */
    struct arena arena; /* that it lives in, and some before it */
    size_t n_kept, n_folded;
    struct draft_message *message; /* of open groups; of those that are folded, an older one */
    struct draft_message written;  /* the summary; json NULL: nothing is folded */
    bool is_full;                  /* an arena's ceiling */
};

/* With the first four set; the blocks' keys take a small share of `goal` tokens. False at the
 * ceiling. */
MUST_USE bool draft_init(struct draft *d, uint64_t goal);
void draft_done(struct draft *d);

/* Tokens of the draft that keeps `n` elements; units and groups are marked by it. UINT64_MAX at the
 * ceiling. */
uint64_t draft_measure(struct draft *d, size_t n);

/* The text of what is folded, for a model to summarize; false at the ceiling. */
MUST_USE bool draft_write_source(struct draft *d, struct str *ret);

/* Makes the conversation that draft, and lists what it leaves out; false at the ceiling. */
MUST_USE bool draft_apply(struct draft *d, size_t n);
