/* exchange_route.h -- where has a request been tried, and where is it now? */
#pragma once

#include "proto/outcome.h"
#include "router.h"
#include "tried.h"

#include <stddef.h>
#include <stdint.h>

struct upstream;
struct upstream_target;

struct exchange_route {
    size_t at_model;                /* of the plan */
    size_t index;                   /* of the chosen target in it … */
    struct upstream_target *target; /* … which is this */
    struct tried tried;
    uint64_t too_small;         /* a window the request does not fit into; 0: none known */
    struct upstream *repeating; /* one of its repeats is ours; NULL: none */
    enum outcome_kind last_failure;
    const char *words; /* of the provider that failed last, if it is one that may be quoted */
};
