#include "context_client.h"

#include "base/arena.h"
#include "proto/message.h"

#include <stdlib.h>

#define MAX_CALLS 1024
#define MAX_BODY  (64u << 10)

static const struct breaker_config breaker_config = {
    .failures = 5,
    .half_open = 1,
    .window = 30 * USEC_PER_SEC,
    .open_for = USEC_PER_SEC,
};

struct call {
    struct context_client *client;
    struct call *next, *previous;
    uint64_t id;
    context_client_fn fn;
    void *arg;
    struct loop_timer deadline;
};

struct context_client {
    struct loop *loop;
    struct bus_socket *socket;
    struct breaker breaker;
    struct call *calls;
    unsigned n_calls;
    uint64_t last_id;
    context_client_weights_fn on_weights; /* NULL: nobody wants them */
    void *weights_arg;
};

static void free_call(struct call *call)
{
    struct context_client *c = call->client;

    loop_timer_stop(&call->deadline);
    if (call->previous)
        call->previous->next = call->next;
    else
        c->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    c->n_calls--;
    free(call);
}

static struct call *find_call(struct context_client *c, uint64_t id)
{
    for (struct call *call = c->calls; call; call = call->next)
        if (call->id == id)
            return call;
    return NULL;
}

static void end_call(struct call *call, enum context_client_result result,
                     const struct context_reply *reply, struct str messages)
{
    context_client_fn fn = call->fn;
    void *arg = call->arg;

    free_call(call);
    fn(arg, result, reply, messages);
}

static void on_deadline(void *arg)
{
    struct call *call = arg;
    struct context_client *c = call->client;

    breaker_failure(&c->breaker, &breaker_config, loop_now(c->loop));
    end_call(call, CONTEXT_CLIENT_LATE, NULL, STR_EMPTY);
}

static void take_reply(struct call *call, struct arena *a, const struct bus_message *m)
{
    struct context_client *c = call->client;
    struct context_reply reply;

    if (!context_decode_reply(a, m->frame[1], &reply)) {
        bus_socket_count_invalid(c->socket);
        breaker_failure(&c->breaker, &breaker_config, loop_now(c->loop));
        end_call(call, CONTEXT_CLIENT_UNAVAILABLE, NULL, STR_EMPTY);
        return;
    }
    breaker_success(&c->breaker, &breaker_config, loop_now(c->loop));
    end_call(call, CONTEXT_CLIENT_OK, &reply, m->n > 2 ? m->frame[2] : STR_EMPTY);
}

static void on_message(void *arg, struct bus_socket *s, const struct bus_message *m)
{
    struct context_client *c = arg;
    struct message_header header;

    if (m->n == 2 && message_decode(m->frame[0], &header) == MESSAGE_OK &&
        header.type == MESSAGE_WEIGHTS && c->on_weights) {
        c->on_weights(c->weights_arg, m->frame[1]);
        return;
    }
    if (m->n < 2 || message_decode(m->frame[0], &header) != MESSAGE_OK ||
        (header.type != MESSAGE_CONTEXT_REPLY && header.type != MESSAGE_CONTEXT_ERROR)) {
        bus_socket_count_invalid(s);
        return;
    }
    struct call *call = find_call(c, header.correlation_id);
    if (!call)
        return; /* late, or the client left: nobody waits for it */

    struct arena a;
    arena_init(&a, MAX_BODY * 2);
    take_reply(call, &a, m);
    arena_done(&a);
}

int context_client_new(struct bus *b, struct loop *l, const char *endpoint,
                       struct context_client **ret)
{
    struct context_client *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    c->loop = l;
    struct bus_socket_config config = {
        .pattern = BUS_DEALER,
        .endpoint = endpoint,
        .on_message = on_message,
        .arg = c,
    };
    int r = bus_socket_new(b, l, &config, &c->socket);
    if (r < 0) {
        free(c);
        return r;
    }
    *ret = c;
    return 0;
}

void context_client_free(struct context_client **c)
{
    if (!*c)
        return;
    while ((*c)->calls)
        free_call((*c)->calls);
    bus_socket_free(&(*c)->socket);
    free(*c);
    *c = NULL;
}

struct letter {
    enum message_type type;
    const struct context_request *request;
    struct str messages;
};

static enum bus_result send_letter(struct context_client *c, uint64_t id, const struct letter *l)
{
    struct message_header header = {.type = l->type, .correlation_id = id};
    uint8_t head[MESSAGE_HEADER_SIZE];
    struct buf body;

    buf_init(&body, MAX_BODY);
    enum bus_result sent = BUS_FULL;
    if (context_encode_request(l->request, &body) == BUF_OK) {
        struct bus_message m = {
            .frame = {message_encode(&header, head), buf_str(&body), l->messages},
            .n = 3,
        };
        sent = bus_socket_send(c->socket, &m);
    }
    buf_done(&body);
    return sent;
}

static uint64_t ask(struct context_client *c, const struct letter *l, context_client_fn fn,
                    void *arg)
{
    usec_t now = loop_now(c->loop);

    if (c->n_calls >= MAX_CALLS || !breaker_take(&c->breaker, &breaker_config, now))
        return 0;
    uint64_t id = ++c->last_id;
    if (send_letter(c, id, l) != BUS_OK) {
        breaker_abandon(&c->breaker); /* nobody there: known at once, so not worth a pause */
        return 0;
    }

    struct call *call = calloc(1, sizeof(*call));
    if (!call)
        abort();
    *call = (struct call){.client = c, .next = c->calls, .id = id, .fn = fn, .arg = arg};
    if (c->calls)
        c->calls->previous = call;
    c->calls = call;
    c->n_calls++;
    loop_timer_init(&call->deadline, c->loop, on_deadline, call);
    loop_timer_start(&call->deadline, l->request->deadline);
    return id;
}

uint64_t context_client_condense(struct context_client *c, const struct context_request *request,
                                 struct str messages, context_client_fn fn, void *arg)
{
    return ask(c, &(struct letter){MESSAGE_CONDENSE, request, messages}, fn, arg);
}

uint64_t context_client_retrieve(struct context_client *c, const struct context_request *request,
                                 context_client_fn fn, void *arg)
{
    return ask(c, &(struct letter){MESSAGE_RETRIEVE, request, STR_EMPTY}, fn, arg);
}

void context_client_cancel(struct context_client *c, uint64_t id)
{
    struct call *call = find_call(c, id);

    if (!call)
        return;
    breaker_abandon(&c->breaker);
    free_call(call);
}

void context_client_set_weights_fn(struct context_client *c, context_client_weights_fn fn,
                                   void *arg)
{
    c->on_weights = fn;
    c->weights_arg = arg;
}

void context_client_tell_billed(struct context_client *c, struct str body)
{
    const struct message_header header = {.type = MESSAGE_BILLED};
    uint8_t head[MESSAGE_HEADER_SIZE];

    const struct bus_message m = {.frame = {message_encode(&header, head), body}, .n = 2};
    if (bus_socket_send(c->socket, &m) != BUS_OK)
        return; /* nobody there: there will be other bills to learn from */
}

struct bus_stats context_client_stats(const struct context_client *c)
{
    return bus_socket_stats(c->socket);
}
