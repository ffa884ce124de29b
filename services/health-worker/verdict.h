/* verdict.h -- is a provider well, given its probes and what happened to real traffic? Pure.
 *
 *   unknown -ok-> healthy -fail-> degraded -fail x3-> down -ok-> recovering -ok x2-> healthy
 *                    ^---- ok x2 ----'                 ^----fail----'
 *
 * One failure does not condemn and one success does not acquit. An answer that blames the caller
 * (4xx, credentials) is no outage: the provider is degraded, never down. Traffic that mostly fails,
 * or a paid probe that does, keeps a provider from being healthy whatever its free probes say.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "proto/health.h"
#include "proto/outcome.h"

#include <stdbool.h>
#include <stdint.h>

#define VERDICT_DOWN_AFTER    3 /* probes failed in a row */
#define VERDICT_HEALTHY_AFTER 2 /* probes succeeded in a row, once one has failed */
#define VERDICT_WINDOW        (30 * USEC_PER_SEC)
#define VERDICT_BUCKETS       6
#define VERDICT_MIN_TRAFFIC   5 /* attempts in the window before their ratio says anything */

/* The label values of health_checks_total{result}. */
enum verdict_result {
    VERDICT_OK,
    VERDICT_CONNECT,
    VERDICT_TIMEOUT,
    VERDICT_TLS,
    VERDICT_AUTH,
    VERDICT_HTTP_4XX,
    VERDICT_HTTP_429,
    VERDICT_HTTP_5XX,
    VERDICT_INVALID,
};
const char *verdict_result_text(enum verdict_result r);
MUST_USE bool verdict_result_parse(struct str text, enum verdict_result *ret);

struct verdict_bucket {
    uint64_t number; /* which slice of time */
    uint32_t ok, failed;
};

struct verdict {
    enum health_state state;
    uint32_t failures, successes; /* of probes, in a row */
    enum verdict_result reason;   /* of the last failed probe */
    bool is_doubted;              /* a probe has failed, and too few have succeeded since */
    bool is_traffic_failing, is_paid_failing;
    usec_t since; /* of the state */
    struct verdict_bucket traffic[VERDICT_BUCKETS];
};

/* True when the state changed. */
MUST_USE bool verdict_probe(struct verdict *v, enum verdict_result result, usec_t now);
MUST_USE bool verdict_paid(struct verdict *v, enum verdict_result result, usec_t now);
MUST_USE bool verdict_outcome(struct verdict *v, enum outcome_kind kind, uint32_t count,
                              usec_t now);

/* The next probe may change the state. */
bool verdict_is_in_doubt(const struct verdict *v);

/* How many probes have yet to fail until it is down; at least one. As many may be under way at a
 * time: those of one that hangs need not end one after the other. */
unsigned verdict_probes_wanted(const struct verdict *v);

/* Why it is not healthy: a result's word, "traffic" or "paid"; "" when it is. */
const char *verdict_reason(const struct verdict *v);

/* As it was when we stopped. */
void verdict_restore(struct verdict *v, enum health_state state, enum verdict_result reason,
                     uint32_t failures, usec_t now);

/* Attempts in the window, and how many of them failed. */
void verdict_traffic(const struct verdict *v, usec_t now, uint32_t *ret_all, uint32_t *ret_failed);
