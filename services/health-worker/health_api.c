#include "health_api.h"

#include "base/json_write.h"
#include "fleet_bus.h"
#include "health_metrics.h"
#include "io/http_answer.h"
#include "io/http_route.h"
#include "scrape_page.h"
#include "service.h"

#include <stdio.h>
#include <string.h>

#define MAX_ANSWER      (4u << 20)
#define FDS_OF_A_WORKER 8
#define RESERVED_FDS    (64 + 2 * MONITOR_MAX_PROBES) /* bus, files; probes and kept connections */

static void write_members(struct json_write *w, const struct health_provider *p)
{
    json_write_member_str(w, "name", p->name);
    json_write_member(w, "state", health_state_text(p->state));
    json_write_member_str(w, "reason", p->reason);
    json_write_member_int(w, "since_ms", (int64_t)p->since_ms);
    json_write_member_int(w, "last_success_ms", (int64_t)p->last_success_ms);
    json_write_member_int(w, "consecutive_failures", p->consecutive_failures);
    json_write_key(w, "latency_ms");
    json_write_double(w, p->latency_ms);
    json_write_member_int(w, "models", p->models);
    health_write_engine(w, &p->engine);
}

static void answer_health(void *arg, struct http_request *r, struct str tail)
{
    (void)arg, (void)tail;
    http_answer_health(r);
}

static void answer_ready(void *arg, struct http_request *r, struct str tail)
{
    const struct service *s = arg;

    (void)tail;
    http_answer_ready(r, s->is_draining ? "draining" : NULL);
}

static void answer_metrics(void *arg, struct http_request *r, struct str tail)
{
    struct service *s = arg;

    (void)tail;
    machine_show(s->machine);
    pulls_show(s->pulls);
    fleet_refresh(s->fleet);
    cluster_show(s->cluster);
    metrics_page_refresh(s->metrics, s->shard);
    metrics_page_send(s->metrics, r);
}

static void answer_status(void *arg, struct http_request *r, struct str tail)
{
    struct service *s = arg;
    struct json_write w;
    struct buf out;

    (void)tail;
    monitor_snapshot(s->monitor, &s->snapshot);
    buf_init(&out, MAX_ANSWER);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member(&w, "node", s->settings->health.node_id);
    json_write_key(&w, "providers");
    json_write_begin(&w, '[');
    for (size_t i = 0; i < s->snapshot.n_providers; i++) {
        json_write_begin(&w, '{');
        write_members(&w, &s->snapshot.provider[i]);
        json_write_end(&w, '}');
    }
    json_write_end(&w, ']');
    json_write_key(&w, "workers");
    fleet_write(s->fleet, &w);
    machine_write(s->machine, &w);
    cluster_write(s->cluster, &w);
    json_write_end(&w, '}');
    http_answer_written(r, 200, &w);
}

/* 503 when it is down, so that `up` of a scrape or a load balancer's check tells the truth. */
static void answer_provider(void *arg, struct http_request *r, struct str tail)
{
    struct service *s = arg;
    struct health_provider p;
    struct json_write w;
    struct buf out;

    if (!monitor_find(s->monitor, tail, &p)) {
        http_answer_error(r, 404, "not_found", "There is no such provider.");
        return;
    }
    buf_init(&out, 65536);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    write_members(&w, &p);
    monitor_write_history(s->monitor, tail, &w);
    json_write_end(&w, '}');
    http_answer_written(r, p.state == HEALTH_DOWN ? 503 : 200, &w);
}

static void answer_targets(void *arg, struct http_request *r, struct str tail)
{
    (void)tail;
    scrape_page_list(arg, r);
}

static void answer_target(void *arg, struct http_request *r, struct str tail)
{
    scrape_page_provider(arg, r, tail);
}

static void answer_check(void *arg, struct http_request *r, struct str tail)
{
    struct service *s = arg;
    if (monitor_check(s->monitor, tail))
        http_answer_json(r, 202, STR("{\"checking\":true}"));
    else
        http_answer_error(r, 404, "not_found", "There is no such provider.");
}

static void answer_models(void *arg, struct http_request *r, struct str tail)
{
    struct service *s = arg;
    struct json_write w;
    struct buf out;

    (void)tail;
    buf_init(&out, MAX_ANSWER);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    pulls_write(s->pulls, &w);
    json_write_end(&w, '}');
    http_answer_written(r, 200, &w);
}

/* Who fills this machine's disk sits at it; and no page that a browser on it shows can: one cannot
 * send this type, nor this method, to another origin without being asked. */
static bool may_pull(struct http_request *r)
{
    if (!http_request_is_loopback(r) || http_request_header(r, "x-forwarded-for").data ||
        http_request_header(r, "forwarded").data) {
        http_answer_error(r, 403, "forbidden", "Models are pulled from this machine only.");
        return false;
    }
    if (str_is(http_request_method(r), "POST") &&
        !str_has_prefix_nocase(http_request_header(r, "content-type"), "application/json")) {
        http_answer_error(r, 415, "invalid_request", "The content-type must be application/json.");
        return false;
    }
    return true;
}

static void answer_pull(void *arg, struct http_request *r, struct str tail)
{
    struct service *s = arg;
    char text[64];

    (void)tail;
    if (!may_pull(r))
        return;
    struct pulls_answer a = pulls_add(s->pulls, http_request_body(r));
    if (a.problem) {
        http_answer_error(r, a.status, a.status == 503 ? "overloaded" : "invalid_request",
                          a.problem);
        return;
    }
    snprintf(text, sizeof(text), "{\"id\":%lld}", (long long)a.id);
    http_answer_json(r, a.status, str_from(text));
}

static void answer_cancel(void *arg, struct http_request *r, struct str tail)
{
    struct service *s = arg;

    if (!may_pull(r))
        return;
    if (pulls_cancel(s->pulls, tail))
        http_answer_json(r, 202, STR("{\"cancelling\":true}"));
    else
        http_answer_error(r, 404, "not_found", "There is no such download under way.");
}

static const struct http_route routes[] = {
    {"GET", "/health", "/health", 0, answer_health},
    {"GET", "/ready", "/ready", 0, answer_ready},
    {"GET", "/metrics", "/metrics", 0, answer_metrics},
    {"GET", "/status", "/status", 0, answer_status},
    {"GET", "/status/", "/status/{provider}", 0, answer_provider},
    {"GET", "/scrape", "/scrape", 0, answer_targets},
    {"GET", "/scrape/", "/scrape/{provider}", 0, answer_target},
    {"POST", "/check", "/check", 0, answer_check},
    {"POST", "/check/", "/check/{provider}", 0, answer_check},
    {"GET", "/models", "/models", 0, answer_models},
    {"POST", "/models/pull", "/models/pull", 0, answer_pull},
    {"DELETE", "/models/pull/", "/models/pull/{id}", 0, answer_cancel},
    {"POST", "/workers//", "/workers/{name}/{verb}", 0, fleet_bus_answer},
};

static void on_request(void *arg, struct http_request *r)
{
    const struct http_route *route;
    struct str tail;

    switch (http_route_find(HTTP_ROUTE_TABLE(routes), r, &route, &tail)) {
    case HTTP_ROUTE_NO_PATH:
        http_answer_error(r, 404, "not_found", "There is no such route.");
        return;
    case HTTP_ROUTE_NO_METHOD:
        http_answer_error(r, 405, "method_not_allowed", "This route does not take the method.");
        return;
    case HTTP_ROUTE_OK:
        route->answer(arg, r, tail);
        return;
    }
}

static void on_gone(void *arg, struct http_request *r)
{
    (void)arg, (void)r; /* every answer is given at once */
}

static void on_finished(void *arg, const struct http_request *r, int status, usec_t duration)
{
    struct service *s = arg;

    metrics_page_count_http(s->shard, r, status, duration);
}

int health_api_start(struct service *s, char *reterr, size_t reterr_size)
{
    static const struct http_server_handler handler = {
        .on_request = on_request,
        .on_gone = on_gone,
        .on_finished = on_finished,
    };
    struct http_server_config config = http_answer_operators;
    const char *why = NULL;
    int fd = -1;

    config.max_connections = daemon_max_connections(
        config.max_connections, RESERVED_FDS + FDS_OF_A_WORKER * (unsigned)s->settings->n_workers);
    int r = http_server_new(s->loop, &config, &handler, s, &s->server);
    if (r == 0)
        r = daemon_listen(s->settings->health.listen, false, &fd, &why);
    if (r == 0)
        r = http_server_listen(s->server, fd, 0);
    if (r < 0)
        snprintf(reterr, reterr_size, "cannot listen on %s: %s%s%s", s->settings->health.listen,
                 why ? why : "", why ? ": " : "", strerror(-r));
    return r;
}
