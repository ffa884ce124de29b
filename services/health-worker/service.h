/* service.h -- what does health-worker own, and what does it tell the others?
 *
 * One loop: the monitor, the machine it runs on, the HTTP listener, and the bus: PUB of a snapshot
 * every second and of each change at once, PULL of the proxies' outcomes, ROUTER for control
 * requests.
 */
#pragma once

#include "base/buf.h"
#include "base/metrics.h"
#include "cluster.h"
#include "fleet.h"
#include "io/bus.h"
#include "io/daemon.h"
#include "io/fetch.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "machine.h"
#include "monitor.h"
#include "publisher.h"
#include "pulls.h"
#include "settings/settings.h"

#include <stdbool.h>

struct service {
    const char *config_path;
    struct settings *settings;
    struct loop *loop;
    struct metrics *metrics;
    struct metrics_shard *shard;
    struct bus *bus;
    struct publisher *publisher;
    struct bus_socket *outcomes, *control;
    struct {
        struct bus_stats outcomes, control;
    } counted; /* already in the metrics */
    struct fetch_pool *fetches;
    struct http_server *server;
    struct health_store *store;
    struct history *history;
    struct monitor *monitor;
    struct pulls *pulls;
    struct machine *machine;
    struct proxies proxies;
    struct cluster *cluster;
    struct fleet *fleet;
    struct daemon_watchdog *watchdog;
    struct loop_timer heartbeat;
    struct health_snapshot snapshot; /* filled afresh for each message */
    struct buf machine_text;
    unsigned generation;
    bool is_draining;
    struct loop_timer farewell; /* the last moment for workers to end */
};

/* Everything up to READY; takes over *settings in any case. Not 0: `reterr` is the one line why. */
MUST_USE int service_start(const char *config_path, struct settings **settings, struct service *ret,
                           char *reterr, size_t reterr_size);
void service_run(struct service *s); /* until SIGTERM or SIGINT */
void service_stop(struct service *s);
