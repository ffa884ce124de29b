/* outcomes.h -- how does health-worker learn what became of this thread's attempts?
 *
 * Gathered by provider and kind for a twentieth of a second and sent as one message each: a wake of
 * two threads per attempt would cost more than the rest of the request.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"
#include "io/bus.h"
#include "io/loop.h"
#include "proto/outcome.h"
#include "upstream.h"

#define OUTCOMES_DELAY (50 * USEC_PER_MSEC)

struct outcomes;

MUST_USE int outcomes_new(struct bus *b, struct loop *l, const char *endpoint,
                          struct outcomes **ret);
void outcomes_free(struct outcomes **o); /* sends what is gathered */

/* One attempt ended. */
void outcomes_add(struct outcomes *o, struct upstream *u, enum outcome_kind kind, int status,
                  usec_t duration);

struct bus_stats outcomes_stats(const struct outcomes *o);
