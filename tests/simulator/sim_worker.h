/* sim_worker.h -- how does the simulator behave as a local inference server that is run by others?
 *
 * Slow to load, and as troublesome as its script says; times count from the start.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "io/loop.h"
#include "sim_control.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_worker {
    usec_t load, exits, crash, hang; /* 0: never; of load: at once */
    uint64_t allocate;               /* bytes, once it is loaded */
    uint64_t forks;   /* processes that do nothing; every other has a session of its own */
    uint64_t chatter; /* lines on standard output */
    bool is_deaf;     /* to SIGTERM */
    const char *once; /* the trouble is had only until this file is there */
    void *memory;
    struct loop_timer on_load, on_exit, on_crash, on_hang;
    struct sim_control *control;
};

/* "load=2s,crash=500ms,…". False with the item at fault. */
MUST_USE bool sim_worker_parse(struct sim_worker *w, struct str script, struct str *reterr);
void sim_worker_print_keys(void);

void sim_worker_start(struct sim_worker *w, struct loop *l, struct sim_control *control);
void sim_worker_stop(struct sim_worker *w);
