/* retry.h -- an attempt failed before the client saw a byte: what now? Pure.
 *
 * Another target is better than the same one again; the same one again only after a back-off, and
 * never when it was silent (a silent route costs its whole deadline each time).
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "failure.h"

#include <stdbool.h>
#include <stdint.h>

enum retry_verdict {
    RETRY_RELAY,  /* the caller's fault: pass the provider's answer on */
    RETRY_LARGER, /* go to a model with a larger window, if there is one, else as RETRY_RELAY */
    RETRY_OTHER,  /* go to another target now */
    RETRY_SAME,   /* wait, then the same target again, if the provider's budget allows it */
    RETRY_STOP,
};

struct retry_situation {
    const struct failure *failure;
    bool has_other;       /* a target is left that can be tried now */
    uint32_t tries;       /* at this target so far, this one included */
    uint32_t max_retries; /* of the provider */
    usec_t backoff, max_backoff;
    usec_t time_left; /* of the caller's deadline; USEC_INFINITY without one */
};

/* For RETRY_SAME *ret_wait is how long: what the provider asked for, or a part of the back-off that
 * `random` chooses (full jitter). */
enum retry_verdict retry_decide(const struct retry_situation *s, uint64_t random, usec_t *ret_wait);
