/* retry_after.h -- how long does a provider ask to be left alone?
 *
 * Retry-After in seconds or as a date, retry-after-ms, x-ratelimit-reset-*, or the RetryInfo in the
 * body of Google's errors: the first that is there and readable, in this order but RetryInfo before
 * the reset. Pure.
 */
#pragma once

#include "base/clock.h"
#include "base/json.h"
#include "base/macro.h"

#include <stdbool.h>

#define RETRY_AFTER_MAX (60 * USEC_PER_SEC)

/* Headers of the answer; empty: not there. */
struct retry_after {
    struct str retry_after, retry_after_ms;
    struct str remaining_requests, reset_requests;
    struct str remaining_tokens, reset_tokens;
};

/* `body` is the parsed answer, NULL when it is no JSON. A wait over RETRY_AFTER_MAX is cut to it.
 * False when nothing readable was said. */
MUST_USE bool retry_after_read(const struct retry_after *h, const struct json_value *body,
                               struct arena *a, usec_t wall_now, usec_t *ret);

/* "1m2.5s", "120ms", "34.07s", "2h": parts of falling units, the last one may have a fraction. */
MUST_USE bool retry_after_parse_span(struct str text, usec_t *ret);
