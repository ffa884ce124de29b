/* fleet.h -- which local workers are there, and what do the proxies know of them and they of us?
 *
 * One that does not run on demand is started with us and started again whenever it ends.
 */
#pragma once

#include "base/json_write.h"
#include "base/metrics.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "machine.h"
#include "proxies.h"
#include "settings/settings.h"

#include <stdbool.h>

struct fleet;

enum fleet_result {
    FLEET_OK = 0,
    FLEET_NO_WORKER,
    FLEET_NO_VERB,
    FLEET_HELD,   /* a request cannot have it: it was stopped by hand */
    FLEET_FAILED, /* likewise: it was given up for now */
    FLEET_ENDING, /* we are on our way out */
};
const char *fleet_result_text(enum fleet_result r); /* for people */

struct fleet_config {
    struct loop *loop;
    struct fetch_pool *fetches;
    struct metrics_shard *shard;
    struct machine *machine;
    const struct proxies *proxies;
    void (*publish)(void *arg); /* a worker changed: the list is to go out */
    /* A worker's provider can be asked from now on, or not any more. */
    void (*on_use)(void *arg, struct str provider, enum workers_use use);
    void *arg;
};

/* Borrows what is in `c`. */
struct fleet *fleet_new(const struct fleet_config *c);
void fleet_free(struct fleet **f); /* what still runs is killed */

/* Start, change and stop workers until they are those of `s`, which must stay until the next
 * call. */
void fleet_configure(struct fleet *f, const struct settings *s);

/* start, stop, drain, restart, or demand: a request waits for it. `name` is a worker's or its
 * provider's. */
MUST_USE enum fleet_result fleet_ask(struct fleet *f, struct str verb, struct str name);

/* Everything as it is now, under the next sequence number; texts are borrowed until the next turn.
 * False: there are no workers and there were none. */
MUST_USE bool fleet_list(struct fleet *f, struct workers_list *ret);
/* Its array, as a value. */
void fleet_write(const struct fleet *f, struct json_write *w);

/* Bring the metrics up to date. */
void fleet_refresh(struct fleet *f);

/* From the proxies; `proxy` is its place among them. */
void fleet_load(struct fleet *f, size_t proxy, const struct load *l);
void fleet_touch(struct fleet *f, struct str provider); /* it was used */

/* Every worker is to stop; `fn` is called once all have. */
void fleet_end(struct fleet *f, loop_fn fn, void *arg);
