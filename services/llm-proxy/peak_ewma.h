/* peak_ewma.h -- how long does this target take nowadays?
 *
 * A slow answer counts at once and in full; what is known fades with time, so that a target that
 * was slow and is avoided since becomes worth a try again. Pure: the caller passes the time.
 */
#pragma once

#include "base/clock.h"

#define PEAK_EWMA_MEMORY (30 * USEC_PER_SEC) /* in which the old fades to a third */

struct peak_ewma {
    double seconds; /* when it was last told */
    usec_t at;      /* 0: never */
};

void peak_ewma_add(struct peak_ewma *e, usec_t duration, usec_t now);
double peak_ewma_seconds(const struct peak_ewma *e, usec_t now); /* 0: not known */
