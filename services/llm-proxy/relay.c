#include "relay.h"

#include "answer_head.h"
#include "exchange.h"
#include "worker.h"

#define MAX_EVENT (1u << 20)

void relay_init(struct relay *r, struct exchange *x)
{
    *r = (struct relay){.exchange = x};
}

static void forget_parser(struct relay *r)
{
    if (r->has_parser)
        sse_done(&r->parser);
    r->has_parser = false;
}

void relay_done(struct relay *r)
{
    forget_parser(r);
    if (r->keepalive.loop)
        loop_timer_stop(&r->keepalive);
}

void relay_restart(struct relay *r)
{
    forget_parser(r);
    r->is_done = r->has_error = r->is_invalid = r->has_usage = false;
    r->choices = r->finished_choices = r->finished_at = 0;
}

bool relay_is_finished(const struct relay *r)
{
    return r->choices != 0 && (r->choices & ~r->finished_choices) == 0;
}

static void write_client(struct relay *r, struct str bytes)
{
    struct exchange *x = r->exchange;

    http_response_write(x->client, bytes);
    r->last_write_at = loop_now(x->worker->loop);
}

static void begin(struct relay *r)
{
    if (r->has_begun)
        return;
    struct http_header headers[ANSWER_HEAD_MAX];
    size_t n = answer_head_write(r->exchange, "text/event-stream; charset=utf-8", headers);
    http_response_begin(r->exchange->client, 200, headers, n);
    r->has_begun = true;
}

static void note_usage(struct relay *r, const struct dialect_event *e)
{
    if (!e->has_usage)
        return;
    r->has_usage = true; /* the last one counts: some providers repeat a growing total */
    r->usage = e->usage;
}

static void note_content(struct relay *r, const struct dialect_event *e)
{
    r->choices |= e->choices;
    r->finished_choices |= e->finished_choices;
    if (!relay_is_finished(r))
        r->finished_at = 0;
    else if (r->finished_at == 0)
        r->finished_at = loop_now(r->exchange->worker->loop);
    if (!e->has_content)
        return;
    r->has_content = true;
    r->content_tokens += e->content_tokens;
    r->last_token_at = loop_now(r->exchange->worker->loop);
    if (r->first_token_at == 0)
        r->first_token_at = r->last_token_at;
}

/* As the provider spelled it; lines of one event stay one event. */
static void forward(struct relay *r, const struct sse_event *event)
{
    struct buf *line = &r->exchange->worker->line;
    struct str rest = {event->data, event->data_len}, part;
    enum buf_result full = BUF_OK;

    buf_clear(line);
    while (full == BUF_OK && str_cut(&rest, '\n', &part)) {
        full = buf_add(line, "data: ", 6);
        if (full == BUF_OK)
            full = buf_add_str(line, part);
        if (full == BUF_OK)
            full = buf_add(line, "\n", 1);
    }
    if (full == BUF_OK)
        full = buf_add(line, "\n", 1);
    if (full != BUF_OK) {
        r->is_invalid = true;
        return;
    }
    begin(r);
    write_client(r, buf_str(line));
    r->has_forwarded = true;
}

/* Returns false to stop the parser: the stream is over, one way or the other. */
static bool on_event(void *arg, const struct sse_event *event)
{
    struct relay *r = arg;
    struct exchange *x = r->exchange;
    struct arena *scratch = &x->worker->scratch;

    struct dialect_event e =
        x->provider->dialect->read_event(scratch, (struct str){event->data, event->data_len});
    arena_clear(scratch);
    if (!e.is_valid || e.is_error) {
        r->is_invalid = !e.is_valid;
        r->has_error = e.is_error;
        return false;
    }
    if (e.is_done) {
        r->is_done = true;
        return false;
    }
    note_usage(r, &e);
    note_content(r, &e);
    if (!e.is_usage_only || x->chat.wants_usage)
        forward(r, event);
    return !r->is_invalid;
}

enum relay_result relay_feed(struct relay *r, struct str bytes)
{
    if (!r->has_parser) {
        sse_init(&r->parser, MAX_EVENT, on_event, r);
        r->has_parser = true;
    }
    switch (sse_feed(&r->parser, bytes.data, bytes.len)) {
    case SSE_OK:
        return RELAY_OK;
    case SSE_STOPPED:
        return r->is_done ? RELAY_DONE : RELAY_FAILED;
    case SSE_TOO_LONG:
        r->is_invalid = true;
        return RELAY_FAILED;
    }
    return RELAY_FAILED;
}

static void on_keepalive(void *arg)
{
    struct relay *r = arg;
    struct exchange *x = r->exchange;
    usec_t interval = x->snapshot->settings->proxy.keepalive_comment;
    usec_t quiet = loop_now(x->worker->loop) - r->last_write_at;

    if (quiet >= interval) {
        begin(r);
        write_client(r, STR(": keep-alive\n\n"));
        quiet = 0;
    }
    loop_timer_start(&r->keepalive, interval - quiet);
}

void relay_start_keepalive(struct relay *r)
{
    struct exchange *x = r->exchange;
    usec_t interval = x->snapshot->settings->proxy.keepalive_comment;

    if (interval == 0 || r->keepalive.loop)
        return;
    r->last_write_at = loop_now(x->worker->loop);
    loop_timer_init(&r->keepalive, x->worker->loop, on_keepalive, r);
    loop_timer_start(&r->keepalive, interval);
}

void relay_end(struct relay *r)
{
    begin(r);
    write_client(r, STR("data: [DONE]\n\n"));
    http_response_end(TAKE(r->exchange->client));
}

void relay_fail(struct relay *r, struct str error_json)
{
    struct exchange *x = r->exchange;

    write_client(r, STR("data: "));
    write_client(r, error_json);
    write_client(r, STR("\n\n"));
    http_response_abort(TAKE(x->client));
}
