/* parse.h -- strict text to number: the whole text or nothing, no sign, no space, no octal. */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

MUST_USE bool parse_u64(struct str text, uint64_t *ret);  /* 010 is ten */
MUST_USE bool parse_hex(struct str text, uint64_t *ret);  /* at least one digit, no 0x */
MUST_USE bool parse_double(struct str text, double *ret); /* 12, 0.5, 1e-3; finite */
MUST_USE bool parse_size(struct str text,
                         uint64_t *ret); /* bytes: 512, 32KiB, 1MiB, 2GiB, 10kB, 5MB */
MUST_USE bool parse_duration(struct str text, usec_t *ret); /* 250us 200ms 10s 5m 1h 30d; bare 0 */

/* RFC 9110 10.2.3 Retry-After: seconds or an HTTP date, as a wait from `wall_now`, clamped to
 * `max`. False when it is neither (the caller then uses its own back-off). */
MUST_USE bool parse_retry_after(struct str text, usec_t wall_now, usec_t max, usec_t *ret);
