/* ratelimit.h -- may this caller spend now, and if not, when?
 *
 * A bucket is a single number, the moment it will be full again: spending moves it into the
 * future, time passing is the refill. The number is one atomic word, so any thread may spend
 * without a lock; no clock, no allocation.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"

#include <stdatomic.h>
#include <stdint.h>

struct ratelimit_rate {
    uint64_t units; /* refilled per `period`, also the burst; 0 means unlimited */
    usec_t period;
};

struct ratelimit {
    _Atomic uint64_t full_at; /* the only state; zero is a full bucket */
};

/* Spend `units`. Returns 0 if they were spent, else how long to wait before asking again
 * (USEC_INFINITY if `units` exceeds the burst and can never pass). Refusal spends nothing. */
MUST_USE usec_t ratelimit_take(struct ratelimit *rl, struct ratelimit_rate rate, uint64_t units,
                               usec_t now);

/* Spend (or, negative, give back) no matter what, for a cost known only afterwards. */
void ratelimit_charge(struct ratelimit *rl, struct ratelimit_rate rate, int64_t units, usec_t now);

/* Units that could be spent now (UINT64_MAX when unlimited), and the moment the bucket will be full
 * (`now` when it is). */
uint64_t ratelimit_remaining(const struct ratelimit *rl, struct ratelimit_rate rate, usec_t now);
usec_t ratelimit_reset(const struct ratelimit *rl, usec_t now);
