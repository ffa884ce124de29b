/* loop.h -- what happens next on this thread? One event loop per thread, on libevent.
 *
 * Everything a loop owns is touched by its thread only; loop_post() is the one door for others.
 * Callbacks never block: a turn over 10 ms is reported through loop_set_lag_fn().
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>

#define LOOP_READ  1u
#define LOOP_WRITE 2u
#define LOOP_CLOSED                                                                                \
    4u /* the peer has closed or reset, seen while nobody reads; never with READ                   \
        */

struct loop;

/* Storage of a libevent event: embedding without leaking the library's types. */
struct loop_event {
    _Alignas(max_align_t) unsigned char opaque[144];
};

typedef void (*loop_fn)(void *arg);
typedef void (*loop_fd_fn)(void *arg, unsigned ready); /* LOOP_… */

struct loop_timer {
    struct loop *loop;
    loop_fn fn;
    void *arg;
    bool is_armed;
    struct loop_event event;
};

struct loop_fd {
    struct loop *loop;
    loop_fd_fn fn;
    void *arg;
    int fd;
    unsigned wanted;
    struct loop_event event;
};

/* Work put off to the end of this turn, or handed over from another thread. */
struct loop_task {
    loop_fn fn;
    void *arg;
    struct loop_task *next;
    bool is_queued;
};

MUST_USE int loop_new(struct loop **ret); /* -errno */
void loop_free(struct loop **l);          /* everything on it must be stopped */
void loop_run(struct loop *l);            /* until loop_stop() */
void loop_stop(struct loop *l);           /* this thread */

/* Monotonic time at the start of this turn. */
usec_t loop_now(struct loop *l);
usec_t loop_wall(struct loop *l);

void loop_timer_init(struct loop_timer *t, struct loop *l, loop_fn fn, void *arg);
void loop_timer_start(struct loop_timer *t, usec_t delay); /* one shot; starting again moves it */
void loop_timer_stop(struct loop_timer *t);

/* Does not own the descriptor. Level-triggered and persistent until changed; beside LOOP_CLOSED,
 * LOOP_WRITE comes once each time the socket becomes writable, so write until it would block. */
void loop_fd_init(struct loop_fd *f, struct loop *l, int fd, loop_fd_fn fn, void *arg);
MUST_USE int loop_fd_want(struct loop_fd *f, unsigned wanted); /* 0 stops; -errno */
void loop_fd_stop(struct loop_fd *f);

/* Run `t` after the callbacks of this turn have returned: releases nobody may still be looking at.
 */
void loop_defer(struct loop *l, struct loop_task *t);

/* Thread-safe: run `t` on the loop's thread soon. The task must not be queued already. */
void loop_post(struct loop *l, struct loop_task *t);
/* Thread-safe loop_stop(). */
void loop_post_stop(struct loop *l);

/* Signals are for one loop per process: the control thread's. Once it is freed they stay blocked.
 */
MUST_USE int loop_on_signal(struct loop *l, int signo, loop_fn fn, void *arg);

/* `fn` gets the length of each turn's callbacks in microseconds, for eventloop_lag_seconds. */
typedef void (*loop_lag_fn)(void *arg, usec_t busy);
void loop_set_lag_fn(struct loop *l, loop_lag_fn fn, void *arg);
