/* retry_budget.h -- may one more try be repeated at this provider, or would that make it worse?
 *
 * Repeats are a share of the requests of the last ten seconds, and of those under way now; so few
 * as RETRY_BUDGET_FLOOR are always allowed, or a quiet gateway could never repeat anything. Pure:
 * the caller passes the time.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RETRY_BUDGET_FLOOR 3
#define RETRY_BUDGET_SLOTS 10 /* a second each */

struct retry_budget {
    struct {
        uint64_t second;
        uint32_t requests, repeats;
    } slots[RETRY_BUDGET_SLOTS];
    uint32_t repeating; /* allowed and not over */
    uint64_t refused;
};

/* A request's first try at the provider. */
void retry_budget_note(struct retry_budget *b, usec_t now);

/* One repeat more, with a budget of `share`, beside `under_way` tries at the provider; exactly one
 * retry_budget_release() is due if it is allowed. A share of 0 allows none. */
MUST_USE bool retry_budget_take(struct retry_budget *b, double share, uint32_t under_way,
                                usec_t now);
void retry_budget_release(struct retry_budget *b);
