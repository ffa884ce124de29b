/* retry.h -- an attempt failed before the client saw a byte: what now? Pure.
 *
 * Another target is better than the same one again; the same one again only after a back-off, and
 * never when it was silent (a silent route costs its whole deadline each time).
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "proto/outcome.h"

#include <stdbool.h>
#include <stdint.h>

enum retry_verdict {
    RETRY_RELAY, /* the caller's fault: pass the provider's answer on */
    RETRY_OTHER, /* go to another target now */
    RETRY_SAME,  /* wait, then the same target again */
    RETRY_STOP,
};

struct retry_failure {
    enum outcome_kind kind;
    int status;           /* of the provider's answer; 0: none */
    bool has_other;       /* an untried target is left */
    uint32_t tries;       /* at this target so far, this one included */
    uint32_t max_retries; /* of the provider */
    usec_t backoff, max_backoff;
    bool has_retry_after;
    usec_t retry_after; /* as the provider asked, already clamped */
};

/* For RETRY_SAME *ret_wait is how long; `random` spreads it over half to the whole back-off. */
enum retry_verdict retry_decide(const struct retry_failure *f, uint64_t random, usec_t *ret_wait);

/* The provider says that the request itself is wrong (400, 404, 413, 422): no breaker counts it. */
bool retry_is_callers_fault(int status);
