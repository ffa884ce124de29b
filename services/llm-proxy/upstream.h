/* upstream.h -- may a provider be tried now, and who waits for a place at it?
 *
 * One object per configured provider, shared by all worker threads and kept over reloads: the
 * breaker, the places (max_parallel), the queue in front of them, and what health-worker says.
 * A short mutex guards it and is never held across I/O.
 */
#pragma once

#include "base/breaker.h"
#include "base/clock.h"
#include "base/macro.h"
#include "io/loop.h"
#include "proto/health.h"
#include "settings/catalogue.h"

#include <stdbool.h>
#include <stdint.h>

enum upstream_result {
    UPSTREAM_OK = 0,
    UPSTREAM_BUSY,        /* every place is taken: wait */
    UPSTREAM_UNAVAILABLE, /* the breaker is open, or health-worker says it is down */
};

enum upstream_report {
    UPSTREAM_SUCCEEDED,
    UPSTREAM_FAILED,
    UPSTREAM_SAID_NOTHING, /* cancelled, or the caller's fault: no word about the provider */
};

struct upstream;
struct upstream_waiter;

struct upstream *upstream_new(const char *name);
void upstream_free(struct upstream **u);
const char *upstream_name(const struct upstream *u);

/* The limits in force; called by the control thread at each (re)load. */
void upstream_configure(struct upstream *u, const struct settings_provider *p);

/* Take a place: then exactly one upstream_release() is due. */
MUST_USE enum upstream_result upstream_take(struct upstream *u, usec_t now);
void upstream_release(struct upstream *u, enum upstream_report report, usec_t duration, usec_t now);

/* Wait in line for a place. `fn` runs on `l` when the wait is over: UPSTREAM_OK means a place is
 * held, UPSTREAM_UNAVAILABLE that the breaker opened meanwhile. NULL when the queue is full. The
 * waiter is gone once `fn` runs. */
typedef void (*upstream_place_fn)(void *arg, enum upstream_result result);
struct upstream_waiter *upstream_wait(struct upstream *u, struct loop *l, upstream_place_fn fn,
                                      void *arg);
/* Leave the line, on the thread that waited. Clears *w; NULL inside is fine. */
void upstream_wait_cancel(struct upstream_waiter **w);

/* From health-worker. A verdict older than UPSTREAM_HEALTH_MAX_AGE no longer counts. */
#define UPSTREAM_HEALTH_MAX_AGE (30 * USEC_PER_SEC)
void upstream_set_health(struct upstream *u, enum health_state state, usec_t now);

struct upstream_view {
    bool is_available;
    enum breaker_state breaker;
    enum health_state health;
    uint32_t in_flight, waiting;
    double latency;          /* seconds, moving average of successes; 0: none yet */
    uint64_t transitions[3]; /* to each breaker_state */
};
struct upstream_view upstream_look(struct upstream *u, usec_t now);
