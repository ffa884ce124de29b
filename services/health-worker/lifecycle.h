/* lifecycle.h -- what state is a local worker in, and what is to be done about it? Pure.
 *
 *   stopped -> starting -> loading -> idle <-> busy -> stopping -> stopped
 *                  \          \          \
 *                   +----------+----------+--> backoff -> starting, or failed once the breaker on
 *                                              restarts is open
 *
 * Events go in, what is to be done comes out as a set of LIFECYCLE_DO_ and what is to be counted as
 * LIFECYCLE_DID_. A failure is an end that nobody asked for, or checks of health that fail
 * LIFECYCLE_UNWELL times in a row. The wait before a restart doubles with each failure, until it
 * has run well for the breaker's window.
 */
#pragma once

#include "base/breaker.h"
#include "base/clock.h"
#include "base/macro.h"
#include "proto/workers.h"

#include <stdbool.h>
#include <stdint.h>

#define LIFECYCLE_UNWELL    3
#define LIFECYCLE_ROOM_WAIT (120 * USEC_PER_SEC) /* for others to leave when there is no room */
#define LIFECYCLE_ASK_WAIT  (10 * USEC_PER_SEC)  /* for the answer to the drain request */
#define LIFECYCLE_REKILL    (5 * USEC_PER_SEC)

enum lifecycle_state {
    LIFECYCLE_STOPPED,
    LIFECYCLE_STARTING, /* waits for room, then for the program to run */
    LIFECYCLE_LOADING,  /* runs, is not well yet */
    LIFECYCLE_IDLE,
    LIFECYCLE_BUSY,
    LIFECYCLE_STOPPING,
    LIFECYCLE_BACKOFF,
    LIFECYCLE_FAILED, /* given up for the breaker's window */
    LIFECYCLE_STATES
};
const char *lifecycle_state_text(enum lifecycle_state s);

enum lifecycle_event {
    LIFECYCLE_START, /* an operator, or the beginning */
    LIFECYCLE_STOP,
    LIFECYCLE_DRAIN, /* as STOP, with all the patience that a request may need */
    LIFECYCLE_RESTART,
    LIFECYCLE_SHUTDOWN, /* we end */
    LIFECYCLE_DEMAND,   /* a request waits for it */
    LIFECYCLE_EVICT,    /* its room is needed: only an idle one goes */
    LIFECYCLE_ROOM,     /* answers to DO_ADMIT */
    LIFECYCLE_NO_ROOM,
    LIFECYCLE_RAN,     /* the program runs */
    LIFECYCLE_EXITED,  /* it and all it began have ended, or it could not be begun */
    LIFECYCLE_WELL,    /* a check of its health */
    LIFECYCLE_BAD,     /* likewise */
    LIFECYCLE_USED,    /* requests are under way */
    LIFECYCLE_UNUSED,  /* none is */
    LIFECYCLE_TOUCHED, /* one was, in between */
    LIFECYCLE_DRAINED, /* none is, and none will be */
    LIFECYCLE_ASKED,   /* the drain request was answered, or failed */
    LIFECYCLE_TIME,    /* `due` has come */
    LIFECYCLE_EVENTS
};

#define LIFECYCLE_DO_ADMIT 0x01u /* is there room for it? */
#define LIFECYCLE_DO_SPAWN 0x02u
#define LIFECYCLE_DO_ASK   0x04u /* the drain request */
#define LIFECYCLE_DO_TERM  0x08u
#define LIFECYCLE_DO_KILL  0x10u

#define LIFECYCLE_DID_FAIL         0x100u
#define LIFECYCLE_DID_RESTART      0x200u
#define LIFECYCLE_DID_RESTART_FAIL 0x400u /* a restart that did not lead to a running worker */
#define LIFECYCLE_DID_GIVE_UP      0x800u
#define LIFECYCLE_DID_LOAD         0x1000u
#define LIFECYCLE_DID_STOP         0x2000u /* by itself, when asked */
#define LIFECYCLE_DID_KILL         0x4000u /* by force */

struct lifecycle_rules {
    uint32_t max_restarts;
    usec_t window, backoff, max_backoff;
    usec_t idle_stop; /* 0: always runs */
    usec_t load_timeout, stop_timeout, drain_timeout;
    bool has_drain; /* is asked before SIGTERM */
};

enum lifecycle_phase { LIFECYCLE_DRAINING, LIFECYCLE_ASKING, LIFECYCLE_ENDING, LIFECYCLE_KILLING };
enum lifecycle_after { LIFECYCLE_REST, LIFECYCLE_AGAIN, LIFECYCLE_AFTER_FAILURE };

struct lifecycle {
    enum lifecycle_state state;
    usec_t since;               /* of the state */
    usec_t due;                 /* when TIME is to be said; USEC_INFINITY: never */
    enum lifecycle_phase phase; /* of STOPPING */
    enum lifecycle_after after; /* STOPPING */
    bool is_held;               /* stopped by hand: no request brings it back */
    bool is_wanted;             /* demanded while STOPPING */
    bool is_running;            /* a process was begun and has not ended */
    bool is_again;              /* this start is a restart */
    unsigned unwell;            /* checks failed in a row */
    unsigned failures;          /* since it last ran well for long */
    usec_t well_since, used_at;
    bool is_proven; /* ran well for long */
    struct breaker breaker;
};

/* Stopped, and nobody has asked for it yet. */
void lifecycle_init(struct lifecycle *l, usec_t now);

/* The one door to the state; returns LIFECYCLE_DO_ and LIFECYCLE_DID_. An event that does not
 * concern the state changes nothing. `random` decides the jitter. */
MUST_USE unsigned lifecycle_take(struct lifecycle *l, const struct lifecycle_rules *r,
                                 enum lifecycle_event e, usec_t now, uint64_t random);

bool lifecycle_is_serving(const struct lifecycle *l);
/* What that means for its provider. */
enum workers_use lifecycle_use(const struct lifecycle *l);
