/* proxy.h -- what does the whole process own, and in which order does it come and go?
 *
 * The control thread's object: configuration, ledger, keys, workers, admin listener, bus. main()
 * owns it; it owns the rest.
 */
#pragma once

#include "audit.h"
#include "base/map.h"
#include "base/metrics.h"
#include "cache.h"
#include "gauges.h"
#include "health_view.h"
#include "io/bus.h"
#include "io/daemon.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "keystore.h"
#include "ledger.h"
#include "neighbour.h"
#include "snapshot.h"
#include "usage.h"
#include "worker.h"
#include "worker_link.h"

#include <stdbool.h>

#define PROXY_MAX_WORKERS 64
#define PROXY_MAX_LISTEN  16

struct proxy {
    const char *config_path;
    struct loop *loop;
    struct metrics *metrics;
    struct metrics_shard *shard; /* the control thread's */
    struct bus *bus;
    struct ledger *ledger;
    struct audit *audit; /* NULL: off */
    struct keystore *keystore;
    struct keyring *keyring;
    struct guesses *guesses;
    struct usage *usage;
    struct cache *cache;
    struct tables *tables; /* of tokens */
    struct map upstreams;  /* name -> struct upstream *; lives as long as the process */
    struct snapshot *snapshot;
    unsigned generation;
    bool is_last_reload_good;
    usec_t reloaded_at; /* wall clock */
    usec_t started_at;  /* wall clock */
    struct worker *workers[PROXY_MAX_WORKERS];
    unsigned n_workers;
    struct http_server *admin;
    char *admin_token; /* for tcp; the socket relies on its mode */
    struct health_view *health;
    struct neighbour *context_service;
    struct worker_link *local_workers;
    struct gauges *gauges;
    struct daemon_watchdog *watchdog;
    struct loop_timer drain; /* polls for idle workers, then the deadline */
    usec_t drain_until;
};

/* Everything up to READY. > 0: cannot start, `reterr` is the one line why; < 0 likewise. Takes
 * over *settings in any case. */
MUST_USE int proxy_start(const char *config_path, struct settings **settings, struct proxy *ret,
                         char *reterr, size_t reterr_size);
/* Until SIGTERM or SIGINT and the drain after it. */
void proxy_run(struct proxy *p);
void proxy_stop(struct proxy *p);

/* The transaction behind SIGHUP and POST /admin/config/reload: parse, validate, swap, or keep the
 * old configuration and say why in `reterr`. */
MUST_USE bool proxy_reload(struct proxy *p, char *reterr, size_t reterr_size);

/* A changed set of keys goes to every thread. Takes over the reference. */
void proxy_set_keyring(struct proxy *p, struct keyring *k);
