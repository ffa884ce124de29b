#include "serve_bus.h"

#include "context_service.h"
#include "proto/context.h"
#include "proto/message.h"
#include "reception.h"

#include <stdlib.h>

#define MAX_ERROR 4096

enum { FRAME_ROUTING_ID, FRAME_HEADER, FRAME_REQUEST, FRAME_MESSAGES, FRAMES };

struct letter {
    struct str routing_id;
    uint64_t correlation_id;
    enum message_type type;
    struct str reply, messages; /* messages empty: none */
};

/* A peer that has gone, or takes nothing any more, loses its answer: the socket counts it. */
static void post(struct bus_socket *socket, const struct letter *l)
{
    const struct message_header header = {.type = l->type, .correlation_id = l->correlation_id};
    uint8_t head[MESSAGE_HEADER_SIZE];

    const struct bus_message m = {
        .frame = {l->routing_id, message_encode(&header, head), l->reply, l->messages},
        .n = l->messages.len > 0 ? 4 : 3,
    };
    if (bus_socket_send(socket, &m) != BUS_OK)
        return;
}

static void refuse(struct bus_socket *socket, struct letter *l, enum fault f)
{
    const struct context_reply reply = {.outcome = STR("error"),
                                        .message = str_from(fault_code(f))};
    struct buf text;

    buf_init(&text, MAX_ERROR);
    if (context_encode_reply(&reply, &text) != BUF_OK)
        abort(); /* a word of ours */
    l->type = MESSAGE_CONTEXT_ERROR;
    l->reply = buf_str(&text);
    post(socket, l);
    buf_done(&text);
}

static void on_done(void *arg)
{
    struct job *j = arg;
    struct context_service *s = j->owner;
    struct letter l = {.routing_id = j->routing_id, .correlation_id = j->correlation_id};

    if (reception_continue(s, j))
        return;
    j->is_late |= loop_now(s->loop) >= j->deadline_at;
    reception_count(s, j);
    if (!j->is_late) {
        l.type = j->fault == FAULT_NONE || j->fault == FAULT_CONTEXT_LENGTH_EXCEEDED
                     ? MESSAGE_CONTEXT_REPLY
                     : MESSAGE_CONTEXT_ERROR;
        l.reply = buf_str(&j->text);
        if (j->op == QUESTION_RETRIEVE)
            l.messages = j->answer.block;
        else if (j->answer.turn.outcome == CONDENSE_CONDENSED)
            l.messages = j->answer.turn.report.messages;
        post(s->socket, &l);
    }
    job_free(&j);
}

static void take_request(struct context_service *s, struct letter *l, enum question_op op,
                         const struct bus_message *m)
{
    const struct job_parts parts = {
        .routing_id = m->frame[FRAME_ROUTING_ID],
        .request = m->frame[FRAME_REQUEST],
        .messages = m->frame[FRAME_MESSAGES],
    };
    const struct repeat_question q = {true, parts.request, parts.messages};
    const struct repeat_answer *known =
        op == QUESTION_CONDENSE && !s->is_draining ? reception_repeat(s, &q) : NULL;

    if (known) {
        l->type = MESSAGE_CONTEXT_REPLY;
        l->reply = known->text;
        l->messages = known->messages;
        post(s->socket, l);
        return;
    }
    struct job *j = job_new(op, &parts, on_done, s);
    j->is_bus = true;
    j->correlation_id = l->correlation_id;
    j->received_at = loop_now(s->loop);
    enum fault f = reception_admit(s, j);
    if (f == FAULT_NONE)
        return;
    refuse(s->socket, l, f);
    job_free(&j);
}

void serve_bus_message(void *service, struct bus_socket *socket, const struct bus_message *m)
{
    struct message_header header;

    if (m->n < FRAME_MESSAGES || message_decode(m->frame[FRAME_HEADER], &header) != MESSAGE_OK ||
        m->n != (header.type == MESSAGE_BILLED ? FRAME_MESSAGES : FRAMES)) {
        bus_socket_count_invalid(socket);
        return;
    }
    if (header.type == MESSAGE_BILLED) {
        learner_take(service, socket, m->frame[FRAME_ROUTING_ID], m->frame[FRAME_REQUEST]);
        return;
    }
    struct letter l = {.routing_id = m->frame[FRAME_ROUTING_ID],
                       .correlation_id = header.correlation_id};
    if (header.type == MESSAGE_COUNT)
        take_request(service, &l, QUESTION_COUNT, m);
    else if (header.type == MESSAGE_CONDENSE)
        take_request(service, &l, QUESTION_CONDENSE, m);
    else if (header.type == MESSAGE_RETRIEVE)
        take_request(service, &l, QUESTION_RETRIEVE, m);
    else
        bus_socket_count_invalid(socket);
}
