#include "base/ratelimit.h"

#include <stdbool.h>

/* The word counts ticks finer than a microsecond: a share of the period rarely is a whole number
 * of microseconds, and what each spending is rounded up by must not add up to a unit. */
#define TICKS_PER_USEC 4096
#define TICKS_MAX      (UINT64_MAX - 1)

__extension__ typedef unsigned __int128 wide;

static uint64_t ticks(usec_t t)
{
    return t > TICKS_MAX / TICKS_PER_USEC ? TICKS_MAX : t * TICKS_PER_USEC;
}

static uint64_t later(uint64_t at, uint64_t by)
{
    return by > TICKS_MAX - at ? TICKS_MAX : at + by;
}

static bool is_unlimited(struct ratelimit_rate rate)
{
    return rate.units == 0 || rate.period == 0;
}

/* How long `units` take to be refilled. */
static uint64_t refill_ticks(struct ratelimit_rate rate, uint64_t units, bool round_up)
{
    wide t = (wide)units * ticks(rate.period);

    if (round_up)
        t += rate.units - 1;
    t /= rate.units;
    return t > TICKS_MAX ? TICKS_MAX : (uint64_t)t;
}

usec_t ratelimit_take(struct ratelimit *rl, struct ratelimit_rate rate, uint64_t units, usec_t now)
{
    if (is_unlimited(rate))
        return 0;
    if (units > rate.units)
        return USEC_INFINITY;

    uint64_t cost = refill_ticks(rate, units, true), next;
    uint64_t latest = later(ticks(now), ticks(rate.period));
    uint64_t full_at = atomic_load_explicit(&rl->full_at, memory_order_relaxed);
    do {
        uint64_t start = full_at > ticks(now) ? full_at : ticks(now);
        next = later(start, cost);
        if (next >= later(latest, TICKS_PER_USEC)) /* `now` is no finer than a microsecond */
            return (next - latest) / TICKS_PER_USEC;
    } while (!atomic_compare_exchange_weak_explicit(&rl->full_at, &full_at, next,
                                                    memory_order_relaxed, memory_order_relaxed));
    return 0;
}

void ratelimit_charge(struct ratelimit *rl, struct ratelimit_rate rate, int64_t units, usec_t now)
{
    if (is_unlimited(rate) || units == 0)
        return;

    uint64_t n = units < 0 ? 0 - (uint64_t)units : (uint64_t)units;
    uint64_t cost = refill_ticks(rate, n, units > 0), next;
    uint64_t full_at = atomic_load_explicit(&rl->full_at, memory_order_relaxed);
    do {
        if (units > 0)
            next = later(full_at > ticks(now) ? full_at : ticks(now), cost);
        else
            next = full_at > cost ? full_at - cost : 0;
    } while (!atomic_compare_exchange_weak_explicit(&rl->full_at, &full_at, next,
                                                    memory_order_relaxed, memory_order_relaxed));
}

uint64_t ratelimit_remaining(const struct ratelimit *rl, struct ratelimit_rate rate, usec_t now)
{
    if (is_unlimited(rate))
        return UINT64_MAX;

    uint64_t full_at = atomic_load_explicit(&rl->full_at, memory_order_relaxed);
    uint64_t latest = later(later(ticks(now), ticks(rate.period)), TICKS_PER_USEC - 1);
    uint64_t start = full_at > ticks(now) ? full_at : ticks(now);
    if (start >= latest)
        return 0;
    wide n = (wide)(latest - start) * rate.units / ticks(rate.period);
    return n > rate.units ? rate.units : (uint64_t)n;
}

usec_t ratelimit_reset(const struct ratelimit *rl, usec_t now)
{
    uint64_t full_at = atomic_load_explicit(&rl->full_at, memory_order_relaxed);

    if (full_at <= ticks(now))
        return now;
    return full_at / TICKS_PER_USEC + (full_at % TICKS_PER_USEC != 0);
}
