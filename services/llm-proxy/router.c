#include "router.h"

#include "base/money.h"

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

static size_t best(const struct router_candidate *c, size_t n, better_fn is_better)
{
    size_t found = first(c, n);

    for (size_t i = 0; i < n; i++)
        if (is_eligible(&c[i]) && is_better(&c[i], &c[found]))
            found = i;
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

static bool is_less_busy(const struct router_candidate *a, const struct router_candidate *b)
{
    return (uint64_t)a->in_flight * weight_of(b) < (uint64_t)b->in_flight * weight_of(a);
}

static bool is_cheaper(const struct router_candidate *a, const struct router_candidate *b)
{
    if (a->price == MONEY_UNKNOWN || b->price == MONEY_UNKNOWN)
        return b->price == MONEY_UNKNOWN && a->price != MONEY_UNKNOWN;
    return a->price < b->price;
}

/* Peak-EWMA cost: expected wait of one more request. An unmeasured target is tried first. */
static bool is_faster(const struct router_candidate *a, const struct router_candidate *b)
{
    return a->latency * (a->in_flight + 1) < b->latency * (b->in_flight + 1);
}

/* Power of two choices: two random candidates, the faster of them. */
static size_t faster_of_two(const struct router_candidate *c, size_t n, uint64_t random)
{
    size_t eligible[ROUTER_MAX_TARGETS], n_eligible = 0;

    for (size_t i = 0; i < n && n_eligible < ROUTER_MAX_TARGETS; i++)
        if (is_eligible(&c[i]))
            eligible[n_eligible++] = i;
    if (n_eligible == 0)
        return ROUTER_NONE;

    size_t one = eligible[random % n_eligible];
    size_t other = eligible[(random >> 32) % n_eligible];
    return is_faster(&c[other], &c[one]) ? other : one;
}

size_t router_choose(enum settings_strategy strategy, const struct router_candidate *candidates,
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
        return best(candidates, n, is_less_busy);
    case STRATEGY_COST:
        return best(candidates, n, is_cheaper);
    }
    return ROUTER_NONE;
}
