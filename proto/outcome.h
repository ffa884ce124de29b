/* outcome.h -- what happened to attempts at a provider? Passive health, from proxy to
 * health-worker.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* The label values of llm_attempts_total{outcome}. */
enum outcome_kind {
    OUTCOME_OK,
    OUTCOME_CONNECT,
    OUTCOME_TIMEOUT,
    OUTCOME_HTTP_4XX,
    OUTCOME_HTTP_429,
    OUTCOME_HTTP_5XX,
    OUTCOME_INVALID,
    OUTCOME_TRUNCATED,
    OUTCOME_CANCELLED,
};
const char *outcome_kind_text(enum outcome_kind k);

struct outcome {
    struct str provider, model;
    enum outcome_kind kind;
    int status; /* HTTP; 0 when there was none */
    uint64_t duration_us;
    uint64_t in_flight; /* at this proxy and provider, after it */
    uint64_t count;     /* attempts that ended so, lately; duration_us is their mean; at least 1 */
};

MUST_USE enum buf_result outcome_encode(const struct outcome *o, struct buf *out);
MUST_USE bool outcome_decode(struct arena *a, struct str json, struct outcome *ret);
