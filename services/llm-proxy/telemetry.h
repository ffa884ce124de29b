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
void telemetry_limit_hit(struct exchange *x, const char *limit);
void telemetry_routing(struct exchange *x, usec_t took);
/* A target was chosen; `before` is the provider of the attempt before it, or NULL. */
void telemetry_selection(struct exchange *x, const struct snapshot_provider *before);
void telemetry_retry(struct exchange *x, enum outcome_kind reason);
void telemetry_queue_wait(struct exchange *x, usec_t wait);
