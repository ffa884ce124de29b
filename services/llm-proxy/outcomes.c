#include "outcomes.h"

#include "proto/message.h"

#include <stdlib.h>

#define MAX_UPSTREAMS HEALTH_MAX_PROVIDERS
#define N_KINDS       (OUTCOME_CANCELLED + 1)
#define MAX_BODY      (16u << 10)

struct gathered {
    uint64_t count;
    usec_t duration; /* of all of them */
    int status;      /* of the last */
};

struct row {
    struct upstream *upstream;
    struct gathered of[N_KINDS];
};

struct outcomes {
    struct loop *loop;
    struct bus_socket *socket;
    struct loop_timer timer;
    struct buf body;
    struct row rows[MAX_UPSTREAMS];
    size_t n;
};

static void send_one(struct outcomes *o, const struct row *row, enum outcome_kind kind)
{
    const struct gathered *g = &row->of[kind];
    struct message_header header = {.type = MESSAGE_OUTCOME};
    uint8_t head[MESSAGE_HEADER_SIZE];
    struct outcome outcome = {
        .provider = str_from(upstream_name(row->upstream)),
        .model = STR_EMPTY,
        .kind = kind,
        .status = g->status,
        .duration_us = g->duration / g->count,
        .in_flight = upstream_look(row->upstream, loop_now(o->loop)).in_flight,
        .count = g->count,
    };

    buf_clear(&o->body);
    if (outcome_encode(&outcome, &o->body) != BUF_OK)
        return;
    struct bus_message m = {
        .frame = {message_encode(&header, head), buf_str(&o->body)},
        .n = 2,
    };
    if (bus_socket_send(o->socket, &m) != BUS_OK)
        return; /* counted by the bus; the books have it all the same */
}

static void send_all(struct outcomes *o)
{
    for (size_t i = 0; i < o->n; i++)
        for (enum outcome_kind k = OUTCOME_OK; k < N_KINDS; k++)
            if (o->rows[i].of[k].count > 0)
                send_one(o, &o->rows[i], k);
    o->n = 0;
}

static void on_timer(void *arg)
{
    send_all(arg);
}

int outcomes_new(struct bus *b, struct loop *l, const char *endpoint, struct outcomes **ret)
{
    struct outcomes *o = calloc(1, sizeof(*o));

    if (!o)
        abort();
    o->loop = l;
    buf_init(&o->body, MAX_BODY);
    loop_timer_init(&o->timer, l, on_timer, o);
    struct bus_socket_config config = {.pattern = BUS_PUSH, .endpoint = endpoint};
    int r = bus_socket_new(b, l, &config, &o->socket);
    if (r < 0) {
        outcomes_free(&o);
        return r;
    }
    *ret = o;
    return 0;
}

void outcomes_free(struct outcomes **o)
{
    if (!*o)
        return;
    if ((*o)->socket)
        send_all(*o);
    loop_timer_stop(&(*o)->timer);
    bus_socket_free(&(*o)->socket);
    buf_done(&(*o)->body);
    free(*o);
    *o = NULL;
}

static struct row *find_row(struct outcomes *o, struct upstream *u)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->rows[i].upstream == u)
            return &o->rows[i];
    if (o->n == MAX_UPSTREAMS)
        send_all(o);
    o->rows[o->n] = (struct row){.upstream = u};
    return &o->rows[o->n++];
}

void outcomes_add(struct outcomes *o, struct upstream *u, enum outcome_kind kind, int status,
                  usec_t duration)
{
    struct gathered *g = &find_row(o, u)->of[kind];

    g->count++;
    g->duration += duration;
    g->status = status;
    if (!o->timer.is_armed)
        loop_timer_start(&o->timer, OUTCOMES_DELAY);
}

struct bus_stats outcomes_stats(const struct outcomes *o)
{
    return bus_socket_stats(o->socket);
}
