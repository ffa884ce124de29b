#include "base/json_write.h"
#include "inbound_chat.h"
#include "inbound_frame.h"

#include <string.h>

/* One choice while its events are put together. */
struct choice {
    uint32_t number;
    const struct chat_event *events;
    struct arena *arena;
};

static const char *finish_text(enum chat_finish finish)
{
    switch (finish) {
    case CHAT_FINISH_STOP:
    case CHAT_FINISH_PAUSE:
        return "stop";
    case CHAT_FINISH_LENGTH:
        return "length";
    case CHAT_FINISH_TOOL_CALLS:
        return "tool_calls";
    case CHAT_FINISH_FILTER:
        return "content_filter";
    }
    return "stop";
}

static void write_id(struct json_write *w, const struct inbound_answer *a, const char *object)
{
    char id[80] = "chatcmpl-";

    str_copy(id + 9, sizeof(id) - 9, str_from(a->id));
    json_write_member(w, "id", id);
    json_write_member(w, "object", object);
    json_write_member_int(w, "created", a->created);
    json_write_member(w, "model", a->model);
}

/* ---- a stream ---- */

static void begin_chunk(struct json_write *w, const struct inbound_stream *s)
{
    json_write_begin(w, '{');
    write_id(w, &s->answer, "chat.completion.chunk");
    json_write_key(w, "choices");
    json_write_begin(w, '[');
}

static enum buf_result end_chunk(struct json_write *w, struct buf *out)
{
    json_write_end(w, '}');
    enum buf_result r = json_write_finish(w);
    return r == BUF_OK ? buf_add_str(out, STR("\n\n")) : r;
}

/* Google's own place for it. */
static void write_signature(struct json_write *w, struct str signature)
{
    if (signature.len == 0)
        return;
    json_write_key(w, "extra_content");
    json_write_begin(w, '{');
    json_write_key(w, "google");
    json_write_begin(w, '{');
    json_write_member_str(w, "thought_signature", signature);
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static void write_call_delta(struct json_write *w, const struct chat_event *e)
{
    json_write_key(w, "tool_calls");
    json_write_begin(w, '[');
    json_write_begin(w, '{');
    json_write_member_u64(w, "index", e->tool);
    if (e->kind == CHAT_TOOL_CALL) {
        json_write_member_str(w, "id", e->id);
        json_write_member(w, "type", "function");
    }
    json_write_key(w, "function");
    json_write_begin(w, '{');
    if (e->kind == CHAT_TOOL_CALL)
        json_write_member_str(w, "name", e->name);
    json_write_member_str(w, "arguments", e->kind == CHAT_ARGUMENTS ? e->text : STR_EMPTY);
    json_write_end(w, '}');
    write_signature(w, e->signature);
    json_write_end(w, '}');
    json_write_end(w, ']');
}

static void write_block(struct json_write *w, struct str type, const char *member, struct str text,
                        struct str signature)
{
    json_write_begin(w, '{');
    json_write_member_str(w, "type", type);
    json_write_member_str(w, member, text);
    if (signature.len > 0)
        json_write_member_str(w, "signature", signature);
    json_write_end(w, '}');
}

static void write_blocks_delta(struct json_write *w, const struct chat_event *e)
{
    json_write_key(w, "thinking_blocks");
    json_write_begin(w, '[');
    if (e->kind == CHAT_REDACTED)
        write_block(w, STR("redacted_thinking"), "data", e->text, STR_EMPTY);
    else if (e->kind == CHAT_SIGNATURE)
        write_block(w, STR("thinking"), "thinking", STR_EMPTY, e->text);
    else
        write_block(w, STR("thinking"), "thinking", e->text, STR_EMPTY);
    json_write_end(w, ']');
}

static void write_delta(struct json_write *w, const struct chat_event *e)
{
    switch (e->kind) {
    case CHAT_TEXT:
        json_write_member_str(w, "content", e->text);
        write_signature(w, e->signature);
        return;
    case CHAT_REFUSAL:
        json_write_member_str(w, "refusal", e->text);
        return;
    case CHAT_THINKING:
        json_write_member_str(w, "reasoning_content", e->text);
        write_blocks_delta(w, e);
        return;
    case CHAT_SIGNATURE:
    case CHAT_REDACTED:
        write_blocks_delta(w, e);
        return;
    case CHAT_TOOL_CALL:
    case CHAT_ARGUMENTS:
        write_call_delta(w, e);
        return;
    case CHAT_START:
    case CHAT_LOGPROBS:
    case CHAT_FINISH:
    case CHAT_USAGE:
    case CHAT_ERROR:
    case CHAT_DONE:
        return;
    }
}

static enum buf_result write_chunk(struct inbound_stream *s, const struct chat_event *e,
                                   struct buf *out)
{
    struct json_write w;
    bool is_first = !(s->begun_choices & UINT64_C(1) << e->choice);

    if (buf_add_str(out, STR("data: ")) != BUF_OK)
        return BUF_FULL;
    s->begun_choices |= UINT64_C(1) << e->choice;
    json_write_init(&w, out);
    begin_chunk(&w, s);
    json_write_begin(&w, '{');
    json_write_member_u64(&w, "index", e->choice);
    json_write_key(&w, "delta");
    json_write_begin(&w, '{');
    if (is_first)
        json_write_member(&w, "role", "assistant");
    write_delta(&w, e);
    json_write_end(&w, '}');
    if (e->kind == CHAT_LOGPROBS) {
        json_write_key(&w, "logprobs");
        json_write_raw(&w, e->text);
    }
    json_write_key(&w, "finish_reason");
    json_write_text(&w, e->kind == CHAT_FINISH ? finish_text(e->finish) : NULL);
    json_write_end(&w, '}');
    json_write_end(&w, ']');
    return end_chunk(&w, out);
}

enum buf_result inbound_chat_write_event(struct inbound_stream *s, const struct chat_event *e,
                                         struct buf *out)
{
    if (e->kind != CHAT_USAGE)
        return write_chunk(s, e, out);
    s->usage = e->usage;
    s->has_usage = true;
    return BUF_OK;
}

enum buf_result inbound_chat_write_end(struct inbound_stream *s, bool is_translated,
                                       struct buf *out)
{
    struct json_write w;
    enum buf_result r = BUF_OK;

    if (s->answer.wants_usage && s->has_usage && (is_translated || s->usage.is_local)) {
        if (buf_add_str(out, STR("data: ")) != BUF_OK)
            return BUF_FULL;
        json_write_init(&w, out);
        begin_chunk(&w, s);
        json_write_end(&w, ']');
        inbound_frame_write_usage(&w, &s->usage);
        r = end_chunk(&w, out);
    }
    return r == BUF_OK ? buf_add_str(out, STR("data: [DONE]\n\n")) : r;
}

/* ---- a whole answer ---- */

static const struct chat_event *next_of(const struct choice *c, const struct chat_event *e,
                                        enum chat_event_kind kind)
{
    for (e = e ? e->next : c->events; e; e = e->next)
        if (e->kind == kind && e->choice == c->number)
            return e;
    return NULL;
}

/* All pieces of one kind in one; `tool` only counts for arguments. */
static struct str joined(const struct choice *c, enum chat_event_kind kind, uint32_t tool)
{
    size_t len = 0;
    char *text, *to;

    for (const struct chat_event *e = NULL; (e = next_of(c, e, kind));)
        len += e->tool == tool ? e->text.len : 0;
    text = to = arena_alloc(c->arena, len + 1);
    if (!text)
        return STR_EMPTY;
    for (const struct chat_event *e = NULL; (e = next_of(c, e, kind));) {
        if (e->tool != tool)
            continue;
        memcpy(to, e->text.data, e->text.len);
        to += e->text.len;
    }
    return (struct str){text, len};
}

static void write_tool_calls(struct json_write *w, const struct choice *c)
{
    const struct chat_event *e = next_of(c, NULL, CHAT_TOOL_CALL);

    if (!e)
        return;
    json_write_key(w, "tool_calls");
    json_write_begin(w, '[');
    for (; e; e = next_of(c, e, CHAT_TOOL_CALL)) {
        struct str arguments = joined(c, CHAT_ARGUMENTS, e->tool);
        json_write_begin(w, '{');
        json_write_member_str(w, "id", e->id);
        json_write_member(w, "type", "function");
        json_write_key(w, "function");
        json_write_begin(w, '{');
        json_write_member_str(w, "name", e->name);
        json_write_member_str(w, "arguments", arguments.len > 0 ? arguments : STR("{}"));
        json_write_end(w, '}');
        write_signature(w, e->signature);
        json_write_end(w, '}');
    }
    json_write_end(w, ']');
}

/* The thinking between two signatures is one block. */
static void write_thinking(struct json_write *w, const struct choice *c)
{
    struct str all = joined(c, CHAT_THINKING, 0);
    size_t from = 0, len = 0;
    bool has_any = next_of(c, NULL, CHAT_SIGNATURE) || next_of(c, NULL, CHAT_REDACTED);

    if (all.len > 0)
        json_write_member_str(w, "reasoning_content", all);
    if (!has_any)
        return;
    json_write_key(w, "thinking_blocks");
    json_write_begin(w, '[');
    for (const struct chat_event *e = c->events; e; e = e->next) {
        if (e->choice != c->number)
            continue;
        if (e->kind == CHAT_THINKING)
            len += e->text.len;
        if (e->kind == CHAT_REDACTED)
            write_block(w, STR("redacted_thinking"), "data", e->text, STR_EMPTY);
        if (e->kind != CHAT_SIGNATURE)
            continue;
        write_block(w, STR("thinking"), "thinking", (struct str){all.data + from, len}, e->text);
        from += len;
        len = 0;
    }
    if (len > 0)
        write_block(w, STR("thinking"), "thinking", (struct str){all.data + from, len}, STR_EMPTY);
    json_write_end(w, ']');
}

/* The last: a message has one place for it. */
static struct str signature_of_text(const struct choice *c)
{
    struct str signature = STR_EMPTY;

    for (const struct chat_event *e = NULL; (e = next_of(c, e, CHAT_TEXT));)
        if (e->signature.len > 0)
            signature = e->signature;
    return signature;
}

static void write_message(struct json_write *w, const struct choice *c)
{
    struct str text = joined(c, CHAT_TEXT, 0), refusal = joined(c, CHAT_REFUSAL, 0);
    bool has_text = text.len > 0 || !next_of(c, NULL, CHAT_TOOL_CALL);

    json_write_key(w, "message");
    json_write_begin(w, '{');
    json_write_member(w, "role", "assistant");
    json_write_key(w, "content");
    if (has_text && refusal.len == 0)
        json_write_str(w, text);
    else
        json_write_null(w);
    json_write_key(w, "refusal");
    if (refusal.len > 0)
        json_write_str(w, refusal);
    else
        json_write_null(w);
    write_thinking(w, c);
    write_signature(w, signature_of_text(c));
    write_tool_calls(w, c);
    json_write_end(w, '}');
}

static void write_choice(struct json_write *w, const struct choice *c)
{
    const struct chat_event *finish = next_of(c, NULL, CHAT_FINISH);
    const struct chat_event *logprobs = next_of(c, NULL, CHAT_LOGPROBS);

    json_write_begin(w, '{');
    json_write_member_u64(w, "index", c->number);
    write_message(w, c);
    json_write_key(w, "logprobs");
    if (logprobs)
        json_write_raw(w, logprobs->text);
    else
        json_write_null(w);
    json_write_member(w, "finish_reason", finish_text(finish ? finish->finish : CHAT_FINISH_STOP));
    json_write_end(w, '}');
}

enum buf_result inbound_chat_write_answer(const struct inbound_answer *answer,
                                          const struct chat_event *events, struct arena *a,
                                          struct buf *out)
{
    struct json_write w;
    const struct chat_event *usage = NULL;
    uint64_t choices = 0;

    for (const struct chat_event *e = events; e; e = e->next) {
        if (e->kind == CHAT_USAGE)
            usage = e;
        else if (e->kind != CHAT_DONE)
            choices |= UINT64_C(1) << e->choice;
    }
    json_write_init(&w, out);
    json_write_begin(&w, '{');
    write_id(&w, answer, "chat.completion");
    json_write_key(&w, "choices");
    json_write_begin(&w, '[');
    for (uint32_t i = 0; i < CHAT_MAX_CHOICES; i++)
        if (choices & UINT64_C(1) << i)
            write_choice(&w, &(struct choice){i, events, a});
    json_write_end(&w, ']');
    if (usage)
        inbound_frame_write_usage(&w, &usage->usage);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}
