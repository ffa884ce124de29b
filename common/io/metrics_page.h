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

/* Bring process_* and log_* up to date, always in the same shard, by its thread. */
void metrics_page_refresh(struct metrics *m, struct metrics_shard *shard);
/* Answer with the exposition, from any thread: OpenMetrics or text by Accept, gzip by
 * Accept-Encoding. */
void metrics_page_send(struct metrics *m, struct http_request *r);
/* Both: for the thread that owns `shard`. */
void metrics_page_answer(struct metrics *m, struct metrics_shard *shard, struct http_request *r);

/* http_server's on_finished: counts http_requests_total and its histograms. */
void metrics_page_count_http(struct metrics_shard *shard, const struct http_request *r, int status,
                             usec_t duration);

/* Show this loop's one server as it is now in http_requests_in_flight and http_connections. */
void metrics_page_count_server(struct metrics_shard *shard, const struct http_server *s);

/* loop_set_lag_fn's callback; arg is the series metrics_find(shard, COMMON_eventloop_lag_seconds).
 */
void metrics_page_observe_lag(void *series, usec_t busy);
