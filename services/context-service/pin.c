#include "pin.h"

static size_t group_of(const struct conversation *c, size_t message)
{
    size_t g = c->n_groups - 1;

    while (c->group[g].first > message)
        g--;
    return g;
}

static bool begins_with_user(const struct conversation *c, size_t from)
{
    while (from < c->n_groups && c->group[from].role == ROLE_SYSTEM)
        from++;
    return from < c->n_groups && c->group[from].role == ROLE_USER;
}

/* Last user group before `end`; `end` when there is none. */
static size_t last_user(const struct conversation *c, size_t end)
{
    for (size_t g = end; g-- > 0;)
        if (c->group[g].role == ROLE_USER)
            return g;
    return end;
}

struct pin_reach pin_groups(struct conversation *c, size_t keep_last)
{
    size_t kept = keep_last == 0 ? 1 : keep_last < c->n ? keep_last : c->n;
    size_t tail = group_of(c, c->n - kept);
    size_t asked = last_user(c, c->n_groups);

    for (size_t g = 0; g < c->n_groups; g++)
        c->group[g].is_pinned = g >= tail || c->group[g].role == ROLE_SYSTEM;
    if (!begins_with_user(c, tail)) {
        size_t anchor = last_user(c, tail);
        if (anchor < tail)
            c->group[anchor].is_pinned = true;
    }
    return (struct pin_reach){.calm = asked < tail ? asked : tail, .utmost = tail};
}
