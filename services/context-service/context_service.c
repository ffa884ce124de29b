#include "context_service.h"

#include "context_metrics.h"
#include "io/bus_metrics.h"
#include "io/log.h"
#include "io/log_events.h"
#include "io/pepper.h"
#include "serve_bus.h"
#include "serve_http.h"
#include "settings/boot.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define RESERVED_FDS    64
#define MAX_FIELDS      100
#define MAX_TASKS       256
#define MAX_TASK_BYTES  ((size_t)256 << 20)
#define MAX_THREADS     8
#define BUS_HIGH_WATER                                                                             \
    (4 * MAX_TASKS) /* libzmq gives room back by halves, late: no answer is lost */
#define DRAIN_STEP (10 * USEC_PER_MSEC)
/* Counts of messages, 32 bytes each. */
#define MAX_REMEMBERED 65536

static int fail(int r, char *reterr, size_t size, const char *format, ...) PRINTF_LIKE(4, 5);
static int fail(int r, char *reterr, size_t size, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vsnprintf(reterr, size, format, values);
    va_end(values);
    return r;
}

static void show_reload(struct context_service *s, bool is_ok)
{
    metrics_gauge(s->shard, COMMON_config_last_reload_successful, is_ok);
    if (!is_ok)
        return;
    s->generation++;
    metrics_gauge(s->shard, COMMON_config_generation, s->generation);
    metrics_gauge(s->shard, COMMON_config_last_reload_success_timestamp_seconds,
                  (double)loop_wall(s->loop) / (double)USEC_PER_SEC);
}

static struct context_limits limits_of(const struct settings *s)
{
    return (struct context_limits){
        .max_bytes = s->context.store.max,
        .max_tenant_bytes = s->context.store.max_per_tenant,
        .max_sessions = s->context.store.max_sessions,
        .ttl = s->context.store.ttl,
    };
}

/* What lies in their folder now. */
static void read_tables(struct context_service *s)
{
    char folder[4096], missing[64];

    snprintf(folder, sizeof(folder), "%s/tokens", s->settings->paths.data);
    if (s->tables)
        tables_reload(s->tables, folder);
    else
        s->tables = tables_new(folder, MAX_REMEMBERED);
    if (tables_are_missing(s->tables, missing, sizeof(missing)))
        log_info("%s has no usable token table for%s: those counts are estimates", folder, missing);
}

static void take_settings(struct context_service *s, struct settings *loaded)
{
    if (strcmp(loaded->context.listen, s->settings->context.listen) != 0 ||
        strcmp(loaded->paths.runtime, s->settings->paths.runtime) != 0)
        log_warning("context.listen and paths.runtime take effect at the next start, ignoring");
    settings_hold_unref(&s->hold);
    s->hold = settings_hold_new(loaded);
    s->settings = loaded;
    const struct context_limits limits = limits_of(loaded);
    context_store_set_limits(s->store, &limits);
    summarizer_free(&s->summarizer);
    s->summarizer = summarizer_new(s->loop, loaded);
    read_tables(s);
    repeat_clear(s->repeats);
    boot_log("context-service", loaded);
    log_info("configuration %s reloaded", s->config_path);
}

/* All of the new configuration or none of it. */
static void on_reload(void *arg)
{
    struct context_service *s = arg;
    struct settings *loaded = NULL;
    char why[512];

    daemon_notify_reloading();
    bool is_ok = settings_load(s->config_path, &loaded, why, sizeof(why)) == 0;
    if (is_ok) {
        take_settings(s, loaded);
    } else {
        const struct log_field fields[] = {{"MESSAGE_ID", LOG_EVENT_CONFIG_REJECTED}, {NULL, NULL}};
        log_write(LOG_LEVEL_ERROR, fields, "%s; keeping the configuration in force", why);
    }
    show_reload(s, is_ok);
    daemon_notify_ready(is_ok ? "serving" : "serving; the last reload was rejected");
}

static void on_drain(void *arg)
{
    struct context_service *s = arg;
    bool is_over = loop_now(s->loop) >= s->drain_until;

    if (is_over)
        summarizer_free(&s->summarizer);
    if (offload_under_way(s->pool) == 0 && summarizer_under_way(s->summarizer) == 0 &&
        (is_over || http_server_is_idle(s->http)))
        loop_stop(s->loop);
    else
        loop_timer_start(&s->drain, DRAIN_STEP);
}

static void on_terminate(void *arg)
{
    struct context_service *s = arg;

    if (s->is_draining)
        return;
    s->is_draining = true;
    s->drain_until = loop_now(s->loop) + s->settings->proxy.drain_timeout;
    daemon_notify_stopping();
    log_info("stopping, %u requests under way", offload_under_way(s->pool));
    http_server_drain(s->http);
    on_drain(s);
}

static int open_bus(struct context_service *s, char *reterr, size_t reterr_size)
{
    char endpoint[256];
    const struct bus_socket_config config = {
        .pattern = BUS_ROUTER,
        .endpoint = endpoint,
        .do_bind = true,
        .high_water = BUS_HIGH_WATER,
        .on_message = serve_bus_message,
        .arg = s,
    };

    snprintf(endpoint, sizeof(endpoint), "ipc://%s/context.sock", s->settings->paths.runtime);
    int r = bus_new(&s->bus);
    if (r == 0)
        r = bus_socket_new(s->bus, s->loop, &config, &s->socket);
    return r ? fail(r, reterr, reterr_size, "cannot serve %s: %s", endpoint, strerror(-r)) : 0;
}

static int open_http(struct context_service *s, char *reterr, size_t reterr_size)
{
    const struct settings *c = s->settings;
    const struct http_server_config config = {
        .max_header = c->proxy.max_header,
        .max_body = c->proxy.max_body,
        .max_fields = MAX_FIELDS,
        .max_connections = daemon_max_connections(MAX_CONNECTIONS, RESERVED_FDS),
        .header_timeout = c->proxy.header_timeout,
        .body_timeout = c->proxy.body_timeout,
        .idle_timeout = c->proxy.idle_timeout,
        .write_timeout = c->proxy.body_timeout,
        .high_water = 64u << 10,
    };
    const char *why = "";
    int fd;

    int r = http_server_new(s->loop, &config, &serve_http_handler, s, &s->http);
    if (r)
        return fail(r, reterr, reterr_size, "cannot serve HTTP: %s", strerror(-r));
    r = daemon_listen(c->context.listen, false, &fd, &why);
    if (r)
        return fail(r, reterr, reterr_size, "cannot listen on %s: %s: %s", c->context.listen, why,
                    strerror(-r));
    r = http_server_listen(s->http, fd, 0);
    return r ? fail(r, reterr, reterr_size, "cannot accept on %s: %s", c->context.listen,
                    strerror(-r))
             : 0;
}

static int open_pool(struct context_service *s, char *reterr, size_t reterr_size)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const struct offload_config config = {
        .threads = cores < 1             ? 1
                   : cores > MAX_THREADS ? MAX_THREADS
                                         : (unsigned)cores,
        .max_tasks = MAX_TASKS,
        .max_bytes = MAX_TASK_BYTES,
    };
    int r = offload_new(s->loop, &config, &s->pool);

    return r ? fail(r, reterr, reterr_size, "cannot start threads: %s", strerror(-r)) : 0;
}

/* Without it no summary is known for our own again: it is condensed like any other message. */
static void open_secret(struct context_service *s)
{
    char path[4096];
    uint8_t digest[DIGEST_SIZE];
    struct pepper *pepper = NULL;

    snprintf(path, sizeof(path), "%s/context.secret", s->settings->paths.state);
    if (pepper_load(path, &pepper) != PEPPER_OK) {
        log_warning("%s cannot be had; summaries will not be known again, ignoring", path);
        return;
    }
    pepper_digest(pepper, STR("summary"), digest);
    pepper_free(&pepper);
    digest_hex(digest, DIGEST_SIZE, s->marker_secret);
    s->secret = str_from(s->marker_secret);
}

static int open_store(struct context_service *s, char *reterr, size_t reterr_size)
{
    const struct context_limits limits = limits_of(s->settings);
    int r = context_store_start(s->settings->paths.state, &limits, &s->store);

    if (r)
        return fail(r, reterr, reterr_size, "cannot start a thread: %s", strerror(-r));
    open_secret(s);
    s->repeats = repeat_new();
    s->summarizer = summarizer_new(s->loop, s->settings);
    return 0;
}

static int open_loop(struct context_service *s, char *reterr, size_t reterr_size)
{
    const char *name[] = {"main"};
    int r = loop_new(&s->loop);

    if (r == 0)
        r = loop_on_signal(s->loop, SIGHUP, on_reload, s);
    if (r == 0)
        r = loop_on_signal(s->loop, SIGTERM, on_terminate, s);
    if (r == 0)
        r = loop_on_signal(s->loop, SIGINT, on_terminate, s);
    if (r)
        return fail(r, reterr, reterr_size, "cannot start: %s", strerror(-r));
    loop_timer_init(&s->drain, s->loop, on_drain, s);
    s->metrics = context_metrics_registry();
    s->shard = metrics_add_shard(s->metrics);
    context_metrics_begin(s->shard);
    loop_set_lag_fn(s->loop, metrics_page_observe_lag,
                    metrics_find(s->shard, COMMON_eventloop_lag_seconds, name));
    return 0;
}

int context_service_start(struct context_service *s, const char *config_path,
                          struct settings **settings, char *reterr, size_t reterr_size)
{
    *s = (struct context_service){.config_path = config_path, .settings = *settings};
    s->hold = settings_hold_new(TAKE(*settings));
    read_tables(s);
    int r = open_loop(s, reterr, reterr_size);
    if (r == 0)
        r = open_pool(s, reterr, reterr_size);
    if (r == 0)
        r = open_store(s, reterr, reterr_size);
    if (r == 0)
        learner_start(s);
    if (r == 0)
        r = open_bus(s, reterr, reterr_size);
    if (r == 0)
        r = open_http(s, reterr, reterr_size);
    if (r)
        return r;
    show_reload(s, true);
    context_service_refresh_metrics(s);
    s->watchdog = daemon_watchdog_new(s->loop);
    return 0;
}

void context_service_run(struct context_service *s)
{
    log_info("serving on %s", s->settings->context.listen);
    daemon_notify_ready("serving");
    loop_run(s->loop);
    log_info("stopped");
}

void context_service_stop(struct context_service *s)
{
    daemon_watchdog_free(&s->watchdog);
    if (s->drain.loop)
        loop_timer_stop(&s->drain);
    http_server_free(&s->http);
    bus_socket_free(&s->socket);
    bus_free(&s->bus);
    summarizer_free(&s->summarizer);
    offload_free(&s->pool);
    context_store_stop(&s->store);
    repeat_free(&s->repeats);
    learner_stop(s);
    tables_free(&s->tables);
    loop_free(&s->loop);
    metrics_free(&s->metrics);
    settings_hold_unref(&s->hold);
}

static void show_memory(struct context_service *s)
{
    struct memo_stats now = tables_memory(s->tables);

    metrics_gauge(s->shard, METRIC_context_cache_size, (double)now.entries, "count");
    metrics_count(s->shard, METRIC_context_cache_hits_total,
                  (double)(now.hits - s->remembered.hits), "count");
    metrics_count(s->shard, METRIC_context_cache_misses_total,
                  (double)(now.misses - s->remembered.misses), "count");
    s->remembered = now;
}

void context_service_refresh_metrics(struct context_service *s)
{
    bus_metrics_count(s->shard, "context", bus_socket_stats(s->socket), &s->counted);
    metrics_page_count_server(s->shard, s->http);
    metrics_gauge(s->shard, METRIC_context_queue_requests, offload_under_way(s->pool));
    show_memory(s);
    metrics_gauge(s->shard, METRIC_context_cache_size, (double)repeat_entries(s->repeats),
                  "condense");
    metrics_gauge(s->shard, METRIC_context_sessions, (double)context_store_sessions(s->store));
}
