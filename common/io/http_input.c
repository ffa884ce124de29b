#include "http_connection.h"

#include "base/http1_target.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_LINGER    65536  /* bytes thrown away after the last answer */
#define HEAD_READ     4096   /* to a head that came in pieces */
#define BODY_READ     131072 /* at once, straight to its place: others want their turn */
#define MIN_BODY_READ 16384  /* less goes by way of the scratch space, with what follows it */
#define BODY_AT_ONCE  262144 /* a longer body's buffer grows as it comes */

static void begin_request(struct http_connection *c)
{
    c->request = http_request_new(c);
    c->phase = HTTP_HEAD;
}

static void refuse(struct http_connection *c, int status, const char *why)
{
    http_response_refuse(c->request, status, why);
    http_connection_settle(c);
}

static void refuse_body(struct http_connection *c)
{
    char why[64];

    snprintf(why, sizeof(why), "the body is larger than %zu bytes", c->request->max_body);
    refuse(c, 413, why);
}

static void call(struct http_connection *c, void (*fn)(void *arg, struct http_request *r))
{
    c->is_in_handler = true;
    fn(c->server->arg, c->request);
    c->is_in_handler = false;
}

static void dispatch(struct http_connection *c)
{
    struct http_request *r = c->request;

    c->phase = HTTP_ANSWERING;
    if (!r->is_answered) {
        r->is_dispatched = true;
        c->server->n_in_flight++;
        call(c, c->server->handler.on_request);
    }
    http_connection_settle(c);
}

/* The request keeps its head; the place it was read to is needed for others. */
static void adopt_head(struct http_request *r, struct str bytes)
{
    char *copy = arena_copy(&r->arena, (struct str){bytes.data, r->head.size});
    char *path = arena_alloc(&r->arena, r->head.path.len + 2);

    assert(copy && path); /* the arena has room for two heads */
    r->bytes = (struct str){copy, r->head.size};
    size_t len = http1_target_decode(http1_head_text(r->bytes, r->head.path), path);
    r->path = (struct str){path, len};
}

static void begin_body(struct http_connection *c, struct str rest)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http_request *r = c->request;

    c->phase = HTTP_BODY;
    r->body_left = r->head.content_length;
    if (c->server->handler.on_head)
        call(c, c->server->handler.on_head);
    if (r->head.is_chunked)
        r->body.max = r->max_body;
    else if (r->body_left <= r->max_body)
        r->body.max = (size_t)r->body_left;
    else if (!r->is_answered) {
        refuse_body(c);
        return;
    }
    if (r->body_left == 0 && !r->head.is_chunked) {
        dispatch(c);
        return;
    }
    if (r->is_answered) {
        http_connection_settle(c);
        return;
    }
    if (r->head.expects_continue && rest.len == 0 && r->status == 0) {
        struct iovec piece = {(void *)(uintptr_t)go_on, sizeof(go_on) - 1};
        http_output_send(c, &piece, 1);
    }
}

/* False: there is not enough of it. */
static bool take_head(struct http_connection *c, struct str *in)
{
    struct http_request *r = c->request;

    switch (http1_request_feed(&r->head, *in)) {
    case HTTP1_MORE:
        return false;
    case HTTP1_REFUSED:
        refuse(c, r->head.head.status, r->head.head.why);
        break;
    case HTTP1_DONE:
        adopt_head(r, *in);
        in->data += r->head.size;
        in->len -= r->head.size;
        begin_body(c, *in);
        break;
    }
    return true;
}

/* Room for what is still to come of a body of known length, or for the next part of it. */
static char *body_room(struct http_request *r, size_t least)
{
    size_t n = r->body_left <= BODY_AT_ONCE ? (size_t)r->body_left : least;
    char *room = buf_reserve(&r->body, n);

    assert(room); /* its ceiling is its length */
    return room;
}

static void take_known_body(struct http_connection *c, struct str *in)
{
    struct http_request *r = c->request;
    size_t n = in->len < r->body_left ? in->len : (size_t)r->body_left;

    if (!r->is_answered) {
        memcpy(body_room(r, n), in->data, n);
        buf_commit(&r->body, n);
    }
    in->data += n;
    in->len -= n;
    r->body_left -= n;
    if (r->body_left == 0)
        dispatch(c);
}

static void take_chunked_body(struct http_connection *c, struct str *in)
{
    struct http_request *r = c->request;
    enum http1_chunked_result result;
    struct str piece;

    while ((result = http1_chunked_next(&r->chunked, in, &piece)) == HTTP1_CHUNKED_DATA) {
        if (!r->is_answered && buf_add_str(&r->body, piece) != BUF_OK) {
            refuse_body(c);
            return;
        }
    }
    if (result == HTTP1_CHUNKED_END)
        dispatch(c);
    else if (result == HTTP1_CHUNKED_INVALID)
        refuse(c, 400, "the chunked body is malformed");
}

/* Returns how many bytes were used up. */
static size_t take(struct http_connection *c, struct str bytes)
{
    struct str in = bytes;

    while (in.len > 0 && c->phase <= HTTP_BODY) {
        if (c->phase == HTTP_IDLE)
            begin_request(c);
        if (c->phase == HTTP_HEAD) {
            if (!take_head(c, &in))
                break;
        } else if (c->request->head.is_chunked) {
            take_chunked_body(c, &in);
        } else {
            take_known_body(c, &in);
        }
    }
    return bytes.len - in.len;
}

void http_input_resume(struct http_connection *c)
{
    size_t n = take(c, buf_str(&c->in));
    if (c->phase != HTTP_CLOSED)
        buf_consume(&c->in, n);
}

void http_input_end(struct http_connection *c)
{
    if (c->request && c->request->is_answered && c->phase == HTTP_ANSWERING)
        c->is_half_closed = true; /* the answer is whole: let it go out */
    else
        http_connection_lose(c);
}

/* > 0: bytes read. 0: there is nothing now, or the connection is over. */
static size_t receive(struct http_connection *c, void *to, size_t size)
{
    ssize_t n = c->tls ? http_tls_read(c->tls, to, size) : recv(c->fd.fd, to, size, MSG_DONTWAIT);

    if (n > 0)
        return (size_t)n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n == 0)
        http_input_end(c);
    else
        http_connection_lose(c);
    return 0;
}

/* Requests ahead of their turn wait; their number of bytes is limited by not reading on. */
static void read_ahead(struct http_connection *c)
{
    char *scratch = c->server->scratch;
    size_t n = receive(c, scratch, sizeof(c->server->scratch));

    if (n > 0 && buf_add(&c->in, scratch, n) != BUF_OK)
        http_connection_lose(c);
}

static void read_more_head(struct http_connection *c)
{
    char *room = buf_reserve(&c->in, HEAD_READ);

    assert(room); /* a head that long has been refused */
    size_t n = receive(c, room, HEAD_READ);
    if (n == 0)
        return;
    buf_commit(&c->in, n);
    http_input_resume(c);
}

static void read_body(struct http_connection *c)
{
    struct http_request *r = c->request;
    char *room = body_room(r, BODY_READ);
    size_t size = r->body_left < BODY_READ ? (size_t)r->body_left : BODY_READ;
    size_t n = receive(c, room, size);

    if (n == 0)
        return;
    buf_commit(&r->body, n);
    r->body_left -= n;
    if (r->body_left == 0)
        dispatch(c);
}

static void read_any(struct http_connection *c)
{
    char *scratch = c->server->scratch;
    size_t n = receive(c, scratch, sizeof(c->server->scratch));
    if (n == 0)
        return;

    size_t taken = take(c, (struct str){scratch, n});
    if (c->phase < HTTP_LINGERING && taken < n &&
        buf_add(&c->in, scratch + taken, n - taken) != BUF_OK)
        http_connection_lose(c);
}

static void read_lingering(struct http_connection *c)
{
    size_t n = receive(c, c->server->scratch, sizeof(c->server->scratch));

    c->n_lingered += n;
    if (c->n_lingered > MAX_LINGER)
        http_connection_close(c);
}

static void read_once(struct http_connection *c)
{
    struct http_request *r = c->request;

    switch (c->phase) {
    case HTTP_HEAD:
        read_more_head(c);
        break;
    case HTTP_BODY:
        if (!r->is_answered && !r->head.is_chunked && r->body_left >= MIN_BODY_READ)
            read_body(c);
        else
            read_any(c);
        break;
    case HTTP_IDLE:
        read_any(c);
        break;
    case HTTP_ANSWERING:
        read_ahead(c);
        break;
    case HTTP_LINGERING:
        read_lingering(c);
        break;
    case HTTP_CLOSED:
        break;
    }
}

void http_input_read(struct http_connection *c)
{
    do
        read_once(c);
    while (c->phase != HTTP_CLOSED && c->tls && http_tls_has_pending(c->tls));
}
