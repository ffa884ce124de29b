#include "purse.h"

#include <assert.h>

static enum zone_unit unit_of(enum purse_period period)
{
    return period == PURSE_MONTHLY ? ZONE_MONTH : ZONE_DAY;
}

usec_t purse_period_start(const struct purse_limits *l, enum purse_period period, usec_t wall)
{
    if (period == PURSE_TOTAL)
        return 0;
    int64_t t = zone_start(l->zone, unit_of(period), (int64_t)(wall / USEC_PER_SEC));
    return t < 0 ? 0 : (usec_t)t * USEC_PER_SEC;
}

usec_t purse_period_end(const struct purse_limits *l, enum purse_period period, usec_t wall)
{
    if (period == PURSE_TOTAL)
        return USEC_INFINITY;
    return (usec_t)zone_end(l->zone, unit_of(period), (int64_t)(wall / USEC_PER_SEC)) *
           USEC_PER_SEC;
}

static struct budget *current(struct purse_owner o, enum purse_period period, usec_t wall)
{
    struct budget *b = &o.purse->periods[period];
    usec_t ends_at;

    if (budget_is_over(b, wall, &ends_at))
        budget_roll(b, ends_at, purse_period_end(o.limits, period, wall));
    return b;
}

static bool is_limited(struct purse_owner o)
{
    for (unsigned p = 0; p < PURSE_PERIODS; p++)
        if (o.limits->nano[p] != MONEY_UNKNOWN)
            return true;
    return false;
}

bool purse_is_limited(const struct purse_hold *h)
{
    for (size_t i = 0; i < h->n_owners; i++)
        if (is_limited(h->owners[i]))
            return true;
    return false;
}

/* The first `n` of all budgets, owner by owner, give `amount` back. */
static void give_back(struct purse_hold *h, unsigned n, int64_t amount)
{
    for (unsigned i = 0; i < n; i++) {
        const struct purse_owner *o = &h->owners[i / PURSE_PERIODS];
        if (o->limits->nano[i % PURSE_PERIODS] != MONEY_UNKNOWN)
            budget_settle(&o->purse->periods[i % PURSE_PERIODS], amount, 0);
    }
}

bool purse_reserve(struct purse_hold *h, int64_t amount, usec_t wall, enum purse_period *ret_period,
                   size_t *ret_owner)
{
    int64_t more = amount - h->amount;
    unsigned n = (unsigned)h->n_owners * PURSE_PERIODS;

    if (more <= 0)
        return true;
    for (unsigned i = 0; i < n; i++) {
        struct purse_owner o = h->owners[i / PURSE_PERIODS];
        int64_t limit = o.limits->nano[i % PURSE_PERIODS];
        if (limit == MONEY_UNKNOWN ||
            budget_reserve(current(o, i % PURSE_PERIODS, wall), limit, more))
            continue;
        give_back(h, i, more);
        *ret_period = i % PURSE_PERIODS;
        *ret_owner = i / PURSE_PERIODS;
        return false;
    }
    h->amount = amount;
    return true;
}

void purse_spend(struct purse_hold *h, int64_t cost, usec_t wall)
{
    assert(cost >= 0);
    int64_t held = cost < h->amount ? cost : h->amount;

    for (size_t i = 0; cost > 0 && i < h->n_owners; i++)
        for (unsigned p = 0; p < PURSE_PERIODS; p++) {
            bool has_hold = h->owners[i].limits->nano[p] != MONEY_UNKNOWN;
            budget_settle(current(h->owners[i], p, wall), has_hold ? held : 0, cost);
        }
    h->amount -= held;
}

void purse_release(struct purse_hold *h)
{
    if (h->amount > 0)
        give_back(h, (unsigned)h->n_owners * PURSE_PERIODS, h->amount);
    h->amount = 0;
}

int64_t purse_used(struct purse_owner o, enum purse_period period, usec_t wall)
{
    return budget_used(current(o, period, wall));
}

int64_t purse_left(struct purse_owner o, usec_t wall)
{
    int64_t least = MONEY_UNKNOWN;

    for (unsigned p = 0; p < PURSE_PERIODS; p++) {
        if (o.limits->nano[p] == MONEY_UNKNOWN)
            continue;
        int64_t left = o.limits->nano[p] - purse_used(o, p, wall);
        if (least == MONEY_UNKNOWN || left < least)
            least = left;
    }
    return least;
}
