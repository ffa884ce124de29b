/* schedule.h -- when is a provider probed next? Pure.
 */
#pragma once

#include "base/clock.h"

#include <stdint.h>

/* The first probe comes within a second of the start, spread so that many providers are not asked
 * at once; later ones after 90 … 110 % of the interval, so that several health-workers drift apart.
 */
usec_t schedule_first(usec_t interval, uint64_t random);
usec_t schedule_next(usec_t interval, uint64_t random);
