/* runner.h -- one local worker: does what its lifecycle decides, and tells it what happens.
 *
 * Owns the child process, the checks of its health and its timers. Who else there is, and whether
 * there is room, is the fleet's business: a runner that `wants_room` waits for runner_tell().
 */
#pragma once

#include "base/metrics.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "lifecycle.h"
#include "proto/workers.h"
#include "proxies.h"
#include "settings/settings.h"
#include "worker_cgroup.h"
#include "worker_child.h"
#include "worker_register.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct runner;

/* What all runners share. */
struct runner_world {
    struct loop *loop;
    struct fetch_pool *fetches;
    struct metrics_shard *shard;
    struct worker_cgroup_tree cgroups;
    const char *node;
    usec_t check_interval;
    void (*on_change)(void *arg, struct runner *r); /* its state, its tag, its use to others */
    void *arg;
};

struct runner {
    const struct runner_world *world;
    char *name, *provider, *model, *device;
    const struct settings_worker *settings; /* NULL: no longer configured */
    struct lifecycle_rules rules;
    struct lifecycle life;
    bool wants_room;
    struct loop_timer due, check;
    struct fetch *fetch;    /* a check of its health */
    struct fetch *farewell; /* the drain request */
    struct fetch_origin origin;
    char base_url[64];
    int status;  /* of the check under way */
    bool is_bad; /* the last check failed */
    struct worker_child *child;
    pid_t pid; /* of the program; 0: none */
    char tag[WORKER_REGISTER_TAG];
    char cgroup[512]; /* empty: none */
    uint64_t memory;
    bool is_over_limit; /* and killed for it */
    usec_t run_at, since_wall, checked_at, checked_memory_at;
    uint64_t restarts;
    uint64_t load[PROXIES_MAX]; /* requests that each of the proxies has under way here */
    uint64_t in_flight;         /* their sum */
    uint64_t told_at;           /* sequence of the list that told of its leaving */
    char reason[256];
};

struct runner *runner_new(const struct runner_world *w, const char *name);
/* Kills what still runs. */
void runner_free(struct runner **r);

/* `s` must stay until the next call; NULL: it is no longer configured, and stops. True when what
 * runs is not what is configured now. */
MUST_USE bool runner_configure(struct runner *r, const struct settings_worker *s,
                               usec_t drain_timeout);

void runner_tell(struct runner *r, enum lifecycle_event e);
/* NO_ROOM, and why. */
void runner_refuse(struct runner *r, const char *reason);

void runner_describe(const struct runner *r, struct workers_one *ret);
