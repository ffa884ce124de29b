/* schedule.h -- when is a provider probed next? Pure.
 */
#pragma once

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* The first probe comes within a second of the start, spread so that many providers are not asked
 * at once; from the beginning of one to that of the next there are 90 … 110 % of the interval, so
 * that several health-workers drift apart. While a verdict is in doubt (one failure, one success
 * after an outage, no answer yet) a quarter of the interval must do, so that it is settled within
 * one, and within two where a probe may take as long as the interval. */
usec_t schedule_first(usec_t interval, uint64_t random);
usec_t schedule_next(usec_t interval, bool is_in_doubt, uint64_t random);
