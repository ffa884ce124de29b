/* router.h -- which of a model's targets is tried next? Pure: state in, index out.
 */
#pragma once

#include "base/macro.h"
#include "settings/catalogue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTER_MAX_TARGETS 16
#define ROUTER_NONE        SIZE_MAX

struct router_candidate {
    uint32_t weight;   /* 0 counts as 1 */
    bool is_available; /* breaker and health allow it */
    bool was_tried;    /* by this request already */
    uint32_t in_flight;
    double latency; /* seconds, moving average; 0: not known yet */
    int64_t price;  /* of a million output tokens; MONEY_UNKNOWN sorts last */
};

/* The index of the best candidate that is available and was not tried, or ROUTER_NONE.
 * `random` is any number: it decides weighted choices and the pair that is compared by latency. */
size_t router_choose(enum settings_strategy strategy, const struct router_candidate *candidates,
                     size_t n, uint64_t random);
