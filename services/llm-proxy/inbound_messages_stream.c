#include "inbound_messages.h"

#include "base/json_write.h"

#include <string.h>

#define MAX_WAITING (1u << 20) /* bytes of calls that wait for the one before to be whole */

/* One event of the stream to the client while it is written. */
struct frame {
    struct json_write w;
    struct buf *out;
    enum buf_result full;
};

static void begin_frame(struct frame *f, struct buf *out, const char *type)
{
    *f = (struct frame){.out = out};
    f->full = buf_printf(out, "event: %s\ndata: ", type);
    json_write_init(&f->w, out);
    json_write_begin(&f->w, '{');
    json_write_member(&f->w, "type", type);
}

static enum buf_result end_frame(struct frame *f)
{
    json_write_end(&f->w, '}');
    if (json_write_finish(&f->w) != BUF_OK || f->full != BUF_OK)
        return BUF_FULL;
    return buf_add_str(f->out, STR("\n\n"));
}

static enum buf_result start_message(struct inbound_stream *s, struct buf *out)
{
    struct chat_usage usage = {.input = s->answer.prompt_tokens};
    struct frame f;
    char id[80];

    if (s->has_started)
        return BUF_OK;
    s->has_started = true;
    inbound_messages_answer_name(&s->answer, id);
    begin_frame(&f, out, "message_start");
    json_write_key(&f.w, "message");
    json_write_begin(&f.w, '{');
    json_write_member(&f.w, "id", id);
    json_write_member(&f.w, "type", "message");
    json_write_member(&f.w, "role", "assistant");
    json_write_member(&f.w, "model", s->answer.model);
    json_write_key(&f.w, "content");
    json_write_raw(&f.w, STR("[]"));
    json_write_member(&f.w, "stop_reason", NULL);
    json_write_member(&f.w, "stop_sequence", NULL);
    inbound_messages_answer_write_usage(&f.w, s->has_usage ? &s->usage : &usage);
    json_write_end(&f.w, '}');
    return end_frame(&f);
}

/* ---- blocks ---- */

static enum buf_result write_delta(struct inbound_stream *s, const char *type, const char *member,
                                   struct str text, struct buf *out)
{
    struct frame f;

    begin_frame(&f, out, "content_block_delta");
    json_write_member_int(&f.w, "index", s->open_block);
    json_write_key(&f.w, "delta");
    json_write_begin(&f.w, '{');
    json_write_member(&f.w, "type", type);
    json_write_member_str(&f.w, member, text);
    json_write_end(&f.w, '}');
    return end_frame(&f);
}

static enum buf_result close_block(struct inbound_stream *s, struct buf *out)
{
    enum buf_result r = BUF_OK;
    struct frame f;

    if (s->open_block < 0)
        return BUF_OK;
    if (s->open_kind == CHAT_TOOL_CALL && !s->call.has_arguments)
        r = write_delta(s, "input_json_delta", "partial_json", STR("{}"), out);
    if (r != BUF_OK)
        return r;
    begin_frame(&f, out, "content_block_stop");
    json_write_member_int(&f.w, "index", s->open_block);
    s->open_block = -1;
    return end_frame(&f);
}

static enum buf_result begin_block(struct inbound_stream *s, enum chat_event_kind kind,
                                   const char *type, struct frame *f, struct buf *out)
{
    enum buf_result r = start_message(s, out);

    if (r == BUF_OK)
        r = close_block(s, out);
    s->open_block = (int32_t)s->n_blocks++;
    s->open_kind = kind;
    begin_frame(f, out, "content_block_start");
    json_write_member_int(&f->w, "index", s->open_block);
    json_write_key(&f->w, "content_block");
    json_write_begin(&f->w, '{');
    json_write_member(&f->w, "type", type);
    return r;
}

static enum buf_result end_block_start(struct frame *f)
{
    json_write_end(&f->w, '}');
    return end_frame(f);
}

static bool is_open(const struct inbound_stream *s, enum chat_event_kind kind)
{
    return s->open_block >= 0 && s->open_kind == kind;
}

static enum buf_result write_text(struct inbound_stream *s, const struct chat_event *e,
                                  struct buf *out)
{
    enum buf_result r = BUF_OK;
    struct frame f;

    if (!is_open(s, e->kind)) {
        r = begin_block(s, e->kind, "text", &f, out);
        json_write_member(&f.w, "text", "");
        if (r == BUF_OK)
            r = end_block_start(&f);
    }
    return r == BUF_OK ? write_delta(s, "text_delta", "text", e->text, out) : r;
}

/* A thought; its proof ends it. */
static enum buf_result write_thinking(struct inbound_stream *s, const struct chat_event *e,
                                      struct buf *out)
{
    enum buf_result r = BUF_OK;
    struct frame f;

    if (!is_open(s, CHAT_THINKING)) {
        r = begin_block(s, CHAT_THINKING, "thinking", &f, out);
        json_write_member(&f.w, "thinking", "");
        json_write_member(&f.w, "signature", "");
        if (r == BUF_OK)
            r = end_block_start(&f);
    }
    if (r != BUF_OK)
        return r;
    if (e->kind == CHAT_THINKING)
        return write_delta(s, "thinking_delta", "thinking", e->text, out);
    r = write_delta(s, "signature_delta", "signature", e->text, out);
    return r == BUF_OK ? close_block(s, out) : r;
}

static enum buf_result write_redacted(struct inbound_stream *s, const char *mark, struct str text,
                                      struct buf *out)
{
    CLEANUP(buf_done) struct buf data;
    enum buf_result r;
    struct frame f;

    buf_init(&data, INBOUND_MAX_TEXT);
    r = buf_printf(&data, "%s%.*s", mark, STR_ARG(text));
    if (r == BUF_OK)
        r = begin_block(s, CHAT_REDACTED, "redacted_thinking", &f, out);
    if (r != BUF_OK)
        return r;
    json_write_member_str(&f.w, "data", buf_str(&data));
    r = end_block_start(&f);
    return r == BUF_OK ? close_block(s, out) : r;
}

static enum buf_result write_call(struct inbound_stream *s, const struct chat_event *e,
                                  struct buf *out)
{
    enum buf_result r = BUF_OK;
    struct frame f;
    char id[80];

    if (e->signature.len > 0)
        r = write_redacted(s, DIALECT_ANTHROPIC_CALL_PROOF, e->signature, out);
    if (r == BUF_OK)
        r = begin_block(s, CHAT_TOOL_CALL, "tool_use", &f, out);
    if (r != BUF_OK)
        return r;
    s->has_call = true;
    s->call = (struct inbound_call){.tool = e->tool};
    json_write_member_str(&f.w, "id", inbound_messages_answer_name_call(&s->answer, e, id));
    json_write_member_str(&f.w, "name", e->name);
    json_write_key(&f.w, "input");
    json_write_raw(&f.w, STR("{}"));
    return end_block_start(&f);
}

/* ---- calls one after another ---- */

/* Follow the JSON text of the open call's arguments as far as its end. */
static void follow(struct inbound_call *c, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.data[i];
        if (c->is_escaped)
            c->is_escaped = false;
        else if (c->is_in_string && ch == '\\')
            c->is_escaped = true;
        else if (ch == '"')
            c->is_in_string = !c->is_in_string;
        else if (!c->is_in_string && (ch == '{' || ch == '['))
            c->has_arguments = ++c->depth > 0;
        else if (!c->is_in_string && (ch == '}' || ch == ']') && c->depth > 0)
            c->depth--;
    }
}

/* A call is open that has more to say: nothing else can go before it is closed. */
static bool is_waiting(const struct inbound_stream *s)
{
    return is_open(s, CHAT_TOOL_CALL) && (!s->call.has_arguments || s->call.depth > 0);
}

static enum buf_result write_arguments(struct inbound_stream *s, const struct chat_event *e,
                                       struct buf *out)
{
    if (!is_open(s, CHAT_TOOL_CALL) || s->call.tool != e->tool)
        return BUF_OK; /* spaces after the end of a call */
    follow(&s->call, e->text);
    return write_delta(s, "input_json_delta", "partial_json", e->text, out);
}

static enum buf_result show(struct inbound_stream *s, const struct chat_event *e, struct buf *out)
{
    switch (e->kind) {
    case CHAT_TEXT: /* empty where only a signature came, for which there is no place */
    case CHAT_REFUSAL:
        return e->text.len > 0 ? write_text(s, e, out) : BUF_OK;
    case CHAT_THINKING:
    case CHAT_SIGNATURE:
        return write_thinking(s, e, out);
    case CHAT_REDACTED:
        return write_redacted(s, "", e->text, out);
    case CHAT_TOOL_CALL:
        return write_call(s, e, out);
    case CHAT_ARGUMENTS:
        return write_arguments(s, e, out);
    case CHAT_START:
    case CHAT_LOGPROBS:
    case CHAT_FINISH:
    case CHAT_USAGE:
    case CHAT_ERROR:
    case CHAT_DONE:
        return BUF_OK;
    }
    return BUF_OK;
}

/* An event that waits in `items`, followed by its four texts. */
struct waiting {
    enum chat_event_kind kind;
    uint32_t tool;
    size_t text, id, name, signature; /* lengths */
};

static char *put_text(char *to, struct str text)
{
    if (text.len > 0)
        memcpy(to, text.data, text.len);
    return to + text.len;
}

static enum buf_result put_by(struct buf *items, const struct chat_event *e)
{
    struct waiting w = {e->kind, e->tool, e->text.len, e->id.len, e->name.len, e->signature.len};
    size_t size = sizeof(w) + w.text + w.id + w.name + w.signature;
    char *to;

    if (size > MAX_WAITING || items->len > MAX_WAITING - size || !(to = buf_reserve(items, size)))
        return BUF_FULL;
    memcpy(to, &w, sizeof(w));
    to = put_text(to + sizeof(w), e->text);
    to = put_text(to, e->id);
    to = put_text(to, e->name);
    put_text(to, e->signature);
    buf_commit(items, size);
    return BUF_OK;
}

/* Cut the first event off *rest; its texts are borrowed from there. */
static bool take_next(struct str *rest, struct chat_event *ret)
{
    struct waiting w;

    if (rest->len == 0)
        return false;
    memcpy(&w, rest->data, sizeof(w));
    const char *at = rest->data + sizeof(w);
    *ret = (struct chat_event){.kind = w.kind, .tool = w.tool};
    ret->text = (struct str){at, w.text};
    ret->id = (struct str){at + w.text, w.id};
    ret->name = (struct str){ret->id.data + w.id, w.name};
    ret->signature = (struct str){ret->name.data + w.name, w.signature};
    size_t size = sizeof(w) + w.text + w.id + w.name + w.signature;
    rest->data += size;
    rest->len -= size;
    return true;
}

/* What waits, up to and with the first call; the rest stays. */
static enum buf_result show_next(struct inbound_stream *s, struct buf *out)
{
    CLEANUP(buf_done) struct buf items = s->items;
    struct str rest = buf_str(&items);
    struct chat_event e;
    enum buf_result r = BUF_OK;
    bool has_call = false;
    uint32_t tool = 0;

    buf_init(&s->items, items.max);
    while (r == BUF_OK && take_next(&rest, &e)) {
        bool is_due = has_call ? e.kind == CHAT_ARGUMENTS && e.tool == tool : true;
        r = is_due ? show(s, &e, out) : put_by(&s->items, &e);
        if (e.kind == CHAT_TOOL_CALL && is_due) {
            has_call = true;
            tool = e.tool;
        }
    }
    return r;
}

/* ---- the stream ---- */

/* The words of the provider's frame are gone when the end is written. */
static void note_finish(struct inbound_stream *s, const struct chat_event *e)
{
    s->has_finish = true;
    s->finish = e->finish;
    buf_clear(&s->text);
    if (buf_add_str(&s->text, e->text) != BUF_OK)
        buf_clear(&s->text);
}

static bool says_nothing(const struct chat_event *e)
{
    return e->text.len == 0 && e->kind != CHAT_TOOL_CALL;
}

enum buf_result inbound_messages_stream_write(struct inbound_stream *s, const struct chat_event *e,
                                              struct buf *out)
{
    enum buf_result r;

    if (e->kind == CHAT_USAGE) {
        s->usage = e->usage;
        s->has_usage = true;
        return BUF_OK;
    }
    if (e->choice != 0)
        return BUF_OK;
    if (e->kind == CHAT_FINISH) {
        note_finish(s, e);
        return BUF_OK;
    }
    if (says_nothing(e))
        return BUF_OK;
    bool is_of_open_call = e->kind == CHAT_ARGUMENTS && e->tool == s->call.tool;
    if (is_waiting(s) && !is_of_open_call)
        return put_by(&s->items, e);
    r = show(s, e, out);
    while (r == BUF_OK && s->items.len > 0 && !is_waiting(s))
        r = show_next(s, out);
    return r;
}

static enum buf_result write_message_delta(struct inbound_stream *s, struct buf *out)
{
    struct str stop_sequence = buf_str(&s->text);
    bool is_refused = s->open_kind == CHAT_REFUSAL;
    struct frame f;

    if (s->has_call && s->finish == CHAT_FINISH_STOP)
        s->finish = CHAT_FINISH_TOOL_CALLS;
    begin_frame(&f, out, "message_delta");
    json_write_key(&f.w, "delta");
    json_write_begin(&f.w, '{');
    json_write_member(&f.w, "stop_reason",
                      inbound_messages_answer_stop_reason(s->finish, stop_sequence, is_refused));
    json_write_key(&f.w, "stop_sequence");
    if (stop_sequence.len > 0)
        json_write_str(&f.w, stop_sequence);
    else
        json_write_null(&f.w);
    json_write_end(&f.w, '}');
    inbound_messages_answer_write_usage(&f.w, &s->usage);
    return end_frame(&f);
}

enum buf_result inbound_messages_stream_end(struct inbound_stream *s, bool is_translated,
                                            struct buf *out)
{
    struct frame f;

    if (!is_translated)
        return BUF_OK; /* the provider's own message_stop has gone */
    enum buf_result r = start_message(s, out);
    while (r == BUF_OK && s->items.len > 0)
        r = show_next(s, out);
    if (r == BUF_OK)
        r = close_block(s, out);
    if (r == BUF_OK)
        r = write_message_delta(s, out);
    if (r != BUF_OK)
        return r;
    begin_frame(&f, out, "message_stop");
    return end_frame(&f);
}
