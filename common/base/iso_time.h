/* iso_time.h -- how is a moment written in a line? RFC 3339 in UTC, to the microsecond; a line of
 * the log or the trail is written for every request, and strftime takes twenty times as long.
 */
#pragma once

#include "base/clock.h"

#include <stddef.h>

#define ISO_TIME_SIZE 28 /* "2026-11-21T13:05:09.000123Z" and its NUL */

/* `wall` since 1970, before the year 10000. The length, which is always the same. */
size_t iso_time_write(usec_t wall, char ret_text[ISO_TIME_SIZE]);
