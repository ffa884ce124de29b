#include "router.h"

#include "base/money.h"

#include <math.h>

typedef bool (*better_fn)(const struct router_candidate *a, const struct router_candidate *b);

static bool is_eligible(const struct router_candidate *c)
{
    return c->is_available && !c->was_tried;
}

static size_t first(const struct router_candidate *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_eligible(&c[i]))
            return i;
    return ROUTER_NONE;
}

/* Of equals the first from `start` on. */
static size_t best(const struct router_candidate *c, size_t n, better_fn is_better, size_t start)
{
    size_t found = ROUTER_NONE;

    for (size_t k = 0; k < n; k++) {
        size_t i = (start + k) % n;
        if (is_eligible(&c[i]) && (found == ROUTER_NONE || is_better(&c[i], &c[found])))
            found = i;
    }
    return found;
}

static uint64_t weight_of(const struct router_candidate *c)
{
    return c->weight > 0 ? c->weight : 1;
}

static size_t weighted(const struct router_candidate *c, size_t n, uint64_t random)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++)
        if (is_eligible(&c[i]))
            total += weight_of(&c[i]);
    if (total == 0)
        return ROUTER_NONE;

    uint64_t at = random % total;
    for (size_t i = 0; i < n; i++) {
        if (!is_eligible(&c[i]))
            continue;
        if (at < weight_of(&c[i]))
            return i;
        at -= weight_of(&c[i]);
    }
    return ROUTER_NONE;
}

static uint64_t load_of(const struct router_candidate *c)
{
    return (uint64_t)c->in_flight + c->elsewhere;
}

/* In tenths, so that readings some seconds old do not send everything to one of two equals. */
static int fullness_of(const struct router_candidate *c)
{
    return (int)(c->kv_cache_usage * 10);
}

static bool is_less_busy(const struct router_candidate *a, const struct router_candidate *b)
{
    uint64_t mine = load_of(a) * weight_of(b), its = load_of(b) * weight_of(a);

    if (mine != its || isnan(a->kv_cache_usage) || isnan(b->kv_cache_usage))
        return mine < its;
    return fullness_of(a) < fullness_of(b);
}

static bool is_cheaper(const struct router_candidate *a, const struct router_candidate *b)
{
    if (a->price == MONEY_UNKNOWN || b->price == MONEY_UNKNOWN)
        return b->price == MONEY_UNKNOWN && a->price != MONEY_UNKNOWN;
    return a->price < b->price;
}

/* Peak-EWMA cost: expected wait of one more request. An unmeasured target is tried first, but
 * nobody waits behind its first request. */
static double cost_of(const struct router_candidate *c)
{
    if (c->latency <= 0)
        return c->in_flight == 0 ? 0 : HUGE_VAL;
    return c->latency * ((double)c->in_flight + 1) / (double)weight_of(c);
}

static bool is_faster(const struct router_candidate *a, const struct router_candidate *b)
{
    return cost_of(a) < cost_of(b);
}

/* Power of two choices: two different candidates drawn at random, the faster of them. */
static size_t faster_of_two(const struct router_candidate *c, size_t n, uint64_t random)
{
    size_t eligible[ROUTER_MAX_TARGETS], n_eligible = 0;

    for (size_t i = 0; i < n && n_eligible < ROUTER_MAX_TARGETS; i++)
        if (is_eligible(&c[i]))
            eligible[n_eligible++] = i;
    if (n_eligible < 2)
        return n_eligible == 1 ? eligible[0] : ROUTER_NONE;

    size_t one = (random & UINT32_MAX) % n_eligible;
    size_t other = (one + 1 + (random >> 32) % (n_eligible - 1)) % n_eligible;
    return is_faster(&c[eligible[other]], &c[eligible[one]]) ? eligible[other] : eligible[one];
}

/* Weighted rendezvous: each session orders the targets in its own way, and of many sessions each
 * target comes first for as many as its weight says. */
static bool is_nearer(const struct router_candidate *a, const struct router_candidate *b)
{
    double u = ((double)(a->affinity >> 11) + 0.5) / 0x1p53;
    double v = ((double)(b->affinity >> 11) + 0.5) / 0x1p53;

    return (double)weight_of(a) / -log(u) > (double)weight_of(b) / -log(v);
}

static bool takes_for_equals(enum settings_strategy strategy)
{
    return strategy == STRATEGY_WEIGHTED || strategy == STRATEGY_LATENCY ||
           strategy == STRATEGY_LEAST_BUSY;
}

bool router_is_sticky(enum settings_strategy strategy, const struct router_candidate *candidates,
                      size_t n)
{
    return takes_for_equals(strategy) && n > 0 && candidates[0].affinity != 0;
}

/* As if those that are full had been tried, unless all are. */
static bool leave_out_full(const struct router_candidate *c, size_t n, struct router_candidate *ret)
{
    bool has_full = false, has_free = false;

    for (size_t i = 0; i < n; i++) {
        ret[i] = c[i];
        has_full |= is_eligible(&c[i]) && c[i].is_full;
        has_free |= is_eligible(&c[i]) && !c[i].is_full;
        ret[i].was_tried |= c[i].is_full;
    }
    return has_full && has_free;
}

static size_t choose(enum settings_strategy strategy, const struct router_candidate *candidates,
                     size_t n, uint64_t random)
{
    switch (strategy) {
    case STRATEGY_PRIORITY:
    case STRATEGY_COMPLEXITY: /* delegates to another model before it gets here */
        return first(candidates, n);
    case STRATEGY_WEIGHTED:
        return weighted(candidates, n, random);
    case STRATEGY_LATENCY:
        return faster_of_two(candidates, n, random);
    case STRATEGY_LEAST_BUSY:
        return best(candidates, n, is_less_busy, random % (n > 0 ? n : 1));
    case STRATEGY_COST:
        return best(candidates, n, is_cheaper, 0);
    }
    return ROUTER_NONE;
}

size_t router_choose(enum settings_strategy strategy, const struct router_candidate *candidates,
                     size_t n, uint64_t random)
{
    struct router_candidate with_place[ROUTER_MAX_TARGETS];

    if (n > ROUTER_MAX_TARGETS)
        n = ROUTER_MAX_TARGETS;
    if (router_is_sticky(strategy, candidates, n))
        return best(candidates, n, is_nearer, 0);
    if (takes_for_equals(strategy) && leave_out_full(candidates, n, with_place))
        return choose(strategy, with_place, n, random);
    return choose(strategy, candidates, n, random);
}
