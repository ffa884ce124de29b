/* bus_metrics.h -- how does what a bus socket did reach the counters? */
#pragma once

#include "base/metrics.h"
#include "io/bus.h"

/* Adds what happened since `last` to bus_messages_total and bus_dropped_total; `socket` is their
 * label. The first call, with zeroes in `last`, makes the series. */
void bus_metrics_count(struct metrics_shard *shard, const char *socket, struct bus_stats now,
                       struct bus_stats *last);
