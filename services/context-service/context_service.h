/* context_service.h -- what is the daemon made of, and how does it live? One loop, a pool of
 * threads for the work, a socket on the bus and an HTTP server.
 */
#pragma once

#include "base/digest.h"
#include "base/macro.h"
#include "base/metrics.h"
#include "context_store.h"
#include "counting/tables.h"
#include "io/bus.h"
#include "io/daemon.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "io/offload.h"
#include "learner.h"
#include "repeat.h"
#include "settings/settings.h"
#include "settings_hold.h"
#include "summarizer.h"

#include <stdbool.h>
#include <stddef.h>

struct context_service {
    const char *config_path;
    const struct settings *settings; /* replaced by a reload: keep no pointer into it across turns
                                      * but by … */
    struct settings_hold *hold;      /* … a reference to this, which has them */
    unsigned generation;
    struct loop *loop;
    struct bus *bus;
    struct bus_socket *socket;
    struct bus_stats counted; /* of the socket, as far as the counters know */
    struct http_server *http;
    struct tables *tables;
    struct learner learner;
    struct memo_stats remembered; /* as far as the counters know */
    struct offload *pool;
    struct context_store *store;
    struct repeat *repeats;
    struct summarizer *summarizer;           /* NULL: none is configured */
    char marker_secret[2 * DIGEST_SIZE + 1]; /* of our own summaries; empty: none */
    struct str secret;
    uint64_t stable_turns, broken_turns; /* condensed ones that began as the one before, or not */
    struct metrics *metrics;
    struct metrics_shard *shard;
    struct daemon_watchdog *watchdog;
    struct loop_timer drain;
    usec_t drain_until;
    bool is_draining;
};

/* Takes *settings over. -errno with `reterr` filled; then, too, context_service_stop(). */
MUST_USE int context_service_start(struct context_service *s, const char *config_path,
                                   struct settings **settings, char *reterr, size_t reterr_size);
void context_service_run(struct context_service *s); /* until SIGTERM has been obeyed */
void context_service_stop(struct context_service *s);

/* The gauges and counters that are read off rather than counted. For the scrape. */
void context_service_refresh_metrics(struct context_service *s);
