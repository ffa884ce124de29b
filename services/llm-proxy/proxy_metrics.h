/* proxy_metrics.h -- which numbers has each metric family of llm-proxy in the registry?
 */
#pragma once

#include "io/metrics_page.h"

enum {
    PROXY_METRICS_BEFORE = COMMON_METRICS_N - 1,
#define METRIC(kind, name, labels, buckets, help) METRIC_##name,
#include "proxy_metrics.def"
#undef METRIC
    PROXY_METRICS_END
};

/* The table behind the numbers, for metrics_page_registry(). */
extern const struct metrics_family proxy_metrics_table[];
#define PROXY_METRICS_N (PROXY_METRICS_END - COMMON_METRICS_N)
