#include "admin.h"

#include "audit_events.h"
#include "base/digest.h"
#include "io/http_answer.h"
#include "io/http_route.h"
#include "io/metrics_page.h"
#include "preview.h"
#include "proxy.h"
#include "settings/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_BYTES 32
#define MAX_CONFIG  (1u << 20)
#define MAX_ANSWER  (16u << 20)

enum listener { LISTENER_SOCKET, LISTENER_TCP };

#define IS_OPEN 1u /* without the token */

static void answer_health(void *arg, struct http_request *r, struct str tail)
{
    (void)arg, (void)tail;
    http_answer_health(r);
}

static void answer_ready(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    bool has_ledger = ledger_is_available(p->ledger, loop_now(p->loop));

    (void)tail;
    http_answer_ready(r, p->drain_until != 0 ? "draining"
                         : has_ledger        ? NULL
                                             : "ledger_unavailable");
}

static void answer_metrics(void *arg, struct http_request *r, struct str tail)
{
    struct proxy *p = arg;

    (void)tail;
    gauges_refresh(p->gauges);
    metrics_page_send(p->metrics, r);
}

static void answer_config(void *arg, struct http_request *r, struct str tail)
{
    static const struct http_header headers[] = {
        {STR_INIT("content-type"), STR_INIT("application/yaml")}};
    const struct proxy *p = arg;
    struct buf out;

    (void)tail;
    buf_init(&out, MAX_CONFIG);
    if (settings_print(p->snapshot->settings, &out) == BUF_OK)
        http_response_send(r, 200, headers, 1, buf_str(&out));
    else
        admin_refuse(r, REFUSAL_OVERLOADED, "The configuration is too large to show.");
    buf_done(&out);
}

static void answer_reload(void *arg, struct http_request *r, struct str tail)
{
    struct proxy *p = arg;
    char why[512];
    struct buf out;
    struct json_write w;

    (void)tail;
    bool is_good = proxy_reload(p, why, sizeof(why));
    buf_init(&out, 4096);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member_bool(&w, "reloaded", is_good);
    json_write_member_int(&w, "generation", p->generation);
    json_write_member(&w, "problem", is_good ? NULL : why);
    json_write_end(&w, '}');
    if (json_write_finish(&w) != BUF_OK)
        buf_clear(&out);
    http_answer_json(r, is_good ? 200 : 400, buf_str(&out));
    buf_done(&out);
}

static void answer_route(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    struct preview question = {
        .snapshot = p->snapshot,
        .body = http_request_body(r),
        .now = loop_now(p->loop),
    };
    struct buf out;

    (void)tail;
    digest_random(&question.random, sizeof(question.random));
    buf_init(&out, 64u << 10);
    int status = preview_write(&question, &out);
    http_answer_json(r, status, buf_str(&out));
    buf_done(&out);
}

static const struct http_route routes[] = {
    {"GET", "/health", "/health", IS_OPEN, answer_health},
    {"GET", "/ready", "/ready", IS_OPEN, answer_ready},
    {"GET", "/metrics", "/metrics", IS_OPEN, answer_metrics},
    {"GET", "/cluster/status", "/cluster/status", 0, admin_cluster_status},
    {"GET", "/admin/cache", "/admin/cache", 0, admin_cache_show},
    {"DELETE", "/admin/cache", "/admin/cache", 0, admin_cache_clear},
    {"GET", "/admin/keys", "/admin/keys", 0, admin_keys_list},
    {"POST", "/admin/keys", "/admin/keys", 0, admin_keys_create},
    {"GET", "/admin/keys/", "/admin/keys/{id}", 0, admin_keys_show},
    {"PATCH", "/admin/keys/", "/admin/keys/{id}", 0, admin_keys_update},
    {"POST", "/admin/keys/", "/admin/keys/{id}", 0, admin_keys_rotate},
    {"DELETE", "/admin/keys/", "/admin/keys/{id}", 0, admin_keys_revoke},
    {"GET", "/admin/teams", "/admin/teams", 0, admin_keys_list_teams},
    {"POST", "/admin/teams", "/admin/teams", 0, admin_keys_create_team},
    {"GET", "/admin/teams/", "/admin/teams/{name}", 0, admin_keys_show_team},
    {"PATCH", "/admin/teams/", "/admin/teams/{name}", 0, admin_keys_update_team},
    {"GET", "/admin/audit", "/admin/audit", 0, admin_audit_tail},
    {"POST", "/admin/audit/prune", "/admin/audit/prune", 0, admin_audit_prune},
    {"GET", "/admin/prices", "/admin/prices", 0, admin_prices_list},
    {"GET", "/admin/usage", "/admin/usage", 0, admin_usage_query},
    {"GET", "/admin/providers", "/admin/providers", 0, admin_status_providers},
    {"GET", "/admin/models", "/admin/models", 0, admin_status_models},
    {"GET", "/admin/workers", "/admin/workers", 0, admin_workers_list},
    {"POST", "/admin/workers//", "/admin/workers/{name}/{verb}", 0, admin_workers_ask},
    {"POST", "/admin/route", "/admin/route", 0, answer_route},
    {"GET", "/admin/config", "/admin/config", 0, answer_config},
    {"POST", "/admin/config/reload", "/admin/config/reload", 0, answer_reload},
};

/* ---- the server ---- */

static bool has_token(const struct proxy *p, const struct http_request *r)
{
    struct str value = http_request_header(r, "authorization");
    uint8_t given[DIGEST_SIZE], wanted[DIGEST_SIZE];

    if (http_request_tag(r) == LISTENER_SOCKET)
        return true;
    if (!value.data || !str_has_prefix_nocase(value, "bearer ") || !p->admin_token)
        return false;
    digest_sha256((struct str){value.data + 7, value.len - 7}, given);
    digest_sha256(str_from(p->admin_token), wanted);
    return digest_equal(given, wanted);
}

static void on_request(void *arg, struct http_request *r)
{
    const struct http_route *route;
    struct str tail;

    switch (http_route_find(HTTP_ROUTE_TABLE(routes), r, &route, &tail)) {
    case HTTP_ROUTE_NO_PATH:
        admin_refuse(r, REFUSAL_NOT_FOUND, NULL);
        return;
    case HTTP_ROUTE_NO_METHOD:
        admin_refuse(r, REFUSAL_METHOD_NOT_ALLOWED, NULL);
        return;
    case HTTP_ROUTE_OK:
        break;
    }
    if (!(route->flags & IS_OPEN) && !has_token(arg, r))
        admin_refuse(r, REFUSAL_INVALID_API_KEY, "The admin token is required.");
    else
        route->answer(arg, r, tail);
}

static void on_gone(void *arg, struct http_request *r)
{
    struct admin_call *c = http_request_data(r);

    (void)arg;
    if (c)
        c->client = NULL;
}

static void on_finished(void *arg, const struct http_request *r, int status, usec_t duration)
{
    struct proxy *p = arg;

    metrics_page_count_http(p->shard, r, status, duration);
    audit_events_admin(p->audit, r, status);
}

void admin_answer_begin(struct json_write *w, struct buf *space)
{
    buf_init(space, MAX_ANSWER);
    json_write_init(w, space);
}

static void answer_refusal(struct http_request *r, enum refusal refusal, const char *message,
                           const char *param)
{
    struct buf json;

    buf_init(&json, 8192);
    if (refusal_write(refusal, message, param, &json) != BUF_OK)
        buf_clear(&json);
    http_answer_json(r, refusal_status(refusal), buf_str(&json));
    buf_done(&json);
}

void admin_refuse(struct http_request *r, enum refusal refusal, const char *message)
{
    answer_refusal(r, refusal, message, NULL);
}

void admin_refuse_field(struct http_request *r, const char *field, const char *message)
{
    answer_refusal(r, REFUSAL_INVALID_REQUEST, message, field);
}

struct admin_call *admin_call_new(struct proxy *p, struct http_request *r)
{
    struct admin_call *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    *c = (struct admin_call){.proxy = p, .client = r};
    http_request_set_data(r, c);
    return c;
}

void admin_call_answer(struct admin_call *c, int status, struct str json)
{
    if (c->client)
        http_answer_json(c->client, status, json);
    free(c);
}

void admin_call_refuse(struct admin_call *c, enum refusal refusal, const char *message)
{
    if (c->client)
        admin_refuse(c->client, refusal, message);
    free(c);
}

void admin_call_refuse_field(struct admin_call *c, const char *field, const char *message)
{
    if (c->client)
        admin_refuse_field(c->client, field, message);
    free(c);
}

/* ---- the token ---- */

static int make_token(const char *path)
{
    uint8_t random[TOKEN_BYTES];
    char text[2 * TOKEN_BYTES + 2];

    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    digest_random(random, sizeof(random));
    digest_hex(random, sizeof(random), text);
    strcat(text, "\n");
    ssize_t written = write(fd, text, strlen(text));
    close(fd);
    explicit_bzero(random, sizeof(random));
    explicit_bzero(text, sizeof(text));
    return written == 2 * TOKEN_BYTES + 1 ? 0 : -EIO;
}

static int load_token(struct proxy *p)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/admin.token", p->snapshot->settings->paths.state);
    int r = make_token(path);
    if (r < 0)
        return r;
    struct settings_secret where = {.file = path};
    char why[256];
    return secret_read(&where, &p->admin_token, why, sizeof(why));
}

/* ---- start and stop ---- */

static int listen_on(struct proxy *p, const char *address, int tag, char *reterr,
                     size_t reterr_size)
{
    const char *why = NULL;
    int fd = -1;

    int r = daemon_listen(address, false, &fd, &why);
    if (r == 0)
        r = http_server_listen(p->admin, fd, tag);
    if (r < 0)
        snprintf(reterr, reterr_size, "cannot listen on %s: %s%s%s", address, why ? why : "",
                 why ? ": " : "", strerror(-r));
    return r;
}

int admin_start(struct proxy *p, char *reterr, size_t reterr_size)
{
    static const struct http_server_handler handler = {
        .on_request = on_request,
        .on_gone = on_gone,
        .on_finished = on_finished,
    };
    const struct settings *s = p->snapshot->settings;
    char socket_address[512];

    int r = load_token(p);
    if (r == 0)
        r = http_server_new(p->loop, &http_answer_operators, &handler, p, &p->admin);
    if (r < 0) {
        snprintf(reterr, reterr_size, "cannot start the admin listener: %s", strerror(-r));
        return r;
    }
    snprintf(socket_address, sizeof(socket_address), "unix:%s/admin.sock", s->paths.runtime);
    r = listen_on(p, socket_address, LISTENER_SOCKET, reterr, reterr_size);
    if (r == 0 && s->proxy.admin_listen[0] != '\0')
        r = listen_on(p, s->proxy.admin_listen, LISTENER_TCP, reterr, reterr_size);
    return r;
}

void admin_stop(struct proxy *p)
{
    http_server_free(&p->admin);
    secret_free(&p->admin_token);
}
