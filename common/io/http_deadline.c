#include "http_deadline.h"

#include "http_connection.h"

/* Deadlines are met this exactly; 1,000 connections that are due together cost one timer. */
#define GRAIN  (20 * USEC_PER_MSEC)
#define LINGER (1 * USEC_PER_SEC)
#define NEVER  (USEC_PER_SEC * 86400 * 365)

static void arm(struct http_server *s, usec_t now)
{
    usec_t first = USEC_INFINITY;

    for (int i = 0; i < HTTP_WAIT_FOREVER; i++) {
        struct http_connection *c = TAILQ_FIRST(&s->waiting[i]);
        if (c && c->deadline < first)
            first = c->deadline;
    }
    s->tick_at = first;
    if (first != USEC_INFINITY)
        loop_timer_start(&s->tick, first > now + GRAIN ? first - now : GRAIN);
}

static void on_tick(void *arg)
{
    struct http_server *s = arg;
    usec_t now = loop_now(s->loop);

    for (int i = 0; i < HTTP_WAIT_FOREVER; i++) {
        struct http_connection *c;
        while ((c = TAILQ_FIRST(&s->waiting[i])) && c->deadline <= now)
            http_connection_expire(c);
    }
    arm(s, now);
}

void http_deadline_init(struct http_server *s)
{
    s->patience[HTTP_WAIT_IDLE] = s->config.idle_timeout;
    s->patience[HTTP_WAIT_HEADER] = s->config.header_timeout;
    s->patience[HTTP_WAIT_BODY] = s->config.body_timeout;
    s->patience[HTTP_WAIT_WRITE] = s->config.write_timeout;
    s->patience[HTTP_WAIT_LINGER] = LINGER;
    for (int i = 0; i < HTTP_WAITS; i++) {
        TAILQ_INIT(&s->waiting[i]);
        if (s->patience[i] == 0)
            s->patience[i] = NEVER;
    }
    s->tick_at = USEC_INFINITY;
    loop_timer_init(&s->tick, s->loop, on_tick, s);
}

void http_deadline_set(struct http_connection *c, enum http_wait wait)
{
    struct http_server *s = c->server;
    usec_t now = loop_now(s->loop);

    TAILQ_REMOVE(&s->waiting[c->waits_for], c, link);
    TAILQ_INSERT_TAIL(&s->waiting[wait], c, link);
    c->waits_for = wait;
    c->deadline = now + s->patience[wait];
    c->renews_deadline = false;
    if (wait != HTTP_WAIT_FOREVER && c->deadline < s->tick_at) {
        s->tick_at = c->deadline;
        loop_timer_start(&s->tick, s->patience[wait]);
    }
}
