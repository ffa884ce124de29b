/* errand.h -- how is work on the whole of a large request or answer done without stalling the
 * loop?
 *
 * On a thread of the worker's own, made when it is first needed, which gives way to all others.
 * What the work looks at and what it changes is that thread's until it is over, so whoever wants to
 * end in the meantime waits for it. What waits here are requests whose bodies are held anyway.
 */
#pragma once

#include "base/macro.h"
#include "io/loop.h"
#include "io/offload.h"

#include <stdbool.h>

#define ERRAND_FROM       (128u << 10) /* bytes of a body that is read, translated … elsewhere */
#define ERRAND_COUNT_FROM (32u << 10)  /* … whose tokens are counted elsewhere */

struct worker;

struct errand {
    struct offload_task task;
    struct worker *worker;
    loop_fn work, then;
    void *arg;
    bool is_out;
};

struct errand_steps {
    loop_fn work;  /* on the other thread */
    loop_fn then;  /* on the loop */
    bool is_brief; /* about a millisecond: goes ahead of those that take longer */
};

void errand_start(struct errand *e, struct worker *w, const struct errand_steps *steps, void *arg);
/* False: it has begun, and `then` will run. True: it is not out, or not any longer. */
MUST_USE bool errand_withdraw(struct errand *e);
bool errand_is_out(const struct errand *e);

/* So many are under way that further ones would wait for long. */
bool errand_is_late(const struct worker *w);
