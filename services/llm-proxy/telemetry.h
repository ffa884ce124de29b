/* telemetry.h -- what do Prometheus, the log and health-worker learn of requests and attempts?
 *
 * Requests and attempts are counted apart. Label values are names of the configuration or words of
 * closed sets, so no caller can make a series.
 */
#pragma once

#include "base/clock.h"
#include "ledger_entry.h"
#include "proto/outcome.h"
#include "snapshot.h"

struct exchange;

void telemetry_attempt(struct exchange *x, enum outcome_kind kind, const struct ledger_attempt *a);
/* One log entry, written when the request is settled. */
void telemetry_request(struct exchange *x);
/* Looked up in the response cache, and found there or nowhere. */
void telemetry_cache_hit(struct exchange *x);
void telemetry_cache_miss(struct exchange *x);
void telemetry_limit_hit(struct exchange *x, const char *limit);
/* A budget could not cover what was asked for, or what an answer grew to. */
void telemetry_budget_hit(struct exchange *x);
void telemetry_routing(struct exchange *x, usec_t took);
/* The router chose a target; it may turn out to have no place. */
void telemetry_selection(struct exchange *x, const struct snapshot_provider *chosen);
/* An attempt began at another target than the one before it. */
void telemetry_fallback(struct exchange *x, const struct snapshot_provider *before);
void telemetry_retry(struct exchange *x, enum outcome_kind reason);
/* A breaker opened with the attempt that ended; `obstacle` says which. */
void telemetry_breaker_opened(struct exchange *x, enum standing_obstacle obstacle);
void telemetry_queue_wait(struct exchange *x, const struct snapshot_provider *pool, usec_t wait);
