#include "http_connection.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_AHEAD  65536      /* bytes of requests sent ahead; then we stop reading */
#define MAX_OUTPUT (64 << 20) /* a handler that ignores http_response_is_full() */

void http_connection_schedule(struct http_connection *c)
{
    if (!c->after.is_queued && !c->is_in_handler)
        loop_defer(c->server->loop, &c->after);
}

void http_connection_close(struct http_connection *c)
{
    struct http_server *s = c->server;

    assert(c->phase != HTTP_CLOSED);
    c->phase = HTTP_CLOSED;
    loop_fd_stop(&c->fd);
    close(c->fd.fd);
    TAILQ_REMOVE(&s->waiting[c->waits_for], c, link);
    s->n_connections--;
    http_connection_schedule(c);
}

/* At the end of the turn: until then the handler may still be looking. */
static void release(struct http_connection *c)
{
    if (c->request)
        http_request_free(TAKE(c->request));
    http_tls_session_free(&c->tls);
    buf_done(&c->in);
    buf_done(&c->out);
    free(c);
}

static void report(struct http_connection *c, int status)
{
    struct http_server *s = c->server;
    struct http_request *r = c->request;

    if (r->is_finished)
        return;
    r->is_finished = true;
    if (s->handler.on_finished && status != 0)
        s->handler.on_finished(s->arg, r, status, loop_now(s->loop) - r->accepted_at);
}

void http_connection_lose(struct http_connection *c)
{
    struct http_server *s = c->server;
    struct http_request *r = c->request;

    if (r && (r->is_dispatched || r->status != 0)) {
        report(c, 499);
        if (!r->is_answered) {
            r->is_answered = true; /* nothing it still writes goes anywhere */
            c->is_broken = true;
            s->handler.on_gone(s->arg, r);
        }
    }
    http_connection_close(c);
}

/* The answer is out, and nothing more will go to them. */
static void finish_connection(struct http_connection *c)
{
    struct http_request *r = c->request;
    struct linger reset = {.l_onoff = 1};

    if (r->is_cut && !r->is_chunked) /* without a frame only a reset tells a cut from the end */
        setsockopt(c->fd.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (c->tls && !r->is_cut)
        http_tls_end(c->tls);
    bool lingers = c->lingers || c->phase == HTTP_BODY || c->in.len > 0;
    if (r->is_cut || c->is_half_closed || !lingers) {
        http_connection_close(c);
        return;
    }
    shutdown(c->fd.fd, SHUT_WR);
    http_request_free(TAKE(c->request));
    c->phase = HTTP_LINGERING;
}

void http_connection_settle(struct http_connection *c)
{
    struct http_request *r = c->request;

    if (!r || !r->is_answered || c->is_broken || http_output_pending(c) > 0)
        return;
    report(c, r->status);
    if (c->closes || c->is_half_closed || c->server->is_draining) {
        finish_connection(c);
    } else if (c->phase == HTTP_ANSWERING) {
        http_request_free(TAKE(c->request));
        c->phase = HTTP_IDLE;
        c->has_served = c->renews_deadline = true;
    }
}

/* What comes next, and how long we wait for it. */
static void await(struct http_connection *c)
{
    static const enum http_wait waits[] = {
        [HTTP_IDLE] = HTTP_WAIT_IDLE,        [HTTP_HEAD] = HTTP_WAIT_HEADER,
        [HTTP_BODY] = HTTP_WAIT_BODY,        [HTTP_ANSWERING] = HTTP_WAIT_FOREVER,
        [HTTP_LINGERING] = HTTP_WAIT_LINGER,
    };
    enum http_wait wait = waits[c->phase];
    unsigned wanted = c->is_blocked ? LOOP_WRITE : 0;

    if (c->phase == HTTP_ANSWERING && c->is_blocked)
        wait = HTTP_WAIT_WRITE;
    else if (c->phase == HTTP_IDLE && c->tls && !http_tls_is_open(c->tls))
        wait = HTTP_WAIT_HEADER;

    if (!c->is_half_closed)
        wanted |= c->phase == HTTP_ANSWERING && c->in.len >= MAX_AHEAD ? LOOP_CLOSED : LOOP_READ;
    if (wait != c->waits_for || c->renews_deadline)
        http_deadline_set(c, wait);
    if (loop_fd_want(&c->fd, wanted) < 0)
        http_connection_lose(c);
}

static void tell_writable(struct http_connection *c)
{
    struct http_server *s = c->server;
    struct http_request *r = c->request;

    if (!r || !r->was_full || r->is_answered || http_output_pending(c) > s->config.high_water / 2)
        return;
    r->was_full = false;
    c->is_in_handler = true;
    s->handler.on_writable(s->arg, r);
    c->is_in_handler = false;
    http_output_flush(c);
    if (r->was_full && http_output_pending(c) <= s->config.high_water / 2)
        http_connection_schedule(c); /* full a moment ago, and already gone: told again */
}

/* Everything a connection does ends here. */
static void proceed(struct http_connection *c)
{
    if (c->phase == HTTP_CLOSED)
        return;
    if (!c->is_blocked)
        http_output_flush(c);
    tell_writable(c);
    http_connection_settle(c);
    if (c->phase == HTTP_IDLE && c->in.len > 0) {
        http_input_resume(c);
        http_connection_schedule(c);
    }
    if (c->phase == HTTP_CLOSED)
        return;
    if (c->is_broken) {
        http_connection_lose(c);
        return;
    }
    if (c->phase == HTTP_IDLE) { /* an idle connection holds next to nothing */
        buf_done(&c->in);
        buf_done(&c->out);
    }
    await(c);
}

static void at_end_of_turn(void *arg)
{
    struct http_connection *c = arg;

    if (c->phase == HTTP_CLOSED)
        release(c);
    else
        proceed(c);
}

static void on_ready(void *arg, unsigned ready)
{
    struct http_connection *c = arg;

    if (ready & LOOP_WRITE)
        c->is_blocked = false;
    if (ready & LOOP_READ)
        http_input_read(c);
    else if (ready & LOOP_CLOSED)
        http_input_end(c);
    proceed(c);
}

void http_connection_expire(struct http_connection *c)
{
    struct http_request *r = c->request;

    if (r && r->status == 0 && !r->is_dispatched)
        http_response_refuse(r, 408, "the request took too long");
    else
        http_connection_lose(c);
    proceed(c);
}

static void name_peer(struct http_connection *c, const struct sockaddr_storage *peer)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;

    if (peer->ss_family == AF_INET) {
        c->is_loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        inet_ntop(AF_INET, &v4->sin_addr, c->peer, sizeof(c->peer));
    } else if (peer->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        c->is_loopback = v6->sin6_addr.s6_addr[12] == 127;
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], c->peer, sizeof(c->peer));
    } else if (peer->ss_family == AF_INET6) {
        c->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        inet_ntop(AF_INET6, &v6->sin6_addr, c->peer, sizeof(c->peer));
    } else {
        c->is_loopback = true;
        strcpy(c->peer, "unix");
    }
}

void http_connection_new(struct http_server *s, const struct http_accepted *accepted)
{
    struct http_connection *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    c->server = s;
    c->tag = accepted->tag;
    if (accepted->is_encrypted)
        c->tls = http_tls_session_new(s->tls, accepted->fd);
    c->after = (struct loop_task){.fn = at_end_of_turn, .arg = c};
    buf_init(&c->in, s->config.max_header + MAX_AHEAD + sizeof(s->scratch));
    buf_init(&c->out, MAX_OUTPUT);
    name_peer(c, &accepted->peer);
    loop_fd_init(&c->fd, s->loop, accepted->fd, on_ready, c);
    s->n_connections++;
    TAILQ_INSERT_TAIL(&s->waiting[HTTP_WAIT_IDLE], c, link);
    c->renews_deadline = true;
    proceed(c);
}
