#include "drop.h"

#include "transcript.h"

/* At most: between what is pinned and what is left beside it. */
static uint64_t reserve_fillers(const struct conversation *c, size_t end)
{
    uint64_t most = 0;

    for (size_t g = 0; g < end; g++)
        most += c->group[g].is_pinned && c->group[g].role != ROLE_SYSTEM;
    return most * transcript_filler_cost(c);
}

bool drop_apply(struct conversation *c, size_t end, uint64_t budget_tokens)
{
    uint64_t fillers = reserve_fillers(c, end);
    bool changed = false, begins_pinned = false;

    for (size_t g = 0; g < end; g++) {
        struct conversation_group *group = &c->group[g];
        if (group->is_dropped)
            continue;
        if (group->is_pinned) {
            begins_pinned |= group->role != ROLE_SYSTEM;
            continue;
        }
        /* Everything before this group is gone or pinned: it is what the rest begins with. */
        bool begins_well = begins_pinned || group->role == ROLE_USER;
        if (c->tokens + fillers <= budget_tokens && (begins_well || !changed))
            break;
        conversation_drop(c, group);
        changed = true;
    }
    return changed;
}
