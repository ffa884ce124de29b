#include "sim_answer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_BODY ((size_t)130 << 20)
#define KEEP     ((size_t)256 << 10) /* memory kept for the connection's next answer */

static void add(struct buf *b, struct str s)
{
    enum buf_result r = buf_add_str(b, s);
    assert(r == BUF_OK);
    (void)r;
}

void sim_answer_add(struct buf *b, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < sizeof(text));
    add(b, (struct str){text, (size_t)n});
}

void sim_answer_init(struct sim_answer *a)
{
    memset(a, 0, sizeof(*a));
    sim_content_init(&a->content);
    buf_init(&a->body, MAX_BODY);
    buf_init(&a->scratch, MAX_BODY);
    buf_init(&a->kept, MAX_BODY);
    buf_init(&a->framed, MAX_BODY);
}

void sim_answer_done(struct sim_answer *a)
{
    sim_content_done(&a->content);
    buf_done(&a->body);
    buf_done(&a->scratch);
    buf_done(&a->kept);
    buf_done(&a->framed);
}

static void reuse(struct buf *b)
{
    if (b->cap > KEEP)
        buf_done(b);
    buf_clear(b);
}

void sim_answer_begin(struct sim_answer *a, const struct sim_script *script, uint64_t number,
                      usec_t now)
{
    reuse(&a->body);
    reuse(&a->scratch);
    reuse(&a->kept);
    reuse(&a->framed);
    a->script = *script;
    a->phase = SIM_ANSWER_HEAD;
    a->due = now + script->delay;
    a->now = now;
    a->is_stream = a->wants_usage = a->wants_logprobs = false;
    a->is_first_event = true;
    a->number = number;
    a->prompt_bytes = a->piece = a->made = a->sequence = 0;
    a->type[0] = a->model[0] = a->error_type[0] = '\0';
    snprintf(a->id, sizeof(a->id), "sim-%" PRIu64, number);
}

/* An answer that is not streamed goes out in slices when the script spaces them. */
static void set_slices(struct sim_answer *a)
{
    const struct sim_script *s = &a->script;

    a->piece = 0;
    a->n_pieces = s->interval > 0 && s->chunks > 0 ? s->chunks : 1;
}

static struct sim_error error_of(const struct sim_answer *a)
{
    const struct sim_script *s = &a->script;
    enum sim_error_kind kind = s->error != SIM_ERROR_NONE ? (enum sim_error_kind)s->error
                                                          : sim_error_of_status((int)s->status);

    return (struct sim_error){.kind = kind,
                              .words = a->dialect->errors[kind],
                              .message = str_from(a->dialect->errors[kind].message),
                              .retry_after = s->retry_after,
                              .number = a->number};
}

static void write_error_body(struct sim_answer *a, const struct sim_error *e)
{
    buf_clear(&a->body);
    (void)!str_copy(a->error_type, sizeof(a->error_type), str_from(e->words.type));
    a->dialect->write_error(e, &a->body);
}

static void set_error(struct sim_answer *a)
{
    struct sim_error e = error_of(a);
    char message[32];

    if (a->script.error != SIM_ERROR_NONE && a->script.status == 200)
        a->script.status = (uint64_t)e.words.status;
    if (a->script.error == SIM_ERROR_NONE) {
        snprintf(message, sizeof(message), "scripted status %d", (int)a->script.status);
        e.message = str_from(message);
    }
    e.words.status = (int)a->script.status;
    write_error_body(a, &e);
}

/* The script's own body takes the place of `body`. */
static void set_body(struct sim_answer *a, struct str body)
{
    const struct sim_script *s = &a->script;

    buf_clear(&a->body);
    if (s->html)
        add(&a->body, STR("<!doctype html><title>Welcome</title><h1>It works!</h1>\n"));
    else if (s->body[0])
        add(&a->body, str_from(s->body));
    else if (s->status >= 400 || (s->error != SIM_ERROR_NONE && s->error_after == SIM_SCRIPT_NEVER))
        set_error(a);
    else if (!s->empty && s->status >= 200 && s->status != 204 && s->status != 304)
        add(&a->body, s->bad_json ? (struct str){body.data, body.len / 2} : body);
    set_slices(a);
}

void sim_answer_chat(struct sim_answer *a, const struct sim_dialect *dialect,
                     const struct sim_chat *chat)
{
    const struct sim_script *s = &a->script;
    bool is_error = s->error != SIM_ERROR_NONE && s->error_after == SIM_SCRIPT_NEVER;

    a->dialect = dialect;
    a->frame = chat->is_array ? SIM_FRAME_ARRAY : dialect->frame;
    a->only_reason = chat->only_reason;
    a->is_stream = (chat->is_stream || s->stream) && s->status == 200 && !is_error && !s->body[0] &&
                   !s->html && !s->empty;
    a->wants_usage = chat->wants_usage;
    a->wants_logprobs = chat->wants_logprobs;
    a->prompt_bytes = chat->prompt_bytes;
    (void)!str_copy(a->model, sizeof(a->model), chat->model);
    sim_content_start(&a->content, s, chat);
    a->n_pieces = a->content.n_pieces;
    if (a->is_stream)
        return;
    dialect->write_whole(a, &a->scratch);
    set_body(a, buf_str(&a->scratch));
}

void sim_answer_body(struct sim_answer *a, const struct sim_dialect *dialect, struct str body,
                     const char *type)
{
    a->dialect = dialect;
    (void)!str_copy(a->type, sizeof(a->type), str_from(type));
    set_body(a, body);
}

void sim_answer_refuse(struct sim_answer *a, const struct sim_dialect *dialect,
                       enum sim_error_kind kind, struct str why)
{
    struct sim_error e = {.kind = kind,
                          .words = dialect->errors[kind],
                          .message = why,
                          .retry_after = "",
                          .number = a->number};

    sim_script_init(&a->script);
    a->dialect = dialect;
    a->script.status = (uint64_t)e.words.status;
    write_error_body(a, &e);
    set_slices(a);
}

struct sim_answer_usage sim_answer_usage(const struct sim_answer *a)
{
    const struct sim_script *s = &a->script;
    struct sim_answer_usage u = {.input = 0};

    if (s->zero_usage)
        return u;
    u.input = sim_chat_tokens(a->prompt_bytes);
    u.cached = s->cached < u.input ? s->cached : u.input;
    u.reasoning = s->reasoning > 0 ? s->reasoning : sim_chat_tokens(a->content.thinking_bytes);
    u.output = sim_chat_tokens(a->content.text_bytes) + u.reasoning;
    return u;
}

int sim_answer_usage_times(const struct sim_answer *a)
{
    return a->script.no_usage ? 0 : a->script.double_usage ? 2 : 1;
}

enum sim_script_finish sim_answer_finish(const struct sim_answer *a)
{
    if (a->script.finish != SIM_SCRIPT_FINISH_TRUE)
        return (enum sim_script_finish)a->script.finish;
    if (a->content.n_calls > 0)
        return SIM_SCRIPT_FINISH_TOOLS;
    return a->content.met_stop ? SIM_SCRIPT_FINISH_SEQUENCE : SIM_SCRIPT_FINISH_STOP;
}

void sim_answer_send(const struct sim_answer *a, struct str bytes, struct buf *out)
{
    size_t most = a->script.split > 0 ? (size_t)a->script.split : bytes.len;

    while (bytes.len > 0) {
        size_t n = bytes.len < most ? bytes.len : most;
        sim_answer_add(out, "%zx\r\n", n);
        add(out, (struct str){bytes.data, n});
        add(out, STR("\r\n"));
        bytes.data += n;
        bytes.len -= n;
    }
}

void sim_answer_event(struct sim_answer *a, const char *type, struct buf *out)
{
    struct str json = buf_str(&a->scratch);

    if (a->script.bad_json && a->phase == SIM_ANSWER_PIECES)
        json.len /= 2;
    buf_clear(&a->framed);
    sim_frame_event(&a->framed, a->frame, type, json, a->is_first_event);
    sim_answer_send(a, buf_str(&a->framed), out);
    a->is_first_event = false;
    buf_clear(&a->scratch);
}

static const char *content_type(const struct sim_answer *a)
{
    if (a->script.type[0])
        return a->script.type;
    if (a->script.html)
        return "text/html; charset=utf-8";
    if (a->type[0] && a->script.status < 300)
        return a->type;
    return a->is_stream && a->frame != SIM_FRAME_ARRAY ? a->dialect->stream_type
                                                       : "application/json";
}

static void add_head(struct sim_answer *a, struct buf *out)
{
    const struct sim_script *s = &a->script;

    sim_answer_add(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s: %s\r\n", (int)s->status,
                   s->status < 300 ? "OK" : "Simulated", content_type(a), a->dialect->id_header,
                   a->id);
    if (a->error_type[0] && a->dialect->error_header)
        sim_answer_add(out, "%s: %s\r\n", a->dialect->error_header, a->error_type);
    if (s->retry_after[0])
        sim_answer_add(out, "Retry-After: %s\r\n", s->retry_after);
    if (s->location[0])
        sim_answer_add(out, "Location: %s\r\n", s->location);
    if (s->header[0])
        sim_answer_add(out, "%s\r\n", s->header);
    if (a->is_stream)
        add(out, STR("Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"));
    else
        sim_answer_add(out, "Content-Length: %zu\r\n\r\n", a->body.len);
}

/* The provider gives up in the middle: its error goes in band, nothing else follows. */
static void break_off(struct sim_answer *a, struct buf *out)
{
    struct sim_error e = error_of(a);

    a->dialect->write_break(a, &e, out);
    if (a->frame == SIM_FRAME_ARRAY)
        sim_answer_send(a, STR("]"), out);
    add(out, STR("0\r\n\r\n"));
    a->phase = SIM_ANSWER_FINISHED;
}

static void add_comment(const struct sim_answer *a, struct buf *out)
{
    if (a->frame == SIM_FRAME_SSE || a->frame == SIM_FRAME_SSE_NAMED ||
        a->frame == SIM_FRAME_SSE_CRLF)
        sim_answer_send(a, STR(": working\n\n"), out);
}

static void add_piece(struct sim_answer *a, struct buf *out)
{
    struct sim_content_piece p;

    if (a->piece == 0 && a->dialect->write_start)
        a->dialect->write_start(a, out);
    if (a->script.comments)
        add_comment(a, out);
    if (sim_content_next(&a->content, &p))
        a->dialect->write_piece(a, &p, out);
}

static void add_slice(struct sim_answer *a, struct buf *out)
{
    size_t from = (size_t)(a->piece * a->body.len / a->n_pieces);
    size_t to = (size_t)((a->piece + 1) * a->body.len / a->n_pieces);

    if (to > from)
        add(out, (struct str){a->body.data + from, to - from});
}

static void step(struct sim_answer *a, struct buf *out)
{
    switch (a->phase) {
    case SIM_ANSWER_HEAD:
        add_head(a, out);
        a->due += a->script.first;
        a->phase = SIM_ANSWER_PIECES;
        return;
    case SIM_ANSWER_PIECES:
        if (a->is_stream && a->piece == a->script.error_after) {
            break_off(a, out);
            return;
        }
        if (a->is_stream)
            add_piece(a, out);
        else
            add_slice(a, out);
        if (++a->piece < a->n_pieces)
            a->due += a->script.interval;
        else
            a->phase = a->is_stream ? SIM_ANSWER_TAIL : SIM_ANSWER_FINISHED;
        return;
    case SIM_ANSWER_TAIL:
        if (a->piece == a->script.error_after) {
            break_off(a, out);
            return;
        }
        a->dialect->write_end(a, out);
        if (a->frame == SIM_FRAME_ARRAY)
            sim_answer_send(a, STR("]"), out);
        add(out, STR("0\r\n\r\n"));
        a->phase = SIM_ANSWER_FINISHED;
        return;
    case SIM_ANSWER_FINISHED:
        return;
    }
}

static bool is_cut(const struct sim_answer *a)
{
    return a->script.fin != SIM_SCRIPT_NEVER || a->script.rst != SIM_SCRIPT_NEVER;
}

/* Up to which byte the answer goes, and what ends it there. */
static enum sim_answer_result cut(struct sim_answer *a, size_t before, struct buf *out)
{
    const struct sim_script *s = &a->script;
    uint64_t at = s->fin < s->rst ? s->fin : s->rst;

    a->made += out->len - before;
    if (a->made < at && a->phase != SIM_ANSWER_FINISHED)
        return SIM_ANSWER_MORE;
    if (a->made > at)
        out->len -= (size_t)(a->made - at);
    a->phase = SIM_ANSWER_FINISHED;
    return s->fin < s->rst ? SIM_ANSWER_CLOSE : SIM_ANSWER_RESET;
}

static bool is_stalled(const struct sim_answer *a)
{
    return a->script.stall <= a->piece &&
           (a->phase == SIM_ANSWER_PIECES || a->phase == SIM_ANSWER_TAIL);
}

enum sim_answer_result sim_answer_next(struct sim_answer *a, usec_t now, struct buf *out)
{
    const struct sim_script *s = &a->script;

    a->now = now;
    if (s->silence || is_stalled(a))
        return SIM_ANSWER_SILENT;
    if (a->phase == SIM_ANSWER_FINISHED)
        return SIM_ANSWER_OK;
    if (now < a->due)
        return SIM_ANSWER_WAIT;
    if (s->garbage) {
        a->phase = SIM_ANSWER_FINISHED;
        add(out, STR("\x16\x03\x01 this is not HTTP\r\n\r\n"));
        return SIM_ANSWER_CLOSE;
    }

    size_t before = out->len;
    if (s->fin == 0 || s->rst == 0)
        return cut(a, before, out);
    step(a, out);
    return is_cut(a) ? cut(a, before, out) : SIM_ANSWER_MORE;
}
