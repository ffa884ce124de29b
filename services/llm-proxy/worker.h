/* worker.h -- what does one thread of the proxy own? Its loop, listeners, connections, spool,
 * shard.
 */
#pragma once

#include "audit.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/metrics.h"
#include "bills.h"
#include "cache.h"
#include "context_client.h"
#include "counting/tables.h"
#include "exchange.h"
#include "guesses.h"
#include "io/bus.h"
#include "io/fetch.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "io/offload.h"
#include "ledger.h"
#include "outcomes.h"
#include "snapshot.h"
#include "spool.h"

#include <pthread.h>
#include <stdatomic.h>

struct worker_config {
    unsigned index, n_workers;
    uint64_t seed; /* of worker_random() */
    struct metrics *metrics;
    struct bus *bus;
    struct ledger *ledger;
    struct audit *audit; /* NULL: off */
    struct spool *spool;
    struct cache *cache;
    struct tables *tables;
    struct snapshot *snapshot; /* referenced by the worker */
    struct keyring *keyring;   /* likewise */
    struct guesses *guesses;   /* of all workers */
    const int *listeners;      /* descriptors; the worker takes them over */
    size_t n_listeners;
};

struct worker {
    unsigned index;
    pthread_t thread;
    struct loop *loop;
    struct http_server *server;
    struct fetch_pool *fetches;
    struct context_client *context;
    struct outcomes *outcomes;
    struct tables *tables; /* of tokens; of all workers */
    struct bills *bills;
    struct offload *errands; /* NULL: not yet needed */
    unsigned n_errands;      /* under way */
    struct count_tokens *counts;
    struct {
        struct bus_stats outcomes, context;
    } counted; /* already in the metrics */
    struct ledger *ledger;
    struct audit *audit; /* NULL: off */
    struct spool *spool;
    struct cache *cache;
    struct metrics *metrics;
    struct metrics_shard *shard;
    struct snapshot *snapshot;
    struct keyring *keyring;
    struct guesses *guesses;
    struct exchange *exchanges; /* live ones */
    struct exchange *spare;     /* for reuse */
    unsigned n_spare;
    struct arena scratch; /* for the length of one callback */
    struct buf line;      /* likewise */
    uint64_t random;      /* xorshift state: spreads load, guards nothing */
    bool is_draining;
    struct loop_timer tick; /* shows what is counted elsewhere, and whether it is drained */
    struct loop_timer stop;
    atomic_bool is_idle; /* drained */
};

MUST_USE int worker_start(const struct worker_config *c, struct worker **ret);
/* Thread-safe: hand over a new snapshot or keyring (a reference each). */
void worker_set_snapshot(struct worker *w, struct snapshot *s);
void worker_set_keyring(struct worker *w, struct keyring *k);
/* Thread-safe: stop accepting, finish what is under way. */
void worker_drain(struct worker *w);
/* Thread-safe: abandon what is left, end the thread, release everything. */
void worker_stop(struct worker **w);

uint64_t worker_random(struct worker *w);
