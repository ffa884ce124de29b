#include "order.h"

#include <stdlib.h>

#define GROUP_SHARE   4  /* groups take up to one token in so many */
#define MARKER_TOKENS 30 /* of an output that is left out */
#define TOOL_SHARE    4  /* tools play a part when one group in so many has a call */

static int compare(const void *a, const void *b, void *arg)
{
    const struct unit *unit = arg;
    uint32_t i = ((const struct order_element *)a)->index;
    uint32_t k = ((const struct order_element *)b)->index;
    const struct unit *x = &unit[i], *y = &unit[k];

    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return i < k ? 1 : -1; /* of equals the newer */
}

static bool is_open(const struct conversation_group *g)
{
    return !g->is_pinned && !g->is_dropped;
}

static bool has_tools(const struct conversation *c, size_t end)
{
    size_t groups = 0, tools = 0;

    for (size_t g = 0; g < end; g++) {
        groups += is_open(&c->group[g]);
        tools += is_open(&c->group[g]) && c->group[g].n > 1;
    }
    return tools > 0 && tools * TOOL_SHARE >= groups;
}

/* What a group costs that stays, but for the lines of its outputs. */
static bool cost_groups(const struct unit_list *l, const struct conversation *c, size_t end,
                        uint64_t **ret)
{
    uint64_t *cost = arena_alloc(l->arena, end * sizeof(*cost) + 1);

    if (!cost)
        return false;
    for (size_t g = 0; g < end; g++)
        cost[g] = c->group[g].tokens;
    for (size_t s = 0; s < l->n_sources; s++) {
        const struct unit_source *source = &l->source[s];
        if (source->kind != PIECE_OUTPUT)
            continue;
        uint64_t lines = 0;
        for (size_t i = source->first; i < source->first + source->n; i++)
            lines += l->unit[i].tokens;
        if (lines > MARKER_TOKENS)
            cost[source->group] -= lines - MARKER_TOKENS < cost[source->group]
                                       ? lines - MARKER_TOKENS
                                       : cost[source->group];
    }
    *ret = cost;
    return true;
}

bool order_make(struct order *o, const struct unit_list *l, const struct conversation *c,
                size_t end)
{
    struct order_element *sorted = arena_alloc(l->arena, l->n * sizeof(*sorted) + 1);
    uint64_t *cost, rest = 0, groups = 0;

    *o = (struct order){.element = arena_alloc(l->arena, (l->n + end) * sizeof(*o->element) + 1)};
    if (!sorted || !o->element || !cost_groups(l, c, end, &cost))
        return false;
    for (size_t i = 0; i < l->n; i++)
        sorted[i] = (struct order_element){.index = (uint32_t)i, .tokens = l->unit[i].tokens};
    qsort_r(sorted, l->n, sizeof(*sorted), compare, l->unit);

    size_t next = has_tools(c, end) ? end : 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct unit *u = &l->unit[sorted[i].index];
        o->element[o->n++] = sorted[i];
        rest += u->class == UNIT_REST ? u->tokens : 0;
        while (next > 0 && !is_open(&c->group[next - 1]))
            next--;
        while (next > 0 && (groups + cost[next - 1]) * (GROUP_SHARE - 1) <= rest) {
            next--;
            if (!is_open(&c->group[next]))
                continue;
            groups += cost[next];
            o->element[o->n++] = (struct order_element){(uint32_t)next, true, cost[next]};
        }
    }
    return true;
}
