#include "api.h"

#include "base/json_write.h"
#include "base/parse.h"
#include "count_tokens.h"
#include "exchange.h"
#include "inbound_messages.h"
#include "io/http_answer.h"
#include "io/http_route.h"
#include "io/metrics_page.h"
#include "keycheck.h"
#include "preview.h"
#include "worker.h"

#define SMALL_BODY (64u << 10)

enum {
    NEEDS_KEY = 1,  /* checked here */
    CHECKS_KEY = 2, /* needs one too, but its own admission looks */
};

static bool speaks_anthropic(const struct http_request *r)
{
    return http_request_header(r, "anthropic-version").data != NULL;
}

/* Whose errors this caller understands. */
static const struct inbound *inbound_of(const struct http_request *r)
{
    return str_has_prefix(http_request_path(r), "/v1/messages") || speaks_anthropic(r)
               ? &inbound_messages
               : &inbound_chat;
}

static void refuse(struct worker *w, struct http_request *r, enum refusal refusal)
{
    struct http_header headers[2] = {{STR("content-type"), STR("application/json")}};
    size_t n = 1;

    if (refusal == REFUSAL_INVALID_API_KEY)
        headers[n++] = (struct http_header){STR("www-authenticate"), STR("Bearer")};
    if (refusal == REFUSAL_RATE_LIMIT_EXCEEDED)
        headers[n++] = (struct http_header){STR("retry-after"), STR("1")};
    const struct inbound *inbound = inbound_of(r);
    buf_clear(&w->line);
    if (inbound->write_error(refusal, NULL, NULL, NULL, &w->line) != BUF_OK)
        buf_clear(&w->line);
    http_response_send(r, refusal_status(refusal), headers, n, buf_str(&w->line));
}

static void answer_health(void *arg, struct http_request *r, struct str tail)
{
    (void)arg, (void)tail;
    http_answer_health(r);
}

static void answer_ready(void *arg, struct http_request *r, struct str tail)
{
    struct worker *w = arg;
    bool has_ledger = ledger_is_available(w->ledger, loop_now(w->loop));

    (void)tail;
    http_answer_ready(r, w->is_draining ? "draining" : has_ledger ? NULL : "ledger_unavailable");
}

/* For a scraper on this host; a forwarding header means that the loopback peer is only a proxy. */
static void answer_metrics(void *arg, struct http_request *r, struct str tail)
{
    struct worker *w = arg;
    bool is_forwarded = http_request_header(r, "x-forwarded-for").data ||
                        http_request_header(r, "forwarded").data ||
                        http_request_header(r, "x-real-ip").data;

    (void)tail;
    if (!w->snapshot->settings->proxy.metrics_on_api || !http_request_is_loopback(r) ||
        is_forwarded)
        refuse(w, r, REFUSAL_NOT_FOUND);
    else
        metrics_page_send(w->metrics, r);
}

static void answer_models(void *arg, struct http_request *r, struct str tail)
{
    struct worker *w = arg;

    (void)tail;
    if (!speaks_anthropic(r)) {
        http_answer_json(r, 200, str_from(w->snapshot->models_json));
        return;
    }
    struct json_write j;
    buf_clear(&w->line);
    json_write_init(&j, &w->line);
    inbound_messages_models_write(&j, w->snapshot->settings->models,
                                  w->snapshot->settings->n_models);
    if (json_write_finish(&j) != BUF_OK)
        buf_clear(&w->line);
    http_answer_json(r, 200, buf_str(&w->line));
}

static void answer_model(void *arg, struct http_request *r, struct str tail)
{
    struct worker *w = arg;
    struct json_write j;

    const struct settings_model *m = snapshot_find_model(w->snapshot, tail);
    if (!m) {
        refuse(w, r, REFUSAL_MODEL_NOT_FOUND);
        return;
    }
    buf_clear(&w->line);
    json_write_init(&j, &w->line);
    if (speaks_anthropic(r))
        inbound_messages_models_write_one(&j, m);
    else
        snapshot_write_model(m, &j);
    if (json_write_finish(&j) != BUF_OK)
        buf_clear(&w->line);
    http_answer_json(r, 200, buf_str(&w->line));
}

static void answer_chat(void *arg, struct http_request *r, struct str tail)
{
    (void)tail;
    exchange_start(arg, r, inbound_find(str_from(http_request_route(r))));
}

static void answer_count_tokens(void *arg, struct http_request *r, struct str tail)
{
    (void)tail;
    count_tokens_answer(arg, r);
}

static void answer_route(void *arg, struct http_request *r, struct str tail)
{
    struct worker *w = arg;
    struct preview p = {
        .snapshot = w->snapshot,
        .body = http_request_body(r),
        .session = http_request_header(r, "x-llm-session"),
        .now = loop_now(w->loop),
        .random = worker_random(w),
    };

    (void)tail;
    enum keycheck_result found = keycheck_find(w, r, &p.key);
    if (found != KEYCHECK_OK) {
        refuse(w, r, keycheck_refusal(found));
        return;
    }
    buf_clear(&w->line);
    int status = preview_write(&p, &w->line);
    http_answer_json(r, status, buf_str(&w->line));
}

static const struct http_route routes[] = {
    {"POST", "/v1/chat/completions", "/v1/chat/completions", CHECKS_KEY, answer_chat},
    {"POST", "/v1/completions", "/v1/completions", CHECKS_KEY, answer_chat},
    {"POST", "/v1/embeddings", "/v1/embeddings", CHECKS_KEY, answer_chat},
    {"POST", "/v1/responses", "/v1/responses", CHECKS_KEY, answer_chat},
    {"POST", "/v1/images/", "/v1/images/*", CHECKS_KEY, answer_chat},
    {"POST", "/v1/audio/", "/v1/audio/*", CHECKS_KEY, answer_chat},
    {"POST", "/v1/moderations", "/v1/moderations", CHECKS_KEY, answer_chat},
    {"POST", "/v1/rerank", "/v1/rerank", CHECKS_KEY, answer_chat},
    {"POST", "/v1/messages", "/v1/messages", CHECKS_KEY, answer_chat},
    {"POST", "/v1/messages/count_tokens", "/v1/messages/count_tokens", CHECKS_KEY,
     answer_count_tokens},
    {"POST", "/v1/route", "/v1/route", CHECKS_KEY, answer_route},
    {"GET", "/v1/models", "/v1/models", NEEDS_KEY, answer_models},
    {"GET", "/v1/models/", "/v1/models/{id}", NEEDS_KEY, answer_model},
    {"GET", "/health", "/health", 0, answer_health},
    {"GET", "/ready", "/ready", 0, answer_ready},
    {"GET", "/metrics", "/metrics", 0, answer_metrics},
};

/* False: refused and answered. */
static bool check_key(struct worker *w, struct http_request *r)
{
    const struct keyring_key *key;
    enum keycheck_result found = keycheck_find(w, r, &key);

    if (found != KEYCHECK_OK)
        refuse(w, r, keycheck_refusal(found));
    return found == KEYCHECK_OK;
}

static bool has_big_body(const struct http_request *r)
{
    struct str length_text = http_request_header(r, "content-length");
    uint64_t length = 0;

    if (!length_text.data)
        return http_request_header(r, "transfer-encoding").data != NULL;
    return !parse_u64(length_text, &length) || length > SMALL_BODY;
}

/* A stranger's big body is not read at all; a small one is here already and costs nothing. */
static void on_head(void *arg, struct http_request *r)
{
    const struct http_route *route;
    struct str tail;

    if (http_route_find(HTTP_ROUTE_TABLE(routes), r, &route, &tail) != HTTP_ROUTE_OK)
        return;
    if (route->flags != 0 && has_big_body(r))
        (void)check_key(arg, r);
}

static void on_request(void *arg, struct http_request *r)
{
    const struct http_route *route;
    struct str tail;

    switch (http_route_find(HTTP_ROUTE_TABLE(routes), r, &route, &tail)) {
    case HTTP_ROUTE_NO_PATH:
        refuse(arg, r, REFUSAL_NOT_FOUND);
        return;
    case HTTP_ROUTE_NO_METHOD:
        refuse(arg, r, REFUSAL_METHOD_NOT_ALLOWED);
        return;
    case HTTP_ROUTE_OK:
        break;
    }
    if (route->flags != NEEDS_KEY || check_key(arg, r))
        route->answer(arg, r, tail);
}

static void on_gone(void *arg, struct http_request *r)
{
    if (http_request_data(r))
        exchange_client_gone(http_request_data(r));
    else
        count_tokens_gone(arg, r);
}

static void on_writable(void *arg, struct http_request *r)
{
    (void)arg;
    if (http_request_data(r))
        exchange_client_writable(http_request_data(r));
}

static void on_finished(void *arg, const struct http_request *r, int status, usec_t duration)
{
    struct worker *w = arg;

    metrics_page_count_http(w->shard, r, status, duration);
}

const struct http_server_handler api_handler = {
    .on_head = on_head,
    .on_request = on_request,
    .on_gone = on_gone,
    .on_writable = on_writable,
    .on_finished = on_finished,
};
