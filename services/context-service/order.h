/* order.h -- what is kept first, what next, and what last, whatever the budget? */
#pragma once

#include "unit.h"

/* A unit, or the leave for a group to stay as it is, without being folded. */
struct order_element {
    uint32_t index;
    bool is_group;
    uint64_t tokens; /* about what it costs */
};

struct order {
    struct order_element *element;
    size_t n;
};

/* Of classified units of the groups before `end`. Groups follow newest first, as much of them as
 * makes up a share of what is kept beside them; none where tools play no part. False at the arena's
 * ceiling. */
MUST_USE bool order_make(struct order *o, const struct unit_list *l, const struct conversation *c,
                         size_t end);
