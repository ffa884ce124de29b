#include "sim_answer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_TEXT   ((size_t)64 << 20)
#define MAX_BODY   ((size_t)130 << 20)
#define MAX_CHUNKS 1000000
#define KEEP       ((size_t)256 << 10) /* memory kept for the connection's next answer */
#define MAX_EVENT  (MAX_TEXT + 4096)

static void add(struct buf *b, struct str s)
{
    enum buf_result r = buf_add_str(b, s);
    assert(r == BUF_OK);
    (void)r;
}

#define ADD(b, ...)                                                                                \
    do {                                                                                           \
        enum buf_result r_ = buf_printf((b), __VA_ARGS__);                                         \
        assert(r_ == BUF_OK);                                                                      \
        (void)r_;                                                                                  \
    } while (0)

void sim_answer_init(struct sim_answer *a)
{
    memset(a, 0, sizeof(*a));
    buf_init(&a->text, MAX_TEXT + 64);
    buf_init(&a->body, MAX_BODY);
    buf_init(&a->scratch, MAX_EVENT);
}

void sim_answer_done(struct sim_answer *a)
{
    buf_done(&a->text);
    buf_done(&a->body);
    buf_done(&a->scratch);
}

static void reuse(struct buf *b)
{
    if (b->cap > KEEP)
        buf_done(b);
    buf_clear(b);
}

static void add_fill(struct buf *b, uint64_t n)
{
    if (n == 0)
        return;
    char *to = buf_reserve(b, (size_t)n);
    assert(to);
    memset(to, 'x', (size_t)n);
    buf_commit(b, (size_t)n);
}

/* The next word of the echo, with the space before it. */
static struct str next_word(struct sim_answer *a)
{
    const char *from = a->text.data + a->text_at;
    size_t left = a->text.len - a->text_at;
    const char *space = left > 1 ? memchr(from + 1, ' ', left - 1) : NULL;
    size_t n = space ? (size_t)(space - from) : left;

    a->text_at += n;
    return (struct str){from, n};
}

/* Piece number a->piece of the answer's text. */
static void add_piece(struct sim_answer *a, usec_t now, struct buf *out)
{
    const struct sim_script *s = &a->script;
    uint64_t i = a->piece, before = out->len;

    if (s->stamp)
        ADD(out, "%" PRIu64 " ", now);
    if (s->size > 0)
        add_fill(out, (i + 1) * s->size / a->n_pieces - i * s->size / a->n_pieces);
    else if (!s->stamp && s->chunks > 0)
        ADD(out, i == 0 ? "w%" PRIu64 : " w%" PRIu64, i + 1);
    else if (!s->stamp)
        add(out, next_word(a));
    a->text_bytes += out->len - before;
}

static void add_usage(const struct sim_answer *a, struct buf *out)
{
    bool is_zero = a->script.zero_usage;
    uint64_t in = is_zero ? 0 : sim_chat_tokens(a->prompt_bytes);
    uint64_t answered = is_zero ? 0 : sim_chat_tokens(a->text_bytes);

    ADD(out,
        "\"usage\":{\"prompt_tokens\":%" PRIu64 ",\"completion_tokens\":%" PRIu64
        ",\"total_tokens\":%" PRIu64 "}",
        in, answered, in + answered);
}

static uint64_t count_words(struct str text)
{
    uint64_t n = 1;

    for (size_t i = 1; i < text.len; i++)
        n += text.data[i] == ' ';
    return n;
}

static void start(struct sim_answer *a, const struct sim_script *script, uint64_t number,
                  usec_t now)
{
    reuse(&a->text);
    reuse(&a->body);
    reuse(&a->scratch);
    a->script = *script;
    if (a->script.size > MAX_TEXT)
        a->script.size = MAX_TEXT;
    if (a->script.chunks > MAX_CHUNKS)
        a->script.chunks = MAX_CHUNKS;
    a->phase = SIM_ANSWER_HEAD;
    a->due = now + script->delay;
    a->is_stream = a->wants_usage = false;
    a->prompt_bytes = a->text_bytes = a->piece = a->made = 0;
    a->text_at = 0;
    snprintf(a->id, sizeof(a->id), "sim-%" PRIu64, number);
}

/* An answer that is not streamed goes out in slices when the script spaces them. */
static void set_slices(struct sim_answer *a)
{
    const struct sim_script *s = &a->script;

    a->piece = 0;
    a->n_pieces = s->interval > 0 && s->chunks > 0 ? s->chunks : 1;
}

/* The script's own body takes the place of `json`. */
static void set_body(struct sim_answer *a, struct str json)
{
    const struct sim_script *s = &a->script;

    buf_clear(&a->body);
    if (s->html)
        add(&a->body, STR("<!doctype html><title>Welcome</title><h1>It works!</h1>\n"));
    else if (s->body[0])
        add(&a->body, str_from(s->body));
    else if (s->status >= 400)
        ADD(&a->body,
            "{\"error\":{\"message\":\"scripted status %d\",\"type\":\"simulated\","
            "\"param\":null,\"code\":\"simulated\"}}",
            (int)s->status);
    else if (!s->empty && s->status >= 200 && s->status != 204 && s->status != 304)
        add(&a->body, s->bad_json ? (struct str){json.data, json.len / 2} : json);
    set_slices(a);
}

static void make_completion(struct sim_answer *a, usec_t now)
{
    struct buf *json = &a->scratch;

    ADD(json,
        "{\"id\":\"chatcmpl-%s\",\"object\":\"chat.completion\",\"created\":1700000000,"
        "\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"",
        a->id, a->model);
    for (; a->piece < a->n_pieces; a->piece++)
        add_piece(a, now, json);
    add(json, STR("\"},\"logprobs\":null"));
    add(json, a->script.no_finish ? STR("}]") : STR(",\"finish_reason\":\"stop\"}]"));
    for (int i = 0; i < (a->script.no_usage ? 0 : a->script.double_usage ? 2 : 1); i++) {
        add(json, STR(","));
        add_usage(a, json);
    }
    add(json, STR("}"));
    set_body(a, buf_str(json));
}

void sim_answer_start_chat(struct sim_answer *a, const struct sim_script *script,
                           const struct sim_chat *chat, uint64_t number, usec_t now)
{
    const struct sim_script *s = &a->script;

    start(a, script, number, now);
    a->is_stream =
        (chat->is_stream || s->stream) && s->status == 200 && !s->body[0] && !s->html && !s->empty;
    a->wants_usage = chat->wants_usage;
    a->prompt_bytes = chat->prompt_bytes;
    if (!str_copy(a->model, sizeof(a->model), chat->model))
        a->model[0] = '\0';

    bool is_echo = s->size == 0 && s->chunks == 0 && !s->stamp;
    if (is_echo) {
        add(&a->text, STR("echo: "));
        add(&a->text, chat->text);
    }
    a->n_pieces = s->chunks > 0 ? s->chunks : is_echo ? count_words(buf_str(&a->text)) : 1;
    if (!a->is_stream)
        make_completion(a, now);
}

void sim_answer_start_json(struct sim_answer *a, const struct sim_script *script, struct str json,
                           uint64_t number, usec_t now)
{
    start(a, script, number, now);
    set_body(a, json);
}

static void add_head(struct sim_answer *a, struct buf *out)
{
    const struct sim_script *s = &a->script;
    const char *type = s->type[0]     ? s->type
                       : s->html      ? "text/html; charset=utf-8"
                       : a->is_stream ? "text/event-stream"
                                      : "application/json";

    ADD(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nx-request-id: %s\r\n", (int)s->status,
        s->status < 300 ? "OK" : "Simulated", type, a->id);
    if (s->retry_after[0])
        ADD(out, "Retry-After: %s\r\n", s->retry_after);
    if (s->location[0])
        ADD(out, "Location: %s\r\n", s->location);
    if (a->is_stream)
        add(out, STR("Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"));
    else
        ADD(out, "Content-Length: %zu\r\n\r\n", a->body.len);
}

/* One event in a chunk of its own, as a server that flushes each token sends it. */
static void add_chunk(struct buf *out, struct str bytes)
{
    ADD(out, "%zx\r\n", bytes.len);
    add(out, bytes);
    add(out, STR("\r\n"));
}

static void begin_event(struct sim_answer *a)
{
    buf_clear(&a->scratch);
    ADD(&a->scratch,
        "data: {\"id\":\"chatcmpl-%s\",\"object\":\"chat.completion.chunk\","
        "\"created\":1700000000,\"model\":\"%s\",",
        a->id, a->model);
}

static void add_delta(struct sim_answer *a, usec_t now, struct buf *out)
{
    begin_event(a);
    add(&a->scratch, STR("\"choices\":[{\"index\":0,\"delta\":{"));
    if (a->piece == 0)
        add(&a->scratch, STR("\"role\":\"assistant\","));
    add(&a->scratch, STR("\"content\":\""));
    add_piece(a, now, &a->scratch);
    if (a->script.bad_json)
        add(&a->scratch, STR("\"\n\n"));
    else
        add(&a->scratch, STR("\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"));
    add_chunk(out, buf_str(&a->scratch));
}

static void add_tail(struct sim_answer *a, struct buf *out)
{
    const struct sim_script *s = &a->script;
    int n_usage = !a->wants_usage || s->no_usage ? 0 : s->double_usage ? 2 : 1;

    if (!s->no_finish) {
        begin_event(a);
        add(&a->scratch, STR("\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,"
                             "\"finish_reason\":\"stop\"}]}\n\n"));
        add_chunk(out, buf_str(&a->scratch));
    }
    for (int i = 0; i < n_usage; i++) {
        begin_event(a);
        add(&a->scratch, STR("\"choices\":[],"));
        add_usage(a, &a->scratch);
        add(&a->scratch, STR("}\n\n"));
        add_chunk(out, buf_str(&a->scratch));
    }
    if (!s->no_done)
        add_chunk(out, STR("data: [DONE]\n\n"));
    add(out, STR("0\r\n\r\n"));
}

static void add_slice(struct sim_answer *a, struct buf *out)
{
    size_t from = (size_t)(a->piece * a->body.len / a->n_pieces);
    size_t to = (size_t)((a->piece + 1) * a->body.len / a->n_pieces);

    if (to > from)
        add(out, (struct str){a->body.data + from, to - from});
}

static void step(struct sim_answer *a, usec_t now, struct buf *out)
{
    switch (a->phase) {
    case SIM_ANSWER_HEAD:
        add_head(a, out);
        a->due += a->script.first;
        a->phase = SIM_ANSWER_PIECES;
        return;
    case SIM_ANSWER_PIECES:
        if (a->is_stream)
            add_delta(a, now, out);
        else
            add_slice(a, out);
        if (++a->piece < a->n_pieces)
            a->due += a->script.interval;
        else
            a->phase = a->is_stream ? SIM_ANSWER_TAIL : SIM_ANSWER_FINISHED;
        return;
    case SIM_ANSWER_TAIL:
        add_tail(a, out);
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
    step(a, now, out);
    return is_cut(a) ? cut(a, before, out) : SIM_ANSWER_MORE;
}
