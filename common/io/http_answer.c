#include "io/http_answer.h"

#include "base/json_write.h"

#include <stdlib.h>

#define MAX_SMALL (16u << 10)

const struct http_server_config http_answer_operators = {
    .max_header = 16u << 10,
    .max_body = 1u << 20,
    .max_fields = 64,
    .max_connections = 256,
    .header_timeout = 10 * USEC_PER_SEC,
    .body_timeout = 10 * USEC_PER_SEC,
    .idle_timeout = 75 * USEC_PER_SEC,
    .write_timeout = 10 * USEC_PER_SEC,
    .high_water = 64u << 10,
};

void http_answer_json(struct http_request *r, int status, struct str json)
{
    static const struct http_header headers[] = {
        {STR_INIT("content-type"), STR_INIT("application/json")}};

    http_response_send(r, status, headers, 1, json);
}

static void send_written(struct http_request *r, int status, struct json_write *w)
{
    if (json_write_finish(w) != BUF_OK)
        abort(); /* our own small texts */
    http_answer_json(r, status, buf_str(w->out));
    buf_done(w->out);
}

void http_answer_health(struct http_request *r)
{
    http_answer_json(r, 200, STR("{\"status\":\"ok\"}"));
}

void http_answer_ready(struct http_request *r, const char *reason)
{
    struct json_write w;
    struct buf out;

    buf_init(&out, MAX_SMALL);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member(&w, "status", reason ? "unavailable" : "ready");
    json_write_key(&w, "reasons");
    json_write_begin(&w, '[');
    if (reason)
        json_write_text(&w, reason);
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    send_written(r, reason ? 503 : 200, &w);
}

void http_answer_error(struct http_request *r, int status, const char *code, const char *message)
{
    struct json_write w;
    struct buf out;

    buf_init(&out, MAX_SMALL);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_key(&w, "error");
    json_write_begin(&w, '{');
    json_write_member(&w, "message", message);
    json_write_member(&w, "type", status < 500 ? "invalid_request_error" : "overloaded_error");
    json_write_member(&w, "code", code);
    json_write_member(&w, "param", NULL);
    json_write_end(&w, '}');
    json_write_end(&w, '}');
    send_written(r, status, &w);
}

void http_answer_written(struct http_request *r, int status, struct json_write *w)
{
    if (json_write_finish(w) == BUF_OK)
        http_answer_json(r, status, buf_str(w->out));
    else
        http_answer_error(r, 503, "overloaded", "The answer is too large.");
    buf_done(w->out);
}
