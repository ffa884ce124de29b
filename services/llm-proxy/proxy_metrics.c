#include "proxy_metrics.h"

const struct metrics_family proxy_metrics_table[] = {
#define METRIC(kind, name, labels, buckets, help) {METRICS_##kind, #name, labels, buckets, help},
#include "proxy_metrics.def"
#undef METRIC
};
