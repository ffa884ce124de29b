#include "http_response_head.h"

#include "base/decimal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_SKIPPED 65536 /* of a body nobody wants, to keep the connection */
#define OWN_FIELDS  256   /* room for the status line and what we add ourselves */

struct status_text {
    int status;
    const char *reason;
};

static const char *reason_of(int status)
{
    static const struct status_text texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (texts[i].status == status)
            return texts[i].reason;
    }
    return "";
}

static char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

static char *put_text(char *to, const char *text)
{
    return put(to, text, strlen(text));
}

static char *put_number(char *to, size_t n)
{
    return to + decimal_u64(n, to);
}

/* Put together once a second. */
static const char *date_line(struct http_server *s)
{
    time_t now = (time_t)(loop_wall(s->loop) / USEC_PER_SEC);
    struct tm utc;

    if (now != s->date_at) {
        s->date_at = now;
        gmtime_r(&now, &utc);
        strftime(s->date, sizeof(s->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    }
    return s->date;
}

/* Will the connection carry another request after this answer? */
static bool keeps_alive(const struct http_request *r, enum http_framing framing)
{
    const struct http_connection *c = r->connection;

    if (!r->head.keeps_alive || c->server->is_draining || framing == HTTP_UNTIL_CLOSE)
        return false;
    return c->phase != HTTP_BODY ||
           (!r->head.expects_continue && !r->head.is_chunked && r->body_left <= MAX_SKIPPED);
}

static char *put_fields(char *to, const struct http_response_fields *a)
{
    for (size_t i = 0; i < a->n_headers; i++) {
        const struct http_header *h = &a->headers[i];
        if (!http1_head_is_clean(h->name, h->value)) /* whatever it was, it splits no answer */
            continue;
        to = put(to, h->name.data, h->name.len);
        to = put(to, ": ", 2);
        to = put(to, h->value.data, h->value.len);
        to = put(to, "\r\n", 2);
    }
    return to;
}

struct str http_response_head(struct http_request *r, const struct http_response_fields *a)
{
    struct http_connection *c = r->connection;
    struct buf *head = &c->server->head;
    size_t size = OWN_FIELDS;

    for (size_t i = 0; i < a->n_headers; i++)
        size += a->headers[i].name.len + a->headers[i].value.len + 4;
    buf_clear(head);
    char *start = buf_reserve(head, size);
    assert(start); /* the handler's fields are the handler's to limit */

    char *to = put_text(start, "HTTP/1.1 ");
    to = put_number(to, (size_t)a->status);
    to = put_text(to, " ");
    to = put_text(to, reason_of(a->status));
    to = put_text(to, "\r\n");
    to = put_fields(to, a);
    if (a->framing == HTTP_LENGTH) {
        to = put_text(to, "Content-Length: ");
        to = put_number(to, a->length);
        to = put_text(to, "\r\n");
    } else if (a->framing == HTTP_CHUNKED) {
        to = put_text(to, "Transfer-Encoding: chunked\r\n");
    }
    to = put_text(to, date_line(c->server));
    if (!keeps_alive(r, a->framing)) {
        c->closes = true;
        to = put_text(to, "Connection: close\r\n");
    } else if (r->head.minor == 0) {
        to = put_text(to, "Connection: keep-alive\r\n");
    }
    to = put_text(to, "\r\n");
    buf_commit(head, (size_t)(to - start));
    return buf_str(head);
}
