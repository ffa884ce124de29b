#include "health_metrics.h"

const struct metrics_family health_metrics_table[] = {
#define METRIC(kind, name, labels, buckets, help) {METRICS_##kind, #name, labels, buckets, help},
#include "health_metrics.def"
#undef METRIC
};
