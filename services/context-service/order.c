#include "order.h"

#include <string.h>

#define GROUP_SHARE   4  /* groups take up to one token in so many */
#define MARKER_TOKENS 30 /* of an output that is left out */
#define KEY_BITS      40 /* of rank_key.key in use */
#define TOOL_SHARE    4  /* tools play a part when one group in so many has a call */

/* What comes first is least: of a class the higher score. */
struct rank_key {
    uint64_t key;
    uint32_t index;
};

static uint64_t key_of(const struct unit *u)
{
    uint32_t bits;

    memcpy(&bits, &u->score, sizeof(bits));
    bits = bits >> 31 ? ~bits : bits | 1U << 31; /* as floats are ordered */
    return (uint64_t)u->class << 32 | (UINT32_MAX - bits);
}

/* The units in order, of equals the newer first; NULL at the ceiling. */
static const struct rank_key *sort_units(const struct unit_list *l)
{
    struct rank_key *from = arena_alloc(l->arena, l->n * sizeof(*from) + 1);
    struct rank_key *to = arena_alloc(l->arena, l->n * sizeof(*to) + 1);

    if (!from || !to)
        return NULL;
    for (size_t i = 0; i < l->n; i++)
        from[i] = (struct rank_key){key_of(&l->unit[l->n - 1 - i]), (uint32_t)(l->n - 1 - i)};
    for (unsigned shift = 0; shift < KEY_BITS; shift += 8) { /* by each byte, the least first */
        size_t end[256] = {0}, sum = 0;
        for (size_t i = 0; i < l->n; i++)
            end[from[i].key >> shift & 255]++;
        for (unsigned byte = 0; byte < 256; byte++)
            end[byte] = sum += end[byte];
        for (size_t i = l->n; i-- > 0;)
            to[--end[from[i].key >> shift & 255]] = from[i];
        struct rank_key *other = from;
        from = to;
        to = other;
    }
    return from;
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
    const struct rank_key *sorted = sort_units(l);
    uint64_t *cost, rest = 0, groups = 0;

    *o = (struct order){.element = arena_alloc(l->arena, (l->n + end) * sizeof(*o->element) + 1)};
    if (!sorted || !o->element || !cost_groups(l, c, end, &cost))
        return false;

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
