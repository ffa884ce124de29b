/* router.h -- which of a model's targets is tried next? Pure: state in, index out.
 */
#pragma once

#include "base/macro.h"
#include "settings/catalogue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTER_MAX_TARGETS 64 /* as many as can be configured */
#define ROUTER_NONE        SIZE_MAX

struct router_candidate {
    uint32_t weight;   /* 0 counts as 1 */
    bool is_available; /* nothing is in its way */
    bool was_tried;    /* by this request already */
    bool is_full;      /* one would have to wait for a place */
    uint32_t in_flight;
    uint32_t elsewhere;    /* requests of others at it, as it says itself */
    double kv_cache_usage; /* 0 to 1, as it says; NAN: not known */
    double latency;        /* seconds, moving average; 0: not known yet */
    int64_t price;         /* of this request, about; MONEY_UNKNOWN sorts last */
    uint64_t affinity;     /* hash of session and target; 0: the request is of no session */
};

/* The index of the best candidate that is available and was not tried, or ROUTER_NONE.
 * `random` is any number: it decides weighted choices and the pair that is compared by latency.
 *
 * Where a strategy takes targets for equals (weighted, latency, least_busy), one with a free place
 * goes before one without, and a session keeps its target (rendezvous hashing: it moves only when
 * that one cannot be tried, and comes back) for the sake of the provider's prompt cache. */
size_t router_choose(enum settings_strategy strategy, const struct router_candidate *candidates,
                     size_t n, uint64_t random);

/* Whether the choice is the session's. */
bool router_is_sticky(enum settings_strategy strategy, const struct router_candidate *candidates,
                      size_t n);
