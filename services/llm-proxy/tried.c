#include "tried.h"

static size_t index_of(const struct tried *t, const struct upstream_target *target)
{
    size_t i = 0;

    while (i < t->n && t->of[i].target != target)
        i++;
    return i;
}

bool tried_has(const struct tried *t, const struct upstream_target *target)
{
    if (index_of(t, target) < t->n || t->n == TRIED_MAX)
        return true;
    for (size_t i = 0; i < t->n; i++)
        if (t->of[i].is_provider_closed && upstream_of(t->of[i].target) == upstream_of(target))
            return true;
    return false;
}

uint32_t tried_count(const struct tried *t, const struct upstream_target *target)
{
    size_t i = index_of(t, target);

    return i < t->n ? t->of[i].tries : 0;
}

void tried_close(struct tried *t, const struct upstream_target *target)
{
    size_t i = index_of(t, target);

    if (i < t->n || t->n == TRIED_MAX)
        return;
    t->of[i].target = target;
    t->of[i].tries = 0;
    t->of[i].is_provider_closed = false;
    t->n++;
}

void tried_add(struct tried *t, const struct upstream_target *target)
{
    tried_close(t, target);
    size_t i = index_of(t, target);
    if (i < t->n)
        t->of[i].tries++;
}

void tried_forget(struct tried *t, const struct upstream_target *target)
{
    size_t i = index_of(t, target);

    if (i < t->n)
        t->of[i].tries = 0;
}

void tried_close_provider(struct tried *t, const struct upstream_target *target)
{
    tried_close(t, target);
    size_t i = index_of(t, target);
    if (i < t->n)
        t->of[i].is_provider_closed = true;
}
