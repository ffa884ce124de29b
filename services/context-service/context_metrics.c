#include "context_metrics.h"

static const double context_metrics_buckets[] = {
    .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 0};

const struct metrics_family context_metrics_table[] = {
#define METRIC(kind, name, labels, buckets, help) {METRICS_##kind, #name, labels, buckets, help},
#include "context_metrics.def"
#undef METRIC
};

struct metrics *context_metrics_registry(void)
{
    return metrics_page_registry(context_metrics_table, CONTEXT_METRICS_N,
                                 "context_service_build_info");
}

static void begin_condensations(struct metrics_shard *shard, const char *mode)
{
    static const char *const rows[][2] = {
        {"none", "unchanged"},     {"none", "too_large"}, {"none", "error"},
        {"lossless", "condensed"}, {"mask", "condensed"}, {"extract", "condensed"},
        {"fold", "condensed"},     {"drop", "condensed"}, {"frozen", "condensed"},
        {"image", "condensed"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        metrics_count(shard, METRIC_context_condensations_total, 0, mode, rows[i][0], rows[i][1]);
}

void context_metrics_begin(struct metrics_shard *shard)
{
    static const char *const modes[] = {"lossless", "mask", "extract", "summarize"};
    static const char *const caches[] = {"count", "condense"};
    static const char *const ops[] = {"count", "condense", "retrieve"};
    static const char *const summaries[] = {"used", "rejected", "failed"};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        begin_condensations(shard, modes[i]);
    for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
        metrics_gauge(shard, METRIC_context_cache_size, 0, caches[i]);
        metrics_count(shard, METRIC_context_cache_hits_total, 0, caches[i]);
        metrics_count(shard, METRIC_context_cache_misses_total, 0, caches[i]);
    }
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        (void)metrics_find(shard, METRIC_context_processing_time_seconds, &ops[i]);
    for (size_t i = 0; i < sizeof(summaries) / sizeof(summaries[0]); i++)
        metrics_count(shard, METRIC_context_summaries_total, 0, summaries[i]);
    metrics_gauge(shard, METRIC_context_prefix_stable_ratio, 1);
    metrics_count(shard, METRIC_context_tokens_saved_total, 0, "other");
    metrics_count(shard, METRIC_context_tokens_counted_total, 0, "other");
}
