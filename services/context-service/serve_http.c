#include "serve_http.h"

#include "base/http1_target.h"
#include "base/json_write.h"
#include "base/parse.h"
#include "context_service.h"
#include "io/http_answer.h"
#include "io/http_route.h"
#include "io/metrics_page.h"
#include "reception.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ERROR       4096
#define MAX_NAME        1024
#define MAX_NAMES       (64u << 10)
#define MAX_DEADLINE_MS 3600000

static struct buf fault_text(enum fault f, const struct fault_detail *detail)
{
    struct buf text;

    buf_init(&text, MAX_ERROR);
    if (fault_write(f, detail, &text) != BUF_OK)
        abort(); /* words of ours */
    return text;
}

static void answer_fault(struct http_request *r, enum fault f, const struct fault_detail *detail)
{
    CLEANUP(buf_done) struct buf text = fault_text(f, detail);

    http_answer_json(r, fault_status(f), buf_str(&text));
}

static void answer_no_method(struct http_request *r, const char *allowed)
{
    CLEANUP(buf_done) struct buf text = fault_text(FAULT_METHOD_NOT_ALLOWED, NULL);
    const struct http_header headers[] = {{STR("content-type"), STR("application/json")},
                                          {STR("allow"), str_from(allowed)}};

    http_response_send(r, fault_status(FAULT_METHOD_NOT_ALLOWED), headers, 2, buf_str(&text));
}

static void on_done(void *arg)
{
    struct job *j = arg;

    if (reception_continue(j->owner, j))
        return;
    reception_count(j->owner, j);
    if (j->client) {
        http_request_set_data(j->client, NULL);
        http_answer_json(j->client, fault_status(j->fault), buf_str(&j->text));
    }
    job_free(&j);
}

static bool read_deadline(const struct http_request *r, usec_t now, usec_t *ret)
{
    struct str text = http_request_header(r, "x-llm-deadline-ms");
    uint64_t ms;

    *ret = USEC_INFINITY;
    if (!text.data)
        return true;
    if (!parse_u64(text, &ms) || ms > MAX_DEADLINE_MS)
        return false;
    *ret = now + ms * USEC_PER_MSEC;
    return true;
}

static void take_request(struct context_service *s, struct http_request *r, enum question_op op,
                         struct str body)
{
    const struct job_parts parts = {.request = body};
    usec_t now = loop_now(s->loop), deadline_at;

    if (!read_deadline(r, now, &deadline_at)) {
        answer_fault(r, FAULT_INVALID_REQUEST,
                     &(struct fault_detail){"The deadline is a number of milliseconds, at most an "
                                            "hour.",
                                            "x-llm-deadline-ms"});
        return;
    }
    struct job *j = job_new(op, &parts, on_done, s);
    j->client = r;
    j->received_at = now;
    j->deadline_at = deadline_at;
    enum fault f = reception_admit(s, j);
    if (f == FAULT_NONE) {
        http_request_set_data(r, j);
        return;
    }
    job_free(&j);
    answer_fault(r, f, NULL);
}

static void answer_count(void *arg, struct http_request *r, struct str tail)
{
    (void)tail;
    take_request(arg, r, QUESTION_COUNT, http_request_body(r));
}

static void answer_condense(void *arg, struct http_request *r, struct str tail)
{
    const struct repeat_question q = {.request = http_request_body(r)};
    const struct repeat_answer *known = reception_repeat(arg, &q);

    (void)tail;
    if (known)
        http_answer_json(r, 200, known->text);
    else
        take_request(arg, r, QUESTION_CONDENSE, q.request);
}

static void answer_retrieve(void *arg, struct http_request *r, struct str tail)
{
    (void)tail;
    take_request(arg, r, QUESTION_RETRIEVE, http_request_body(r));
}

/* The names as they stand in the URL, as the body that question.h reads. */
static void take_session(struct context_service *s, struct http_request *r, enum question_op op,
                         struct str name)
{
    char space[MAX_NAME];
    struct str tenant;
    struct json_write w;
    struct buf body;

    if (!http1_target_parameter(http_request_query(r), "tenant", space, sizeof(space), &tenant)) {
        answer_fault(r, FAULT_INVALID_REQUEST,
                     &(struct fault_detail){"'tenant' is malformed.", "tenant"});
        return;
    }

    buf_init(&body, MAX_NAMES);
    json_write_init(&w, &body);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "session", name);
    if (tenant.len > 0)
        json_write_member_str(&w, "tenant", tenant);
    json_write_end(&w, '}');
    if (json_write_finish(&w) == BUF_OK)
        take_request(s, r, op, buf_str(&body));
    else
        answer_fault(r, FAULT_REQUEST_TOO_LARGE, NULL);
    buf_done(&body);
}

static void answer_session(void *arg, struct http_request *r, struct str tail)
{
    take_session(arg, r, QUESTION_SESSION, tail);
}

static void answer_forget(void *arg, struct http_request *r, struct str tail)
{
    take_session(arg, r, QUESTION_FORGET, tail);
}

static void answer_health(void *arg, struct http_request *r, struct str tail)
{
    (void)arg;
    (void)tail;
    http_answer_health(r);
}

static void answer_ready(void *arg, struct http_request *r, struct str tail)
{
    struct context_service *s = arg;

    (void)tail;
    http_answer_ready(r, s->is_draining ? "draining" : NULL);
}

static void answer_metrics(void *arg, struct http_request *r, struct str tail)
{
    struct context_service *s = arg;

    (void)tail;
    context_service_refresh_metrics(s);
    metrics_page_answer(s->metrics, s->shard, r);
}

static const struct http_route routes[] = {
    {"POST", "/v1/count", "/v1/count", 0, answer_count},
    {"POST", "/v1/condense", "/v1/condense", 0, answer_condense},
    {"POST", "/v1/retrieve", "/v1/retrieve", 0, answer_retrieve},
    {"GET", "/v1/sessions/", "/v1/sessions/{id}", 0, answer_session},
    {"DELETE", "/v1/sessions/", "/v1/sessions/{id}", 0, answer_forget},
    {"GET", "/health", "/health", 0, answer_health},
    {"GET", "/ready", "/ready", 0, answer_ready},
    {"GET", "/metrics", "/metrics", 0, answer_metrics},
};

/* The route, or NULL when the request has been answered. */
static const struct http_route *find_route(struct http_request *r, struct str *ret_tail)
{
    const struct http_route *route = NULL;

    switch (http_route_find(HTTP_ROUTE_TABLE(routes), r, &route, ret_tail)) {
    case HTTP_ROUTE_OK:
        return route;
    case HTTP_ROUTE_NO_PATH:
        answer_fault(r, FAULT_NOT_FOUND, NULL);
        return NULL;
    case HTTP_ROUTE_NO_METHOD:
        /* each path has one, but sessions */
        answer_no_method(r, str_has_prefix(http_request_path(r), "/v1/sessions/") ? "GET, DELETE"
                                                                                  : route->method);
        return NULL;
    }
    return NULL;
}

/* What cannot be answered is refused before its body is read. */
static void on_head(void *arg, struct http_request *r)
{
    struct str tail;

    (void)arg;
    (void)find_route(r, &tail);
}

static void on_request(void *arg, struct http_request *r)
{
    struct str tail = STR_EMPTY;
    const struct http_route *route = find_route(r, &tail);

    if (route)
        route->answer(arg, r, tail);
}

static void on_gone(void *arg, struct http_request *r)
{
    struct job *j = http_request_data(r);

    (void)arg;
    if (!j)
        return;
    j->client = NULL;
    atomic_store(&j->is_abandoned, true);
}

static void on_writable(void *arg, struct http_request *r)
{
    (void)arg;
    (void)r;
}

static void on_finished(void *arg, const struct http_request *r, int status, usec_t duration)
{
    struct context_service *s = arg;

    metrics_page_count_http(s->shard, r, status, duration);
}

const struct http_server_handler serve_http_handler = {
    .on_head = on_head,
    .on_request = on_request,
    .on_gone = on_gone,
    .on_writable = on_writable,
    .on_finished = on_finished,
};
