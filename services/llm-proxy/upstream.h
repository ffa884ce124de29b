/* upstream.h -- may a target be tried now, and who waits for a place at its provider?
 *
 * One object per configured provider, shared by all worker threads and kept over reloads: the
 * places (max_parallel), the queue in front of them, the retry budget, and the standing of each of
 * its targets, which are its models. A short mutex guards it and is never held across I/O.
 */
#pragma once

#include "base/breaker.h"
#include "base/clock.h"
#include "base/macro.h"
#include "failure.h"
#include "io/loop.h"
#include "proto/health.h"
#include "settings/catalogue.h"
#include "standing.h"

#include <stdbool.h>
#include <stdint.h>

enum upstream_result {
    UPSTREAM_OK = 0,
    UPSTREAM_BUSY,        /* every place is taken: wait */
    UPSTREAM_UNAVAILABLE, /* something is in the way (standing.h) */
};

struct upstream;
struct upstream_target;
struct upstream_waiter;

struct upstream *upstream_new(const char *name);
void upstream_free(struct upstream **u);
const char *upstream_name(const struct upstream *u);

/* The target of this model; made on first sight, and the upstream's for good. */
struct upstream_target *upstream_target(struct upstream *u, const char *model);
struct upstream *upstream_of(const struct upstream_target *t);

/* The limits in force; called by the control thread at each (re)load. */
void upstream_configure(struct upstream *u, const struct settings_provider *p);

/* Take a place: then exactly one upstream_release() is due. A repeat is a try that
 * upstream_begin_repeat() allowed. */
MUST_USE enum upstream_result upstream_take(struct upstream_target *t, bool is_repeat, usec_t now);
/* `latency` is what the answer took, for the router; of no interest after a failure. Returns the
 * breaker that opened with it, as what is in the way of further tries; STANDING_CLEAR: none did. */
enum standing_obstacle upstream_release(struct upstream_target *t, const struct failure *f,
                                        usec_t latency, usec_t now);

/* Wait in line for a place. `fn` runs on `l` when the wait is over: UPSTREAM_OK means a place is
 * held, UPSTREAM_UNAVAILABLE that something came in the way meanwhile. NULL when the queue is full.
 * The waiter is gone once `fn` runs. */
typedef void (*upstream_place_fn)(void *arg, enum upstream_result result);
struct upstream_waiter *upstream_wait(struct upstream_target *t, struct loop *l,
                                      upstream_place_fn fn, void *arg);
/* Leave the line, on the thread that waited. Clears *w; NULL inside is fine. */
void upstream_wait_cancel(struct upstream_waiter **w);

/* One repeat more, if the budget allows it: then exactly one upstream_end_repeat() is due. */
MUST_USE bool upstream_begin_repeat(struct upstream *u, usec_t now);
void upstream_end_repeat(struct upstream *u);

/* From health-worker. */
void upstream_set_health(struct upstream *u, enum health_state state, usec_t now);

/* What the inference server says of itself. The requests that it has beyond ours are others': they
 * count for the choice of the least busy as ours do, until the next reading, at most for
 * STANDING_HEALTH_MAX_AGE. */
struct upstream_load {
    uint64_t at_ms;        /* of the reading, by its clock; the same one is taken in once */
    double requests;       /* running and waiting; NAN: it does not say */
    double kv_cache_usage; /* NAN likewise */
};
void upstream_set_load(struct upstream *u, const struct upstream_load *load, usec_t now);

/* Of the local worker behind it. Who asks for a cold one stands in line until it is ready. */
enum upstream_worker {
    UPSTREAM_NO_WORKER, /* it is none, or health-worker is silent */
    UPSTREAM_WORKER_AWAY,
    UPSTREAM_WORKER_COLD,
    UPSTREAM_WORKER_READY,
};
const char *upstream_worker_text(enum upstream_worker w); /* NULL: it is none */
void upstream_set_worker(struct upstream *u, enum upstream_worker w, usec_t now);
/* A cold one is wanted, though nobody waits for it. */
void upstream_want(struct upstream *u);
/* True once each time it was wanted, and whenever somebody waits for a cold one. */
MUST_USE bool upstream_take_want(struct upstream *u);

struct upstream_view {
    enum upstream_worker worker;
    bool is_available;          /* the provider; its targets may still fail */
    enum breaker_state breaker; /* the worst of all its breakers */
    enum health_state health;
    uint32_t in_flight, waiting;
    uint32_t elsewhere;       /* requests of others at it, as far as it says */
    double latency;           /* seconds, of its slowest target; 0: none known */
    uint64_t transitions[3];  /* of all its breakers, to each breaker_state */
    uint64_t repeats_refused; /* for lack of budget */
};
struct upstream_view upstream_look(struct upstream *u, usec_t now);

struct upstream_target_view {
    enum standing_obstacle obstacle;
    bool is_cold;
    usec_t wait; /* until it may be gone; 0: nobody knows */
    bool is_full;
    uint32_t in_flight, elsewhere; /* at the provider: ours, others' */
    double kv_cache_usage;         /* of the provider; NAN: not known */
    double latency;
};
struct upstream_target_view upstream_look_target(struct upstream_target *t, usec_t now);
