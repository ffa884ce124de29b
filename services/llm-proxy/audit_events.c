#include "audit_events.h"

#include "base/json_write.h"
#include "exchange.h"
#include "proto/model_news.h"
#include "proto/workers.h"
#include "worker.h"

#define MAX_DATA 4096

struct record {
    char space[MAX_DATA];
    struct buf buf;
    struct json_write w;
};

static void begin(struct record *r)
{
    /* on the stack: a request's record must not cost an allocation */
    r->buf = (struct buf){.data = r->space, .cap = sizeof(r->space), .max = sizeof(r->space) - 1};
    json_write_init(&r->w, &r->buf);
    json_write_begin(&r->w, '{');
}

/* What has no room says at least that it happened. */
static struct str end(struct record *r)
{
    json_write_end(&r->w, '}');
    return json_write_finish(&r->w) == BUF_OK ? buf_str(&r->buf) : STR("{}");
}

static void add_count(struct record *r, const char *name, int64_t n)
{
    json_write_key(&r->w, name);
    if (n == LEDGER_ENTRY_NO_COUNT)
        json_write_null(&r->w);
    else
        json_write_int(&r->w, n);
}

static void add_cost(struct record *r, int64_t nano)
{
    char text[32];
    json_write_key(&r->w, "cost_usd");
    if (nano == MONEY_UNKNOWN) {
        json_write_null(&r->w);
        return;
    }
    money_format(nano, text);
    json_write_raw(&r->w, str_from(text));
}

static void add_text(struct record *r, const char *name, struct str text)
{
    if (text.len > 0)
        json_write_member_str(&r->w, name, text);
}

static void tell_settled(struct exchange *x)
{
    const struct ledger_entry *e = &x->entry;
    struct record r;
    begin(&r);
    json_write_member(&r.w, "request", x->request_id);
    add_text(&r, "key", e->key_id);
    add_text(&r, "api", e->api);
    add_text(&r, "model", e->model);
    add_text(&r, "provider", e->provider);
    json_write_member(&r.w, "status", ledger_entry_status_text(e->status));
    json_write_member_int(&r.w, "http_status", e->http_status);
    add_text(&r, "error", e->error);
    add_count(&r, "tokens_in", e->tokens_in);
    add_count(&r, "tokens_out", e->tokens_out);
    add_cost(&r, e->cost_nano);
    json_write_member_int(&r.w, "attempts", e->attempts);
    add_text(&r, "cache", e->cache);
    audit_write(x->worker->audit, "request.settled", end(&r));
}

static void tell_refused(struct exchange *x, const char *event)
{
    struct record r;
    begin(&r);
    if (x->key)
        json_write_member(&r.w, "key", x->key->id);
    audit_repeat(x->worker->audit, event, end(&r));
}

static bool is_error(const struct exchange *x, enum refusal refusal)
{
    return x->error_code && str_is(str_from(x->error_code), refusal_code(refusal));
}

void audit_events_request(struct exchange *x)
{
    if (!x->worker->audit)
        return;
    if (is_error(x, REFUSAL_MODEL_NOT_ALLOWED))
        tell_refused(x, "auth.denied");
    else if (is_error(x, REFUSAL_BUDGET_EXCEEDED) && x->attempts == 0)
        tell_refused(x, "budget.exhausted");
    else if (x->attempts > 0 || x->entry.status != LEDGER_REFUSED)
        tell_settled(x);
}

void audit_events_limit(struct exchange *x, const char *limit)
{
    struct record r;
    if (!x->worker->audit || !x->key)
        return;
    begin(&r);
    json_write_member(&r.w, "key", x->key->id);
    json_write_member(&r.w, "limit", limit);
    audit_repeat(x->worker->audit, "limit.hit", end(&r));
}

void audit_events_auth(struct audit *a, struct str peer, const char *reason)
{
    struct record r;
    if (!a)
        return;
    begin(&r);
    add_text(&r, "peer", peer);
    json_write_member(&r.w, "reason", reason);
    audit_repeat(a, "auth.failed", end(&r));
}

void audit_events_key(struct audit *a, const struct keystore_request *k)
{
    static const char *const events[] = {
        [KEYSTORE_CREATE] = "key.created",       [KEYSTORE_UPDATE] = "key.updated",
        [KEYSTORE_ROTATE] = "key.rotated",       [KEYSTORE_REVOKE] = "key.revoked",
        [KEYSTORE_CREATE_TEAM] = "team.created", [KEYSTORE_UPDATE_TEAM] = "team.updated",
    };
    struct record r;
    begin(&r);
    if (k->id[0])
        json_write_member(&r.w, "key", k->id);
    json_write_member(&r.w, "name", k->name);
    audit_write_critical(a, events[k->verb], end(&r));
}

void audit_events_admin(struct audit *a, const struct http_request *request, int status)
{
    struct str method = http_request_method(request);
    struct record r;
    begin(&r);
    add_text(&r, "peer", http_request_peer(request));
    if (status == 401) {
        audit_repeat(a, "admin.auth_failed", end(&r));
        return;
    }
    if (str_is(method, "GET") || str_is(method, "HEAD"))
        return;
    add_text(&r, "method", method);
    add_text(&r, "path", http_request_path(request));
    json_write_member_int(&r.w, "status", status);
    audit_write_critical(a, "admin.action", end(&r));
}

void audit_events_reload(struct audit *a, unsigned generation, const char *problem)
{
    struct record r;
    begin(&r);
    if (problem)
        json_write_member(&r.w, "problem", problem);
    else
        json_write_member_u64(&r.w, "generation", generation);
    audit_write_critical(a, problem ? "config.rejected" : "config.reloaded", end(&r));
}

static const char *worker_event(struct str before, struct str state)
{
    bool did_serve = str_is(before, "idle") || str_is(before, "busy");

    if (str_is(state, "idle") || str_is(state, "busy"))
        return did_serve ? NULL : "worker.started";
    if (str_is(state, "stopped"))
        return "worker.stopped";
    return str_is(state, "failed") || str_is(state, "backoff") ? "worker.failed" : NULL;
}

void audit_events_worker(struct audit *a, const struct workers_one *w, struct str before)
{
    const char *event = worker_event(before, w->state);
    struct record r;

    if (!a || !event)
        return;
    begin(&r);
    json_write_member_str(&r.w, "worker", w->name);
    json_write_member_str(&r.w, "state", w->state);
    add_text(&r, "reason", w->reason);
    audit_write(a, event, end(&r));
}

void audit_events_model(struct audit *a, const struct model_news *n)
{
    static const char *const events[] = {
        [MODEL_NEWS_ASKED] = "model.asked",
        [MODEL_NEWS_PULLED] = "model.pulled",
        [MODEL_NEWS_FAILED] = "model.failed",
        [MODEL_NEWS_CANCELLED] = "model.cancelled",
    };
    struct record r;

    if (!a)
        return;
    begin(&r);
    json_write_member_str(&r.w, "model", n->model);
    json_write_member_str(&r.w, "source", n->source);
    add_text(&r, "sha256", n->sha256);
    if (n->kind == MODEL_NEWS_PULLED)
        json_write_member_u64(&r.w, "bytes", n->bytes);
    add_text(&r, "reason", n->reason);
    audit_write_critical(a, events[n->kind], end(&r));
}

void audit_events_ledger(void *audit, const char *what)
{
    struct record r;
    begin(&r);
    json_write_member(&r.w, "what", what);
    audit_write_critical(audit, "ledger.broken", end(&r));
}

void audit_events_service(struct audit *a, const char *event)
{
    struct record r;
    begin(&r);
    json_write_member(&r.w, "version", SUITE_VERSION);
    audit_write_critical(a, event, end(&r));
}
