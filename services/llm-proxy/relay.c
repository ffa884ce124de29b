#include "relay.h"

#include "answer_head.h"
#include "exchange.h"
#include "inbound_embeddings.h"
#include "passthrough.h"
#include "tokens/estimate.h"
#include "worker.h"

#define REPLAY_PIECE (16u << 10)

void relay_init(struct relay *r, struct exchange *x)
{
    *r = (struct relay){.exchange = x};
    recall_stream_init(&r->recall);
}

static void forget_writer(struct relay *r)
{
    if (r->has_writer)
        inbound_stream_done(&r->writer);
    r->has_writer = false;
}

void relay_done(struct relay *r)
{
    frames_done(&r->frames);
    forget_writer(r);
    recall_stream_done(&r->recall);
    if (r->keepalive.loop)
        loop_timer_stop(&r->keepalive);
}

void relay_restart(struct relay *r)
{
    frames_done(&r->frames);
    /* else it knows what the attempt before said of itself */
    if (!r->has_forwarded && r->spoken_at == 0)
        forget_writer(r);
    recall_stream_start(&r->recall, r->exchange->fitting.recall.rounds < RECALL_TEXT_MAX_ROUNDS);
    r->reader = (struct dialect_stream){.n_tools = 0};
    r->is_done = r->has_error = r->is_invalid = r->has_usage = r->has_tool_call = false;
    r->choices = r->finished_choices = r->finished_at = 0;
}

void relay_go_on(struct relay *r)
{
    const struct chat_usage local = {
        .input = (int64_t)fitting_prompt_tokens(r->exchange),
        .output = (int64_t)r->content_tokens,
        .is_local = true,
    };

    chat_event_add_usage(&r->before, r->has_usage && !r->usage.is_partial ? &r->usage : &local);
    if (r->has_forwarded && r->spoken_at == 0)
        r->spoken_at = r->first_token_at;
    r->has_forwarded = r->has_content = false;
    r->content_tokens = 0;
    r->first_token_at = r->last_token_at = 0;
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

static struct inbound_stream *writer_of(struct relay *r)
{
    struct exchange *x = r->exchange;

    if (!r->has_writer) {
        struct inbound_answer answer = exchange_describe_answer(x);
        inbound_stream_init(&r->writer, &answer);
        r->has_writer = true;
    }
    return &r->writer;
}

static void note_content(struct relay *r, const struct chat_event *e, usec_t now)
{
    if (e->text.len + e->name.len == 0)
        return;
    r->has_content = true;
    if (!r->is_counted)
        r->content_tokens += estimate_text(e->text) + estimate_text(e->name);
    r->last_token_at = now;
    if (r->first_token_at == 0)
        r->first_token_at = r->last_token_at;
}

/* What an event says for the books and for the end of the stream. */
static void note(struct relay *r, const struct chat_event *e, usec_t now)
{
    switch (e->kind) {
    case CHAT_USAGE: /* the last one counts: some providers repeat a growing total */
        r->has_usage = true;
        r->usage = e->usage;
        return;
    case CHAT_ERROR:
        r->has_error = true;
        return;
    case CHAT_DONE:
        r->is_done = true;
        return;
    case CHAT_FINISH:
        r->finished_choices |= UINT64_C(1) << e->choice;
        break;
    case CHAT_TOOL_CALL:
        r->has_tool_call = true;
        note_content(r, e, now);
        break;
    case CHAT_TEXT:
    case CHAT_REFUSAL:
    case CHAT_THINKING:
    case CHAT_REDACTED:
    case CHAT_ARGUMENTS:
        note_content(r, e, now);
        break;
    case CHAT_START:
    case CHAT_SIGNATURE:
    case CHAT_LOGPROBS:
        break;
    }
    r->choices |= UINT64_C(1) << e->choice;
}

static void note_all(struct relay *r, const struct chat_events *events, usec_t now)
{
    for (const struct chat_event *e = events->first; e; e = e->next)
        note(r, e, now);
    if (!relay_is_finished(r))
        r->finished_at = 0;
    else if (r->finished_at == 0)
        r->finished_at = now;
}

static enum buf_result write_line(struct buf *out, const char *field, struct str value)
{
    enum buf_result r = buf_add_str(out, str_from(field));

    if (r == BUF_OK)
        r = buf_add_str(out, value);
    return r == BUF_OK ? buf_add(out, "\n", 1) : r;
}

/* As the provider spelled it; lines of one event stay one event. */
static enum buf_result copy_event(struct str name, struct str data, struct buf *out)
{
    enum buf_result r = BUF_OK;
    struct str part;

    if (!str_is(name, "message"))
        r = write_line(out, "event: ", name);
    while (r == BUF_OK && str_cut(&data, '\n', &part))
        r = write_line(out, "data: ", part);
    return r == BUF_OK ? buf_add(out, "\n", 1) : r;
}

static enum buf_result write_event(struct relay *r, const struct chat_event *e, struct buf *out)
{
    struct chat_event total = *e;

    if (e->kind == CHAT_START || e->kind == CHAT_DONE)
        return BUF_OK;
    if (e->kind == CHAT_USAGE)
        chat_event_add_usage(&total.usage, &r->before);
    return r->exchange->inbound->write_event(writer_of(r), &total, out);
}

static enum buf_result translate(struct relay *r, const struct chat_events *events, struct buf *out)
{
    enum buf_result full = BUF_OK;

    for (const struct chat_event *e = events->first; e && full == BUF_OK; e = e->next)
        full = write_event(r, e, out);
    return full;
}

static bool is_translated(const struct relay *r)
{
    return r->exchange->is_translated || recall_is_in_stream(r->exchange);
}

static bool is_only(const struct chat_events *events, enum chat_event_kind kind)
{
    for (const struct chat_event *e = events->first; e; e = e->next)
        if (e->kind != kind)
            return false;
    return events->first != NULL;
}

/* Asked for by us and of no interest to a caller who did not ask; the end mark is ours to write. */
static bool is_hidden(const struct relay *r, const struct chat_events *events)
{
    return (is_only(events, CHAT_USAGE) && !r->exchange->chat.wants_usage) ||
           is_only(events, CHAT_DONE);
}

static void pass_on(struct relay *r, struct str name, struct str data,
                    const struct chat_events *events)
{
    struct exchange *x = r->exchange;
    struct buf *out = &x->worker->line;
    enum buf_result full = BUF_OK;

    buf_clear(out);
    if (is_translated(r))
        full = translate(r, events, out);
    else if (!is_hidden(r, events))
        full = copy_event(name, data, out);
    if (full != BUF_OK) {
        r->is_invalid = true;
        return;
    }
    if (out->len == 0)
        return;
    begin(r);
    write_client(r, buf_str(out));
    lookup_record(x, buf_str(out));
    r->has_forwarded = true;
}

/* Not every provider can be told to make one call at a time. The model makes the others in its next
 * turn. */
static void leave_out_further_calls(const struct exchange *x, struct chat_events *events)
{
    if (x->is_translated && x->full && x->full->parallel_tool_calls == CHAT_NO)
        chat_event_drop_calls(events, 1);
}

/* Returns false to stop the parser: the stream is over, one way or the other. */
static bool on_frame(void *arg, struct str name, struct str data)
{
    struct relay *r = arg;
    struct exchange *x = r->exchange;
    struct arena *scratch = &x->worker->scratch;
    struct chat_events events;

    chat_event_list_init(&events, scratch);
    r->is_invalid = !x->dialect->read_event(&r->reader, name, data, &events) || events.is_full;
    if (!r->is_invalid)
        note_all(r, &events, loop_now(x->worker->loop));
    leave_out_further_calls(x, &events);
    if (recall_is_in_stream(x))
        recall_stream_feed(&r->recall, &events);
    if (r->has_error && !r->has_forwarded)
        attempt_keep_words(&x->attempt, data);
    if (!r->is_invalid && !r->has_error)
        pass_on(r, name, data, &events);
    arena_clear(scratch);
    return !r->is_invalid && !r->has_error && !r->is_done;
}

static enum relay_result result_of(struct relay *r, enum frames_result result)
{
    switch (result) {
    case FRAMES_OK:
        return RELAY_OK;
    case FRAMES_STOPPED:
        return r->is_done && !r->is_invalid ? RELAY_DONE : RELAY_FAILED;
    case FRAMES_INVALID:
        r->is_invalid = true;
        return RELAY_FAILED;
    }
    return RELAY_FAILED;
}

enum relay_result relay_feed(struct relay *r, struct str bytes)
{
    if (!r->frames.is_open)
        frames_init(&r->frames, r->exchange->dialect, on_frame, r);
    return result_of(r, frames_feed(&r->frames, bytes));
}

enum relay_result relay_feed_end(struct relay *r)
{
    return result_of(r, frames_end(&r->frames));
}

/* A vector for each input, or it is no answer. */
static bool read_vectors(struct relay *r, struct str body, struct arena *scratch, struct buf *ret)
{
    struct exchange *x = r->exchange;
    struct inbound_answer answer = exchange_describe_answer(x);
    struct embed_answer vectors = {.n_vectors = 0};

    if (!x->dialect->read_embed(scratch, body, &vectors) || vectors.n_vectors != x->embed->n_inputs)
        return false;
    r->has_usage = vectors.has_usage;
    r->usage = vectors.usage;
    if (!vectors.has_usage)
        vectors.usage =
            (struct chat_usage){.input = (int64_t)x->chat.prompt_tokens, .is_local = true};
    return inbound_embeddings_write(&answer, x->embed, &vectors, ret) == BUF_OK;
}

static bool tells_usage(const struct chat_events *events)
{
    const struct chat_event *found = NULL;

    for (const struct chat_event *e = events->first; e; e = e->next)
        if (e->kind == CHAT_USAGE)
            found = e;
    return found && !found->usage.is_partial && chat_event_is_credible(&found->usage);
}

bool relay_read_answer(struct relay *r, struct str body, usec_t now, struct arena *scratch,
                       struct buf *ret)
{
    struct exchange *x = r->exchange;
    struct chat_events events;

    if (x->is_translated && x->embed)
        return read_vectors(r, body, scratch, ret);
    chat_event_list_init(&events, scratch);
    bool is_answer =
        x->dialect->read_answer(body, &events) && !events.is_full && !is_only(&events, CHAT_DONE);
    if (is_answer && x->is_translated) {
        struct inbound_answer answer = exchange_describe_answer(x);
        leave_out_further_calls(x, &events);
        is_answer = x->inbound->write_answer(&answer, events.first, scratch, ret) == BUF_OK;
    }
    if (is_answer) {
        r->is_counted = tells_usage(&events);
        note_all(r, &events, now);
    }
    return is_answer && !r->has_error;
}

static void on_keepalive(void *arg)
{
    struct relay *r = arg;
    struct exchange *x = r->exchange;
    usec_t interval = x->snapshot->settings->proxy.keepalive_comment;
    usec_t quiet = loop_now(x->worker->loop) - r->last_write_at;

    if (errand_is_out(&x->errand.errand)) /* what begins an answer is not ours to touch */
        quiet = 0;
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

/* The caller who asked for usage gets our own count when the provider gave none. */
static void count_locally(struct relay *r, struct inbound_stream *s)
{
    if (r->has_usage && !r->usage.is_partial)
        return;
    if (!r->has_usage)
        r->usage = (struct chat_usage){.input = (int64_t)r->exchange->chat.prompt_tokens};
    s->has_usage = true;
    s->usage = r->usage;
    s->usage.output = (int64_t)r->content_tokens;
    s->usage.is_local = true;
    chat_event_add_usage(&s->usage, &r->before);
}

void relay_end(struct relay *r)
{
    struct exchange *x = r->exchange;
    struct inbound_stream *s = writer_of(r);
    struct buf *out = &x->worker->line;

    count_locally(r, s);
    begin(r);
    buf_clear(out);
    if (x->inbound->write_end(s, is_translated(r), out) != BUF_OK) {
        r->is_invalid = true;
        http_response_abort(TAKE(x->client));
        return;
    }
    write_client(r, buf_str(out));
    lookup_record(x, buf_str(out));
    http_response_end(TAKE(x->client));
}

bool relay_replay(struct relay *r, struct str *rest)
{
    struct exchange *x = r->exchange;

    if (r->keepalive.loop)
        loop_timer_stop(&r->keepalive); /* a comment must not come between the halves of an event */
    begin(r);
    while (rest->len > 0 && !http_response_is_full(x->client)) {
        size_t n = rest->len < REPLAY_PIECE ? rest->len : REPLAY_PIECE;
        write_client(r, (struct str){rest->data, n});
        *rest = (struct str){rest->data + n, rest->len - n};
    }
    return rest->len == 0;
}

void relay_fail(struct relay *r, struct str error_json)
{
    struct exchange *x = r->exchange;

    if (x->attempt.is_opaque) {
        passthrough_fail(x, error_json);
        return;
    }
    if (x->inbound->error_event) {
        write_client(r, STR("event: "));
        write_client(r, str_from(x->inbound->error_event));
        write_client(r, STR("\n"));
    }
    write_client(r, STR("data: "));
    write_client(r, error_json);
    write_client(r, STR("\n\n"));
    http_response_abort(TAKE(x->client));
}
