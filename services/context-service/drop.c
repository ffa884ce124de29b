#include "drop.h"

bool drop_apply(struct conversation *c, size_t end, uint64_t budget_tokens)
{
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
        if (c->tokens <= budget_tokens && (begins_well || !changed))
            break;
        conversation_drop(c, group);
        changed = true;
    }
    return changed;
}
