/* metrics_page.h -- what do all three daemons answer on /metrics and /health, and count about HTTP?
 */
#pragma once

#include "base/metrics.h"
#include "io/http_server.h"

/* Numbers of the common families in every registry made by metrics_page_registry(). */
enum {
#define METRIC(kind, name, labels, buckets, help) COMMON_##name,
#include "io/common_metrics.def"
#undef METRIC
    COMMON_METRICS_N
};

/* A registry with the common families and `table` after them; `build_info` names the gauge
 * (llm_proxy_build_info), whose one series is set. */
struct metrics *metrics_page_registry(const struct metrics_family *table, size_t n,
                                      const char *build_info);

/* Refresh process_*, log_* in `shard` and answer with the exposition: OpenMetrics or text by
 * Accept, gzip by Accept-Encoding. */
void metrics_page_answer(struct metrics *m, struct metrics_shard *shard, struct http_request *r);

/* http_server's on_finished: counts http_requests_total and its histograms. */
void metrics_page_count_http(struct metrics_shard *shard, const struct http_request *r, int status,
                             usec_t duration);

/* loop_set_lag_fn's callback; arg is the series metrics_find(shard, COMMON_eventloop_lag_seconds).
 */
void metrics_page_observe_lag(void *series, usec_t busy);
