/* health_metrics.h -- which numbers has each metric family of health-worker in the registry?
 */
#pragma once

#include "io/metrics_page.h"

enum {
    HEALTH_METRICS_BEFORE = COMMON_METRICS_N - 1,
#define METRIC(kind, name, labels, buckets, help) METRIC_##name,
#include "health_metrics.def"
#undef METRIC
    HEALTH_METRICS_END
};

/* The table behind the numbers, for metrics_page_registry(). */
extern const struct metrics_family health_metrics_table[];
#define HEALTH_METRICS_N (HEALTH_METRICS_END - COMMON_METRICS_N)
