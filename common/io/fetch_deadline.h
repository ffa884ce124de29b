/* fetch_deadline.h -- when has a fetch waited too long, and for what?
 *
 * Pure: four limits of the origin against five times of the fetch.
 */
#pragma once

#include "io/fetch.h"

struct fetch_deadline {
    usec_t started_at;
    usec_t connecting_at; /* later than started_at when it is sent a second time */
    usec_t connected_at;  /* 0: not yet */
    usec_t heard_at;      /* the latest byte of the answer, or the end of a pause; 0: not yet */
    bool is_paused;
    bool is_heard; /* at least one byte of the answer */
};

/* The next moment at which the fetch has failed if nothing happens, USEC_INFINITY if none;
 * *ret_result is what it has failed with then. */
usec_t fetch_deadline_next(const struct fetch_deadline *d, const struct fetch_origin *limits,
                           enum fetch_result *ret_result);
