#include "proxy.h"

#include "admin.h"
#include "audit_events.h"
#include "base/digest.h"
#include "io/log.h"
#include "io/log_events.h"
#include "nodes/node_keys.h"
#include "proxy_metrics.h"
#include "settings/boot.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_POLL     (20 * USEC_PER_MSEC)
#define MAX_REMEMBERED 65536 /* counts of messages, 32 bytes each */

static unsigned count_workers(const struct settings *s)
{
    long n = s->proxy.threads > 0 ? (long)s->proxy.threads : sysconf(_SC_NPROCESSORS_ONLN);

    if (n < 1)
        n = 1;
    return n > PROXY_MAX_WORKERS ? PROXY_MAX_WORKERS : (unsigned)n;
}

static struct metrics_series *plain_series(struct proxy *p, unsigned family)
{
    return metrics_find(p->shard, family, NULL);
}

static int open_trail(struct proxy *p, char *reterr, size_t reterr_size)
{
    const struct settings *s = p->snapshot->settings;
    const struct audit_config config = {
        .logs_dir = s->paths.logs,
        .state_dir = s->paths.state,
        .compress_days = s->audit.compress_days,
        .retention_days = s->audit.retention_days,
        .shard = metrics_add_shard(p->metrics),
    };

    if (!s->audit.enabled)
        return 0;
    int r = audit_start(&config, &p->audit, reterr, reterr_size);
    if (r == 0)
        audit_events_service(p->audit, "service.started");
    return r;
}

static int open_books(struct proxy *p, char *reterr, size_t reterr_size)
{
    const struct settings *s = p->snapshot->settings;
    struct ledger_config config = {
        .state_dir = s->paths.state,
        .n_spools = p->n_workers,
        .on_wrong = audit_events_ledger,
        .arg = p->audit,
        .metrics =
            {
                .rows = plain_series(p, METRIC_ledger_rows_total),
                .spool_records = plain_series(p, METRIC_ledger_spool_records),
                .commit_seconds = plain_series(p, METRIC_ledger_commit_seconds),
                .unsettled = plain_series(p, METRIC_ledger_unsettled_total),
            },
    };

    int r = ledger_open(&config, &p->ledger, reterr, reterr_size);
    if (r == 0)
        r = keystore_open(p->ledger, s->paths.state, &p->keystore, &p->keyring, reterr,
                          reterr_size);
    if (r != 0)
        return r;
    if ((r = ledger_start(p->ledger)) < 0 || (r = usage_start(s->paths.state, &p->usage)) < 0)
        snprintf(reterr, reterr_size, "cannot start the ledger: %s", strerror(-r));
    return r;
}

static int open_cache(struct proxy *p, char *reterr, size_t reterr_size)
{
    int r = cache_new(p->snapshot->settings, &p->cache);

    if (r < 0)
        snprintf(reterr, reterr_size, "cannot start the cache: %s", strerror(-r));
    return r;
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static int refuse_address(int error, const char *address, const char *why, char *reterr,
                          size_t reterr_size)
{
    snprintf(reterr, reterr_size, "cannot listen on %s: %s: %s", address, why, strerror(-error));
    return error;
}

/* Workers share an address, which another process of this user could join to get some of the
 * connections: so it is had alone once, before. A unix socket stays, and workers get copies of it.
 */
static int claim(const char *address, int *ret_fd, char *reterr, size_t reterr_size)
{
    const char *why = NULL;
    int r = daemon_listen(address, false, ret_fd, &why);

    if (r < 0)
        return refuse_address(r, address, why, reterr, reterr_size);
    if (strncmp(address, "unix:", strlen("unix:")) != 0) {
        close(*ret_fd);
        *ret_fd = -1;
    }
    return 0;
}

/* One listening socket per address and worker, so that the kernel spreads the connections. */
static int open_listener(const char *address, int claimed, int *ret_fd, const char **reterr_why)
{
    if (claimed < 0)
        return daemon_listen(address, true, ret_fd, reterr_why);
    *reterr_why = "cannot be copied";
    *ret_fd = fcntl(claimed, F_DUPFD_CLOEXEC, 0);
    return *ret_fd < 0 ? -errno : 0;
}

static int open_listeners(const struct settings *s, const int *claimed, int *ret_fds, char *reterr,
                          size_t reterr_size)
{
    for (size_t i = 0; i < s->proxy.n_listen; i++) {
        const char *why = NULL;
        int r = open_listener(s->proxy.listen[i], claimed[i], &ret_fds[i], &why);
        if (r < 0) {
            close_all(ret_fds, i);
            return refuse_address(r, s->proxy.listen[i], why, reterr, reterr_size);
        }
    }
    return 0;
}

static int start_worker(struct proxy *p, unsigned index, const int *claimed, char *reterr,
                        size_t reterr_size)
{
    int fds[PROXY_MAX_LISTEN];
    struct worker_config c = {
        .index = index,
        .n_workers = p->n_workers,
        .metrics = p->metrics,
        .bus = p->bus,
        .ledger = p->ledger,
        .audit = p->audit,
        .spool = ledger_spool(p->ledger, index),
        .cache = p->cache,
        .tables = p->tables,
        .snapshot = p->snapshot,
        .keyring = p->keyring,
        .guesses = p->guesses,
        .listeners = fds,
        .n_listeners = p->snapshot->settings->proxy.n_listen,
    };

    int r = open_listeners(p->snapshot->settings, claimed, fds, reterr, reterr_size);
    if (r < 0)
        return r;
    digest_random(&c.seed, sizeof(c.seed));
    r = worker_start(&c, &p->workers[index]);
    if (r < 0)
        snprintf(reterr, reterr_size, "cannot start worker %u: %s", index, strerror(-r));
    return r;
}

static int start_workers(struct proxy *p, char *reterr, size_t reterr_size)
{
    const struct settings *s = p->snapshot->settings;
    int claimed[PROXY_MAX_LISTEN], r = 0;
    size_t n = 0;

    assert(s->proxy.n_listen <= PROXY_MAX_LISTEN);
    while (n < s->proxy.n_listen && r == 0) {
        r = claim(s->proxy.listen[n], &claimed[n], reterr, reterr_size);
        n += r == 0;
    }
    for (unsigned i = 0; i < p->n_workers && r == 0; i++)
        r = start_worker(p, i, claimed, reterr, reterr_size);
    close_all(claimed, n);
    return r;
}

static void note_reload(struct proxy *p, bool is_good)
{
    p->is_last_reload_good = is_good;
    metrics_gauge(p->shard, COMMON_config_last_reload_successful, is_good);
    if (!is_good)
        return;
    p->reloaded_at = clock_wall();
    metrics_gauge(p->shard, COMMON_config_last_reload_success_timestamp_seconds,
                  (double)p->reloaded_at / (double)USEC_PER_SEC);
    metrics_gauge(p->shard, COMMON_config_generation, p->generation);
}

static void give_snapshot(struct proxy *p, struct snapshot *s)
{
    char why[512];

    if (health_view_configure(p->health, s->settings, why, sizeof(why)) < 0)
        log_error("the nodes stay as they were: %s", why);
    snapshot_unref(&p->snapshot);
    p->snapshot = s;
    cache_configure(p->cache, s->settings, clock_wall());
    for (unsigned i = 0; i < p->n_workers; i++)
        worker_set_snapshot(p->workers[i], s);
}

/* What a running process cannot change: it must be restarted for these, and says so. */
static const char *find_fixed(const struct settings *a, const struct settings *b)
{
    if (strcmp(a->paths.state, b->paths.state) != 0)
        return "paths.state";
    if (strcmp(a->paths.runtime, b->paths.runtime) != 0)
        return "paths.runtime";
    if (strcmp(a->paths.logs, b->paths.logs) != 0)
        return "paths.logs";
    if (a->audit.enabled != b->audit.enabled)
        return "audit.enabled";
    if (strcmp(a->proxy.admin_listen, b->proxy.admin_listen) != 0)
        return "proxy.admin_listen";
    if (a->proxy.threads != b->proxy.threads)
        return "proxy.threads";
    if (!a->cache.l1_max != !b->cache.l1_max || !a->cache.l2_max != !b->cache.l2_max)
        return "cache (a layer on or off)";
    if (!a->proxy.tls_certificate != !b->proxy.tls_certificate)
        return "proxy.tls (on or off)";
    if (a->proxy.n_listen != b->proxy.n_listen)
        return "proxy.listen";
    for (size_t i = 0; i < a->proxy.n_listen; i++)
        if (strcmp(a->proxy.listen[i], b->proxy.listen[i]) != 0)
            return "proxy.listen";
    return NULL;
}

static bool load(struct proxy *p, struct snapshot **ret, char *reterr, size_t reterr_size)
{
    struct settings *s = NULL;

    if (settings_load(p->config_path, &s, reterr, reterr_size) != 0)
        return false;
    const char *fixed = find_fixed(p->snapshot->settings, s);
    if (fixed) {
        snprintf(reterr, reterr_size, "%s: %s cannot change while the proxy runs; restart it",
                 p->config_path, fixed);
        settings_free(&s);
        return false;
    }
    struct node_keys keys;
    if (node_keys_read(s, &keys, reterr, reterr_size) < 0) {
        settings_free(&s);
        return false;
    }
    node_keys_done(&keys);
    bool is_good =
        snapshot_new(&s, &p->upstreams, p->generation + 1, ret, reterr, reterr_size) == 0;
    settings_free(&s);
    return is_good;
}

/* What lies in their folder now. */
static void read_tables(struct proxy *p)
{
    char folder[4096], missing[64];

    snprintf(folder, sizeof(folder), "%s/tokens", p->snapshot->settings->paths.data);
    if (p->tables)
        tables_reload(p->tables, folder);
    else
        p->tables = tables_new(folder, MAX_REMEMBERED);
    if (tables_are_missing(p->tables, missing, sizeof(missing)))
        log_info("%s has no usable token table for%s: those counts are estimates", folder, missing);
}

bool proxy_reload(struct proxy *p, char *reterr, size_t reterr_size)
{
    struct snapshot *s = NULL;

    if (!load(p, &s, reterr, reterr_size)) {
        const struct log_field fields[] = {{"MESSAGE_ID", LOG_EVENT_CONFIG_REJECTED}, {NULL, NULL}};
        note_reload(p, false);
        log_write(LOG_LEVEL_ERROR, fields, "configuration rejected, keeping the old one: %s",
                  reterr);
        audit_events_reload(p->audit, p->generation, reterr);
        return false;
    }
    p->generation++;
    give_snapshot(p, s);
    read_tables(p);
    boot_log("llm-proxy", s->settings);
    note_reload(p, true);
    audit_set_days(p->audit, s->settings->audit.compress_days, s->settings->audit.retention_days);
    audit_events_reload(p->audit, p->generation, NULL);
    log_info("configuration %u is in force", p->generation);
    return true;
}

void proxy_set_keyring(struct proxy *p, struct keyring *k)
{
    keyring_unref(&p->keyring);
    p->keyring = k;
    for (unsigned i = 0; i < p->n_workers; i++)
        worker_set_keyring(p->workers[i], k);
}

static void on_hangup(void *arg)
{
    struct proxy *p = arg;
    char why[512];

    daemon_notify_reloading();
    (void)!proxy_reload(p, why, sizeof(why));
    daemon_notify_ready(p->is_last_reload_good ? "serving"
                                               : "serving; the last reload was rejected");
}

static bool is_drained(const struct proxy *p)
{
    for (unsigned i = 0; i < p->n_workers; i++)
        if (!atomic_load(&p->workers[i]->is_idle))
            return false;
    return true;
}

static void on_drain_tick(void *arg)
{
    struct proxy *p = arg;

    if (is_drained(p) || loop_now(p->loop) >= p->drain_until)
        loop_stop(p->loop);
    else
        loop_timer_start(&p->drain, DRAIN_POLL);
}

static void on_terminate(void *arg)
{
    struct proxy *p = arg;

    if (p->drain_until != 0)
        return;
    daemon_notify_stopping();
    log_info("draining for at most %llu s",
             (unsigned long long)(p->snapshot->settings->proxy.drain_timeout / USEC_PER_SEC));
    p->drain_until = loop_now(p->loop) + p->snapshot->settings->proxy.drain_timeout;
    for (unsigned i = 0; i < p->n_workers; i++)
        worker_drain(p->workers[i]);
    loop_timer_start(&p->drain, DRAIN_POLL);
}

static int catch_signals(struct proxy *p)
{
    int r = loop_on_signal(p->loop, SIGHUP, on_hangup, p);

    if (r == 0)
        r = loop_on_signal(p->loop, SIGTERM, on_terminate, p);
    if (r == 0)
        r = loop_on_signal(p->loop, SIGINT, on_terminate, p);
    return r;
}

static int start_control(struct proxy *p, char *reterr, size_t reterr_size)
{
    static const char *const labels[] = {"control"};
    const struct settings *s = p->snapshot->settings;
    char why[256] = "";

    loop_timer_init(&p->drain, p->loop, on_drain_tick, p);
    loop_set_lag_fn(p->loop, metrics_page_observe_lag,
                    metrics_find(p->shard, COMMON_eventloop_lag_seconds, labels));
    int r = catch_signals(p);
    if (r == 0)
        r = worker_link_new(p->bus, p->loop, s, &p->upstreams, &p->local_workers);
    if (r == 0) {
        p->health = health_view_new(p->bus, p->loop, &p->upstreams, p->local_workers);
        r = health_view_configure(p->health, s, why, sizeof(why));
    }
    if (r == 0)
        r = neighbour_new(p->bus, p->loop, s->paths.runtime, &p->context_service);
    if (r < 0) {
        snprintf(reterr, reterr_size, "cannot start the control thread: %s",
                 why[0] ? why : strerror(-r));
        return r;
    }
    worker_link_set_audit(p->local_workers, p->audit);
    p->gauges = gauges_new(p);
    p->watchdog = daemon_watchdog_new(p->loop);
    return admin_start(p, reterr, reterr_size);
}

int proxy_start(const char *config_path, struct settings **settings, struct proxy *ret,
                char *reterr, size_t reterr_size)
{
    struct proxy *p = ret;

    *p = (struct proxy){.config_path = config_path, .started_at = clock_wall()};
    map_init(&p->upstreams);
    p->guesses = guesses_new();
    p->n_workers = count_workers(*settings);
    p->metrics =
        metrics_page_registry(proxy_metrics_table, PROXY_METRICS_N, "llm_proxy_build_info");
    p->shard = metrics_add_shard(p->metrics);
    p->generation = 1;

    int r = snapshot_new(settings, &p->upstreams, p->generation, &p->snapshot, reterr, reterr_size);
    settings_free(settings);
    if (r != 0)
        return r;
    if ((r = loop_new(&p->loop)) < 0 || (r = bus_new(&p->bus)) < 0) {
        snprintf(reterr, reterr_size, "cannot make the event loop: %s", strerror(-r));
        return r;
    }
    r = open_trail(p, reterr, reterr_size);
    if (r == 0)
        r = open_books(p, reterr, reterr_size);
    if (r == 0)
        r = open_cache(p, reterr, reterr_size);
    if (r == 0) {
        read_tables(p);
        r = start_workers(p, reterr, reterr_size);
    }
    if (r == 0)
        r = start_control(p, reterr, reterr_size);
    if (r == 0)
        note_reload(p, true);
    return r;
}

void proxy_run(struct proxy *p)
{
    daemon_notify_ready("serving");
    log_info("serving with %u threads", p->n_workers);
    loop_run(p->loop);
}

static void free_upstreams(struct map *upstreams)
{
    size_t cursor = 0;
    struct str name;
    void *upstream;

    while (map_next(upstreams, &cursor, &name, &upstream)) {
        struct upstream *u = upstream;
        upstream_free(&u);
    }
    map_done(upstreams);
}

void proxy_stop(struct proxy *p)
{
    admin_stop(p);
    worker_link_leave(p->local_workers);
    cache_stop(p->cache);
    for (unsigned i = 0; i < p->n_workers; i++)
        worker_stop(&p->workers[i]);
    cache_free(&p->cache);
    health_view_free(&p->health);
    worker_link_free(&p->local_workers);
    tables_free(&p->tables);
    usage_stop(&p->usage);
    ledger_stop(&p->ledger);
    if (p->audit)
        audit_events_service(p->audit, "service.stopped");
    audit_stop(&p->audit);
    daemon_watchdog_free(&p->watchdog);
    gauges_free(&p->gauges);
    neighbour_free(&p->context_service);
    keyring_unref(&p->keyring);
    guesses_free(&p->guesses);
    keystore_close(&p->keystore);
    snapshot_unref(&p->snapshot);
    free_upstreams(&p->upstreams);
    bus_free(&p->bus);
    loop_free(&p->loop);
    metrics_free(&p->metrics);
}
