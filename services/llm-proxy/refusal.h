/* refusal.h -- what does a caller read when the proxy itself says no?
 *
 * The one closed table from reason to HTTP status, error type and code (contract.md, "API
 * listener").
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

enum refusal {
    REFUSAL_INVALID_JSON,
    REFUSAL_INVALID_REQUEST,
    REFUSAL_CONTEXT_LENGTH_EXCEEDED,
    REFUSAL_INVALID_API_KEY,
    REFUSAL_BUDGET_EXCEEDED,
    REFUSAL_MODEL_NOT_ALLOWED,
    REFUSAL_NOT_FOUND,
    REFUSAL_MODEL_NOT_FOUND,
    REFUSAL_METHOD_NOT_ALLOWED,
    REFUSAL_RATE_LIMIT_EXCEEDED,
    REFUSAL_UPSTREAM_ERROR,
    REFUSAL_UPSTREAM_INVALID,
    REFUSAL_UPSTREAM_TRUNCATED,
    REFUSAL_OVERLOADED,
    REFUSAL_NO_HEALTHY_PROVIDER,
    REFUSAL_LEDGER_UNAVAILABLE,
    REFUSAL_DRAINING,
    REFUSAL_UPSTREAM_TIMEOUT,
    REFUSAL_QUEUE_TIMEOUT,
    REFUSAL_DEADLINE_EXCEEDED,
    REFUSAL_N,
};

int refusal_status(enum refusal r);
const char *refusal_code(enum refusal r);
const char *refusal_message(enum refusal r); /* when nothing more exact is known */

/* {"error":{"message","type","code","param"}}; `message` and `param` may be NULL. */
MUST_USE enum buf_result refusal_write(enum refusal r, const char *message, const char *param,
                                       struct buf *out);
