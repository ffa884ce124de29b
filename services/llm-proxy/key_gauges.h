/* key_gauges.h -- what is left of each key's budgets, for Prometheus?
 */
#pragma once

#include "base/clock.h"
#include "base/metrics.h"
#include "keyring.h"

/* On the control thread. A key without a budget, or revoked, has no series. */
void key_gauges_refresh(struct metrics_shard *shard, const struct keyring *ring, usec_t wall);
