#include "http_connection.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_ACCEPTS 64                    /* a turn */
#define PAUSE       (100 * USEC_PER_MSEC) /* when descriptors are short */
/* What the kernel may hold back for a client that reads slowly: without it megabytes, and a write
 * timeout that takes the draining of a third of them for silence. */
#define MAX_UNSENT 131072
#define MAX_HEAD   (1 << 20) /* of an answer: the handler's own fields */

struct http_listener {
    struct http_server *server;
    struct loop_fd fd;
    int tag;
    bool is_encrypted;
    struct http_listener *next;
};

static void on_resume(void *arg)
{
    struct http_server *s = arg;

    for (struct http_listener *l = s->listeners; l; l = l->next) {
        if (loop_fd_want(&l->fd, LOOP_READ) < 0)
            loop_timer_start(&s->resume, PAUSE);
    }
}

/* Out of descriptors: a level-triggered listener would spin until one is free. */
static void pause_listening(struct http_server *s)
{
    for (struct http_listener *l = s->listeners; l; l = l->next)
        loop_fd_stop(&l->fd);
    loop_timer_start(&s->resume, PAUSE);
}

static void turn_away(int fd)
{
    static const char answer[] =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
        "Content-Length: 109\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
        "{\"error\":{\"message\":\"there are too many connections\",\"type\":\"server_error\","
        "\"code\":\"overloaded\",\"param\":null}}";

    (void)!send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* False when nobody is left at the door. */
static bool let_in(struct http_listener *l)
{
    struct http_server *s = l->server;

    for (int i = 0; i < MAX_ACCEPTS; i++) {
        struct http_accepted a = {.tag = l->tag, .is_encrypted = l->is_encrypted};
        socklen_t size = sizeof(a.peer);
        int fd = accept4(l->fd.fd, (struct sockaddr *)&a.peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == EAGAIN)
            return false;
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            pause_listening(s);
            return false;
        }
        if (fd < 0)
            continue; /* that client is gone already */
        a.fd = fd;
        if (s->n_connections < s->config.max_connections)
            http_connection_new(s, &a);
        else if (a.is_encrypted) /* a handshake, to say no, is what we cannot afford */
            close(fd);
        else
            turn_away(fd);
    }
    return true;
}

static void on_acceptable(void *arg, unsigned ready)
{
    (void)ready;
    (void)let_in(arg);
}

int http_server_new(struct loop *l, const struct http_server_config *config,
                    const struct http_server_handler *handler, void *arg, struct http_server **ret)
{
    struct http_server *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    assert(handler->on_request && handler->on_gone && config->max_connections > 0 &&
           config->max_fields > 0 && config->max_header > 0);
    s->loop = l;
    s->config = *config;
    s->handler = *handler;
    s->arg = arg;
    buf_init(&s->head, MAX_HEAD);
    loop_timer_init(&s->resume, l, on_resume, s);
    http_deadline_init(s);
    *ret = s;
    return 0;
}

static void stop_listening(struct http_server *s)
{
    while (s->listeners) {
        struct http_listener *l = s->listeners;
        s->listeners = l->next;
        loop_fd_stop(&l->fd);
        close(l->fd.fd);
        free(l);
    }
    loop_timer_stop(&s->resume);
}

/* Runs after the releases of the connections, which were put off before it. */
static void release(void *arg)
{
    struct http_server *s = arg;

    while (s->spares) {
        struct http_request *r = s->spares;
        s->spares = r->next;
        buf_done(&r->body);
        arena_done(&r->arena);
        free(r);
    }
    buf_done(&s->head);
    free(s);
}

void http_server_free(struct http_server **ref)
{
    struct http_server *s = *ref;

    if (!s)
        return;
    *ref = NULL;
    stop_listening(s);
    for (int i = 0; i < HTTP_WAITS; i++) {
        while (!TAILQ_EMPTY(&s->waiting[i]))
            http_connection_lose(TAILQ_FIRST(&s->waiting[i]));
    }
    loop_timer_stop(&s->tick);
    s->release = (struct loop_task){.fn = release, .arg = s};
    loop_defer(s->loop, &s->release);
}

static int listen_on(struct http_server *s, int fd, int tag, bool is_encrypted)
{
    struct http_listener *l = calloc(1, sizeof(*l));
    int on = 1, unsent = MAX_UNSENT;

    if (!l)
        return -ENOMEM;
    *l = (struct http_listener){.server = s, .tag = tag, .is_encrypted = is_encrypted};
    /* Connections inherit both; a unix socket has no such thing. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
    loop_fd_init(&l->fd, s->loop, fd, on_acceptable, l);
    int error = loop_fd_want(&l->fd, LOOP_READ);
    if (error < 0) {
        free(l);
        return error;
    }
    l->next = s->listeners;
    s->listeners = l;
    return 0;
}

int http_server_listen(struct http_server *s, int fd, int tag)
{
    return listen_on(s, fd, tag, false);
}

int http_server_listen_tls(struct http_server *s, int fd, int tag)
{
    assert(s->tls);
    return listen_on(s, fd, tag, true);
}

void http_server_set_tls(struct http_server *s, struct http_tls *tls)
{
    s->tls = tls;
}

/* A request may be on its way over a new connection; over one that has served some, it may be here
 * without having been read. */
static bool may_close(const struct http_connection *c)
{
    char byte;

    if (c->phase != HTTP_IDLE || !c->has_served)
        return false;
    return recv(c->fd.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static void close_idle(struct http_server *s)
{
    struct http_connection *c = TAILQ_FIRST(&s->waiting[HTTP_WAIT_IDLE]), *next;

    for (; c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (may_close(c))
            http_connection_close(c);
    }
}

void http_server_drain(struct http_server *s)
{
    s->is_draining = true;
    for (struct http_listener *l = s->listeners; l; l = l->next)
        while (let_in(l)) /* closing the door on them would reset them */
            ;
    stop_listening(s);
    close_idle(s);
}

bool http_server_is_idle(const struct http_server *s)
{
    return s->n_requests == 0;
}

unsigned http_server_connections(const struct http_server *s)
{
    return s->n_connections;
}

unsigned http_server_in_flight(const struct http_server *s)
{
    return s->n_in_flight;
}
