/* zero_series.h -- which series are there before anything happened?
 *
 * A counter that appears with its first event hides that event from rate() and increase(): what a
 * configured model can cost, and its answers and failures, begin at zero.
 */
#pragma once

#include "base/metrics.h"
#include "settings/settings.h"

/* For the thread that owns `shard`; may be called again after a reload. */
void zero_series_show(struct metrics_shard *shard, const struct settings *s);
