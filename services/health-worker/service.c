#include "service.h"

#include "base/json_write.h"
#include "fleet_bus.h"
#include "health_api.h"
#include "health_metrics.h"
#include "io/bus_metrics.h"
#include "io/log.h"
#include "io/log_events.h"
#include "proto/control.h"
#include "proto/load.h"
#include "proto/message.h"
#include "proto/model_news.h"
#include "settings/boot.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEARTBEAT   USEC_PER_SEC
#define FAREWELL    (80 * USEC_PER_SEC) /* systemd kills us after 90 */
#define MAX_MACHINE (256u << 10)
#define MAX_REQUEST (64u << 10)

/* ---- telling ---- */

static void show_bus(struct service *s)
{
    publisher_count(s->publisher, s->shard);
    bus_metrics_count(s->shard, "outcomes", bus_socket_stats(s->outcomes), &s->counted.outcomes);
    bus_metrics_count(s->shard, "control", bus_socket_stats(s->control), &s->counted.control);
}

/* Everything we know, at every heartbeat and to who has just subscribed. */
static void tell_all(void *arg)
{
    struct service *s = arg;
    struct json_write w;

    buf_clear(&s->machine_text);
    json_write_init(&w, &s->machine_text);
    json_write_begin(&w, '{');
    machine_write(s->machine, &w);
    json_write_end(&w, '}');
    if (json_write_finish(&w) != BUF_OK)
        buf_clear(&s->machine_text);
    monitor_snapshot(s->monitor, &s->snapshot);
    s->snapshot.active_requests = proxies_active_requests(&s->proxies, loop_now(s->loop));
    publisher_tell(s->publisher, MESSAGE_HEALTH_SNAPSHOT, &s->snapshot, buf_str(&s->machine_text));
    fleet_bus_publish(s);
}

static void on_heartbeat(void *arg)
{
    struct service *s = arg;

    tell_all(s);
    show_bus(s);
    cluster_show(s->cluster);
    loop_timer_start(&s->heartbeat, HEARTBEAT);
}

/* An outage is an event when it begins and when it ends; what a provider that recovers does in
 * between is told, but is none. */
static const char *event_of(enum health_state before, enum health_state state)
{
    bool was_out = before == HEALTH_DOWN || before == HEALTH_RECOVERING;
    bool is_out = state == HEALTH_DOWN || state == HEALTH_RECOVERING;

    if (was_out == is_out)
        return NULL;
    return is_out ? LOG_EVENT_PROVIDER_DOWN : LOG_EVENT_PROVIDER_UP;
}

static void log_change(const struct health_provider *p, enum health_state before)
{
    const char *event = event_of(before, p->state);
    char name[128];

    str_copy(name, sizeof(name), p->name);
    const struct log_field fields[] = {
        {"LLM_PROVIDER", name},
        {"LLM_HEALTH", health_state_text(p->state)},
        {event ? "MESSAGE_ID" : NULL, event},
        {NULL, NULL},
    };
    enum log_level level = p->state == HEALTH_DOWN      ? LOG_LEVEL_ERROR
                           : p->state == HEALTH_HEALTHY ? LOG_LEVEL_INFO
                                                        : LOG_LEVEL_WARNING;
    log_write(level, fields, "provider %s is %s (was %s)%s%.*s", name, health_state_text(p->state),
              health_state_text(before), p->reason.len > 0 ? ": " : "", STR_ARG(p->reason));
}

static void on_change(void *arg, const struct health_provider *p, enum health_state before)
{
    struct service *s = arg;

    if (p->state != before)
        log_change(p, before);
    s->snapshot.n_providers = 1;
    s->snapshot.provider[0] = *p;
    publisher_tell(s->publisher, MESSAGE_HEALTH_CHANGE, &s->snapshot, STR_EMPTY);
}

static void on_news(void *arg, struct model_news *n)
{
    struct service *s = arg;
    struct message_header header = {.type = MESSAGE_MODEL_NEWS};
    uint8_t head[MESSAGE_HEADER_SIZE];
    CLEANUP(buf_done) struct buf body;

    n->node = str_from(s->settings->health.node_id);
    buf_init(&body, MAX_REQUEST);
    if (model_news_encode(n, &body) != BUF_OK)
        abort(); /* each of its texts is bounded */
    publisher_send(
        s->publisher,
        &(struct bus_message){.frame = {message_encode(&header, head), buf_str(&body)}, .n = 2});
}

/* ---- listening ---- */

static bool take_outcome(struct service *s, struct arena *a, struct str body)
{
    struct outcome o;
    bool is_good = outcome_decode(a, body, &o);

    if (is_good) {
        monitor_outcome(s->monitor, &o);
        fleet_touch(s->fleet, o.provider);
    }
    return is_good;
}

static bool take_load(struct service *s, struct arena *a, struct str body)
{
    static struct load l; /* too big for the stack */
    bool is_good = load_decode(a, body, &l);

    if (is_good) {
        if (!str_is(l.node, s->settings->health.node_id)) { /* it has not heard of our workers */
            l.heard = UINT64_MAX;
            l.n = 0;
        }
        fleet_load(s->fleet, proxies_note(&s->proxies, &l, loop_now(s->loop)), &l);
    }
    return is_good;
}

static bool take_word(struct service *s, struct arena *a, const struct bus_message *m)
{
    struct message_header header;

    if (m->n != 2 || m->frame[1].len > MAX_REQUEST ||
        message_decode(m->frame[0], &header) != MESSAGE_OK)
        return false;
    if (header.type == MESSAGE_OUTCOME)
        return take_outcome(s, a, m->frame[1]);
    return header.type == MESSAGE_LOAD && take_load(s, a, m->frame[1]);
}

/* What the proxies have to say. */
static void on_word(void *arg, struct bus_socket *socket, const struct bus_message *m)
{
    struct arena a;

    arena_init(&a, MAX_REQUEST * 8);
    if (!take_word(arg, &a, m))
        bus_socket_count_invalid(socket);
    arena_done(&a);
}

/* Whatever is asked of health-worker: NULL, or why not. */
static const char *obey(struct service *s, const struct control_request *r)
{
    const char *problem;

    if (str_is(r->verb, "check"))
        return monitor_check(s->monitor, r->object) ? NULL : "no such provider";
    if (str_is(r->verb, "pull"))
        return pulls_add(s->pulls, r->object).problem;
    if (fleet_bus_obey(s, r, &problem))
        return problem;
    return "unknown verb; allowed: check, pull, start, stop, drain, restart, demand";
}

static struct str write_reply(const char *problem, char *space, size_t size)
{
    struct buf out = {.data = space, .cap = size, .max = size - 1};
    struct json_write w;

    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member_bool(&w, "ok", !problem);
    if (problem)
        json_write_member(&w, "problem", problem);
    json_write_end(&w, '}');
    return json_write_finish(&w) == BUF_OK ? buf_str(&out) : STR("{}");
}

static void on_control(void *arg, struct bus_socket *socket, const struct bus_message *m)
{
    struct service *s = arg;
    struct message_header header;
    struct control_request r;
    uint8_t head[MESSAGE_HEADER_SIZE];
    char answer[512];
    struct arena a;

    arena_init(&a, MAX_REQUEST * 4);
    if (m->n == 3 && m->frame[2].len <= MAX_REQUEST &&
        message_decode(m->frame[1], &header) == MESSAGE_OK && header.type == MESSAGE_CONTROL &&
        control_decode(&a, m->frame[2], &r)) {
        const char *problem = obey(s, &r);
        header.type = MESSAGE_CONTROL_REPLY;
        struct bus_message reply = {
            .frame = {m->frame[0], message_encode(&header, head),
                      write_reply(problem, answer, sizeof(answer))},
            .n = 3,
        };
        if (bus_socket_send(socket, &reply) != BUS_OK)
            log_debug("a control reply was dropped");
    } else {
        bus_socket_count_invalid(socket);
    }
    arena_done(&a);
}

static int open_socket(struct service *s, enum bus_pattern pattern, const char *name,
                       bus_message_fn fn, struct bus_socket **ret)
{
    char endpoint[512];

    snprintf(endpoint, sizeof(endpoint), "ipc://%s/%s", s->settings->paths.runtime, name);
    struct bus_socket_config config = {
        .pattern = pattern,
        .endpoint = endpoint,
        .do_bind = true,
        .on_message = fn,
        .arg = s,
    };
    return bus_socket_new(s->bus, s->loop, &config, ret);
}

static int open_bus(struct service *s)
{
    int r = bus_new(&s->bus);

    if (r == 0)
        r = publisher_new(s->bus, s->loop, s->settings->paths.runtime, tell_all, s, &s->publisher);
    if (r == 0)
        r = open_socket(s, BUS_PULL, "outcomes.sock", on_word, &s->outcomes);
    if (r == 0)
        r = open_socket(s, BUS_ROUTER, "control.sock", on_control, &s->control);
    return r;
}

/* ---- configuration ---- */

static void note_reload(struct service *s, bool is_good)
{
    metrics_gauge(s->shard, COMMON_config_last_reload_successful, is_good);
    if (!is_good)
        return;
    metrics_gauge(s->shard, COMMON_config_last_reload_success_timestamp_seconds,
                  (double)loop_wall(s->loop) / (double)USEC_PER_SEC);
    metrics_gauge(s->shard, COMMON_config_generation, ++s->generation);
}

static const char *find_fixed(const struct settings *a, const struct settings *b)
{
    if (strcmp(a->paths.runtime, b->paths.runtime) != 0)
        return "paths.runtime";
    if (strcmp(a->paths.state, b->paths.state) != 0)
        return "paths.state";
    if (strcmp(a->health.listen, b->health.listen) != 0)
        return "health.listen";
    return NULL;
}

/* What leaves this machine, and what is heard from others. */
static int open_network(struct service *s, const struct settings *settings, char *reterr,
                        size_t reterr_size)
{
    int r = publisher_configure(s->publisher, settings, reterr, reterr_size);

    if (r == -EADDRINUSE && s->generation > 0)
        r = 0; /* it may be we who just left the place: publisher tries on */
    return r < 0 ? r : cluster_configure(s->cluster, settings, reterr, reterr_size);
}

static bool reload(struct service *s, char *reterr, size_t reterr_size)
{
    struct settings *fresh = NULL;
    char why[256];

    if (settings_load(s->config_path, &fresh, reterr, reterr_size) != 0)
        return false;
    const char *fixed = find_fixed(s->settings, fresh);
    if (fixed) {
        snprintf(reterr, reterr_size, "%s: %s cannot change while health-worker runs; restart it",
                 s->config_path, fixed);
        settings_free(&fresh);
        return false;
    }
    if (open_network(s, fresh, reterr, reterr_size) < 0) {
        (void)!open_network(s, s->settings, why, sizeof(why));
        settings_free(&fresh);
        return false;
    }
    struct settings *old = s->settings;
    s->settings = fresh;
    monitor_configure(s->monitor, fresh);
    pulls_configure(s->pulls, fresh);
    machine_configure(s->machine, fresh);
    fleet_configure(s->fleet, fresh);
    settings_free(&old);
    boot_log("health-worker", fresh);
    return true;
}

static void on_hangup(void *arg)
{
    struct service *s = arg;
    char why[512];

    daemon_notify_reloading();
    bool is_good = reload(s, why, sizeof(why));
    note_reload(s, is_good);
    if (is_good) {
        log_info("configuration %u is in force", s->generation);
    } else {
        const struct log_field fields[] = {{"MESSAGE_ID", LOG_EVENT_CONFIG_REJECTED}, {NULL, NULL}};
        log_write(LOG_LEVEL_ERROR, fields, "configuration rejected, keeping the old one: %s", why);
    }
    daemon_notify_ready(is_good ? "watching" : "watching; the last reload was rejected");
}

/* ---- life ---- */

static void on_farewell_over(void *arg)
{
    struct service *s = arg;

    loop_stop(s->loop);
}

/* The workers stop first, with the patience that each is to be given. */
static void on_terminate(void *arg)
{
    struct service *s = arg;

    if (s->is_draining)
        return;
    daemon_notify_stopping();
    s->is_draining = true;
    loop_timer_start(&s->farewell, FAREWELL);
    fleet_end(s->fleet, on_farewell_over, s);
}

static int catch_signals(struct service *s)
{
    int r = loop_on_signal(s->loop, SIGHUP, on_hangup, s);

    if (r == 0)
        r = loop_on_signal(s->loop, SIGTERM, on_terminate, s);
    if (r == 0)
        r = loop_on_signal(s->loop, SIGINT, on_terminate, s);
    return r;
}

static int open_store(struct service *s)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/health.db", s->settings->paths.state);
    int r = health_store_new(path, s->loop, &s->store);
    if (r == 0)
        s->history = history_new(s->store, s->loop);
    return r;
}

static int open_all(struct service *s)
{
    static const char *const labels[] = {"main"};

    int r = loop_new(&s->loop);
    if (r < 0)
        return r;
    loop_set_lag_fn(s->loop, metrics_page_observe_lag,
                    metrics_find(s->shard, COMMON_eventloop_lag_seconds, labels));
    if ((r = catch_signals(s)) < 0 || (r = open_bus(s)) < 0 ||
        (r = fetch_pool_new(s->loop, &s->fetches)) < 0)
        return r;
    if ((r = open_store(s)) < 0)
        return r;
    struct monitor_tools tools = {s->loop, s->fetches, s->shard, s->history};
    s->monitor = monitor_new(&tools, on_change, s);
    s->pulls =
        pulls_new(&(struct pulls_tools){s->loop, s->shard, s->store, s->monitor, on_news, s});
    s->machine = machine_new(s->loop, s->shard);
    fleet_bus_start(s);
    s->cluster = cluster_new(s->bus, s->loop, s->shard, &s->proxies);
    return 0;
}

int service_start(const char *config_path, struct settings **settings, struct service *ret,
                  char *reterr, size_t reterr_size)
{
    struct service *s = ret;

    *s = (struct service){.config_path = config_path, .settings = TAKE(*settings)};
    buf_init(&s->machine_text, MAX_MACHINE);
    s->metrics =
        metrics_page_registry(health_metrics_table, HEALTH_METRICS_N, "health_worker_build_info");
    s->shard = metrics_add_shard(s->metrics);
    int r = open_all(s);
    if (r < 0) {
        snprintf(reterr, reterr_size, "cannot open the bus under %s: %s",
                 s->settings->paths.runtime, strerror(-r));
        return r;
    }
    if ((r = open_network(s, s->settings, reterr, reterr_size)) < 0 ||
        (r = health_api_start(s, reterr, reterr_size)) < 0)
        return r;
    monitor_configure(s->monitor, s->settings);
    pulls_configure(s->pulls, s->settings);
    machine_configure(s->machine, s->settings);
    fleet_configure(s->fleet, s->settings);
    note_reload(s, true);
    loop_timer_init(&s->farewell, s->loop, on_farewell_over, s);
    loop_timer_init(&s->heartbeat, s->loop, on_heartbeat, s);
    loop_timer_start(&s->heartbeat, 0);
    s->watchdog = daemon_watchdog_new(s->loop);
    return 0;
}

void service_run(struct service *s)
{
    daemon_notify_ready("watching");
    log_info("watching %zu providers", s->settings->n_providers);
    loop_run(s->loop);
}

void service_stop(struct service *s)
{
    if (s->loop) {
        loop_timer_stop(&s->heartbeat);
        loop_timer_stop(&s->farewell);
    }
    daemon_watchdog_free(&s->watchdog);
    http_server_free(&s->server);
    fleet_free(&s->fleet);
    machine_free(&s->machine);
    pulls_free(&s->pulls);
    monitor_free(&s->monitor);
    history_free(&s->history);
    health_store_free(&s->store);
    fetch_pool_free(&s->fetches);
    cluster_free(&s->cluster);
    publisher_free(&s->publisher);
    bus_socket_free(&s->outcomes);
    bus_socket_free(&s->control);
    bus_free(&s->bus);
    loop_free(&s->loop);
    metrics_free(&s->metrics);
    buf_done(&s->machine_text);
    settings_free(&s->settings);
}
