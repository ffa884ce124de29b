/* fleet_show.h -- how do the local workers look to Prometheus?
 */
#pragma once

#include "base/metrics.h"
#include "runner.h"

#include <stddef.h>

struct fleet_show;

struct fleet_show *fleet_show_new(struct metrics_shard *s);
void fleet_show_free(struct fleet_show **f);

/* The gauges, counted anew; what is not there any more disappears. */
void fleet_show_now(struct fleet_show *f, struct runner *const *runners, size_t n);
/* One left the configuration. */
void fleet_show_removed(struct fleet_show *f);
