/* context_metrics.h -- which numbers has each metric family of context-service in the registry? */
#pragma once

#include "io/metrics_page.h"

enum {
    CONTEXT_METRICS_BEFORE = COMMON_METRICS_N - 1,
#define METRIC(kind, name, labels, buckets, help) METRIC_##name,
#include "context_metrics.def"
#undef METRIC
    CONTEXT_METRICS_END
};

/* The table behind the numbers. */
extern const struct metrics_family context_metrics_table[];
#define CONTEXT_METRICS_N (CONTEXT_METRICS_END - COMMON_METRICS_N)

struct metrics *context_metrics_registry(void);

/* Makes the series whose labels are known beforehand, so that a dashboard finds them at zero. */
void context_metrics_begin(struct metrics_shard *shard);
