#include "order.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_SHARE   4  /* groups take up to one token in so many */
#define MARKER_TOKENS 30 /* of an output that is left out */
#define TOOL_SHARE    4  /* tools play a part when one group in so many has a call */

/* What comes first is least: of a class the higher score, and of equals the newer. */
struct rank_key {
    uint64_t key;
    uint32_t index;
};

static int compare(const void *a, const void *b)
{
    const struct rank_key *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->index < y->index ? 1 : -1;
}

static uint64_t key_of(const struct unit *u)
{
    uint32_t bits;

    memcpy(&bits, &u->score, sizeof(bits));
    bits = bits >> 31 ? ~bits : bits | 1U << 31; /* as floats are ordered */
    return (uint64_t)u->class << 32 | (UINT32_MAX - bits);
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
    struct rank_key *sorted = arena_alloc(l->arena, l->n * sizeof(*sorted) + 1);
    uint64_t *cost, rest = 0, groups = 0;

    *o = (struct order){.element = arena_alloc(l->arena, (l->n + end) * sizeof(*o->element) + 1)};
    if (!sorted || !o->element || !cost_groups(l, c, end, &cost))
        return false;
    for (size_t i = 0; i < l->n; i++)
        sorted[i] = (struct rank_key){key_of(&l->unit[i]), (uint32_t)i};
    qsort(sorted, l->n, sizeof(*sorted), compare);

    size_t next = has_tools(c, end) ? end : 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct unit *u = &l->unit[sorted[i].index];
        o->element[o->n++] = (struct order_element){.index = sorted[i].index, .tokens = u->tokens};
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
