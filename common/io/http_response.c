#include "http_response_head.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static struct iovec piece_of(struct str s)
{
    return (struct iovec){(void *)(uintptr_t)s.data, s.len};
}

static bool is_bare(const struct http_request *r, int status)
{
    return status == 204 || status == 304 || str_is(http_request_method(r), "HEAD");
}

/* The handler is done, even if the connection has failed; it goes on when the answer is out. */
static void end_answer(struct http_request *r)
{
    r->is_answered = true;
    http_connection_schedule(r->connection);
}

static void send_whole(struct http_request *r, const struct http_response_fields *a,
                       struct str body)
{
    r->status = a->status;
    if (is_bare(r, a->status))
        body.len = 0;
    r->n_answer_bytes = body.len;
    struct iovec pieces[] = {piece_of(http_response_head(r, a)), piece_of(body)};
    http_output_send(r->connection, pieces, body.len > 0 ? 2 : 1);
}

void http_response_send(struct http_request *r, int status, const struct http_header *headers,
                        size_t n_headers, struct str body)
{
    struct http_response_fields a = {status, headers, n_headers, HTTP_LENGTH, body.len};

    if (r->is_answered)
        return;
    assert(r->status == 0 && status >= 200 && status <= 599);
    if (status == 204 || status == 304)
        a.framing = HTTP_BARE;
    if (!r->connection->is_broken)
        send_whole(r, &a, body);
    end_answer(r);
}

void http_response_begin(struct http_request *r, int status, const struct http_header *headers,
                         size_t n_headers)
{
    struct http_response_fields a = {status, headers, n_headers, HTTP_CHUNKED, 0};

    if (r->connection->is_broken || r->is_answered)
        return;
    assert(r->status == 0 && status >= 200 && status <= 599);
    r->status = status;
    r->is_bare = is_bare(r, status);
    if (status == 204 || status == 304)
        a.framing = HTTP_BARE;
    else if (r->head.minor == 0)
        a.framing = HTTP_UNTIL_CLOSE;
    r->is_chunked = a.framing == HTTP_CHUNKED;
    struct iovec piece = piece_of(http_response_head(r, &a));
    http_output_queue(r->connection, &piece, 1);
}

void http_response_write(struct http_request *r, struct str bytes)
{
    char size[24];

    if (r->connection->is_broken || r->is_answered || r->is_bare || bytes.len == 0)
        return;
    assert(r->status != 0);
    r->n_answer_bytes += bytes.len;
    if (!r->is_chunked) {
        struct iovec piece = piece_of(bytes);
        http_output_queue(r->connection, &piece, 1);
        return;
    }
    int len = snprintf(size, sizeof(size), "%zx\r\n", bytes.len);
    struct iovec pieces[] = {{size, (size_t)len}, piece_of(bytes), piece_of(STR("\r\n"))};
    http_output_queue(r->connection, pieces, 3);
}

bool http_response_is_full(const struct http_request *r)
{
    struct http_request *mine = (struct http_request *)(uintptr_t)r;

    if (http_output_pending(r->connection) <= r->connection->server->config.high_water)
        return false;
    mine->was_full = true; /* on_writable is owed */
    return true;
}

void http_response_end(struct http_request *r)
{
    struct iovec last = piece_of(STR("0\r\n\r\n"));

    if (r->is_answered)
        return;
    if (r->is_chunked && !r->is_bare)
        http_output_queue(r->connection, &last, 1);
    end_answer(r);
}

void http_response_abort(struct http_request *r)
{
    if (r->is_answered)
        return;
    r->is_cut = true;
    r->connection->closes = true;
    end_answer(r);
}

uint64_t http_response_bytes(const struct http_request *r)
{
    return r->n_answer_bytes;
}

static const char *code_of(int status)
{
    switch (status) {
    case 408:
        return "request_timeout";
    case 413:
        return "request_too_large";
    case 431:
        return "headers_too_large";
    default:
        return "invalid_request";
    }
}

void http_response_refuse(struct http_request *r, int status, const char *why)
{
    static const struct http_header json = {{"Content-Type", 12}, {"application/json", 16}};
    struct http_connection *c = r->connection;
    char body[256];

    c->phase = HTTP_ANSWERING;
    c->closes = c->lingers = true;
    if (r->status != 0) { /* its answer has begun: all that can be told is that it ends here */
        c->is_broken = true;
        return;
    }
    r->head.keeps_alive = false;
    int len = snprintf(body, sizeof(body),
                       "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\","
                       "\"code\":\"%s\",\"param\":null}}",
                       why, code_of(status));
    http_response_send(r, status, &json, 1, (struct str){body, (size_t)len});
}
