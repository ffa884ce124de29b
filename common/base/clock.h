/* clock.h -- what time is it, in the one unit of time? Pure code takes `now`; only the loop asks.
 */
#pragma once

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC  ((usec_t)1000000)
#define USEC_INFINITY UINT64_MAX

/* Monotonic time. Call it from the loop, once per turn; pass the result down. */
usec_t clock_now(void);

/* Time since 1970-01-01 UTC: for the books and the log, never for deadlines. */
usec_t clock_wall(void);
