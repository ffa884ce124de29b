/* bus_side.h -- one end of a conversation over the bus, for its tests.
 */
#pragma once

#include "io/bus.h"

#include "check.h"

#include <string.h>

#define PATIENCE (10 * USEC_PER_SEC)

/* One side of a conversation: a socket on a loop of its own thread or the test's. */
struct side {
    struct bus *bus;
    struct loop *loop;
    struct bus_socket *socket;
    struct loop_timer pump, alarm;
    unsigned long received, wanted;
    unsigned long accepted; /* sends that were not refused */
    const char *until;      /* a message with this text ends the run, whatever came before */
    bool is_echo, is_timed_out;
    char last[64];
};

static void on_alarm(void *arg)
{
    struct side *s = arg;

    s->is_timed_out = true;
    loop_stop(s->loop);
}

static void on_message(void *arg, struct bus_socket *socket, const struct bus_message *m)
{
    struct side *s = arg;

    (void)str_copy(s->last, sizeof(s->last), m->frame[m->n - 1]);
    if (s->is_echo)
        CHECK_INT(bus_socket_send(socket, m), BUS_OK);
    s->received++;
    if (s->until ? strcmp(s->last, s->until) == 0 : s->received == s->wanted)
        loop_stop(s->loop);
}

static int open_side(struct side *s, struct bus *bus, struct bus_socket_config config)
{
    bool receives = config.pattern != BUS_PUB && config.pattern != BUS_PUSH;

    s->bus = bus;
    if (!s->loop)
        CHECK_INT(loop_new(&s->loop), 0);
    config.on_message = receives ? on_message : NULL;
    config.arg = s;
    return bus_socket_new(bus, s->loop, &config, &s->socket);
}

static inline void close_side(struct side *s)
{
    loop_timer_stop(&s->alarm);
    bus_socket_free(&s->socket);
    loop_free(&s->loop);
}

/* Until the side has what it wants or the test has waited too long. */
static inline void run_side(struct side *s)
{
    loop_timer_init(&s->alarm, s->loop, on_alarm, s);
    loop_timer_start(&s->alarm, PATIENCE);
    loop_run(s->loop);
    loop_timer_stop(&s->alarm);
}

static enum bus_result say(struct side *s, const char *text)
{
    struct bus_message m = {.frame = {str_from(text)}, .n = 1};

    return bus_socket_send(s->socket, &m);
}
