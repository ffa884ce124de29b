/* offload.h -- how does work that would stall the loop leave it, and come back?
 *
 * A pool of threads behind a queue that is bounded in tasks and in bytes. All functions are for the
 * loop's thread.
 */
#pragma once

#include "base/macro.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

enum offload_result { OFFLOAD_OK = 0, OFFLOAD_FULL };

struct offload;

struct offload_task {
    loop_fn work; /* on a thread of the pool */
    loop_fn done; /* back on the loop; the task is its owner's again */
    void *arg;
    size_t bytes;  /* that it holds, for the queue's limit */
    bool is_brief; /* goes ahead of those that are not, for a while */
    struct offload *pool;
    struct loop_task back;
    TAILQ_ENTRY(offload_task) link;
    bool is_waiting;
};

struct offload_config {
    unsigned threads, max_tasks;
    bool is_patient; /* its threads give way to all others */
    size_t max_bytes;
};

MUST_USE int offload_new(struct loop *l, const struct offload_config *config, struct offload **ret);
void offload_free(struct offload **o); /* nothing may be under way */

/* `t` must live until its `done`. A single task may be larger than max_bytes. */
MUST_USE enum offload_result offload_submit(struct offload *o, struct offload_task *t);
/* True: nobody had begun it, and its `done` will not run. */
MUST_USE bool offload_withdraw(struct offload_task *t);
unsigned offload_under_way(const struct offload *o);
