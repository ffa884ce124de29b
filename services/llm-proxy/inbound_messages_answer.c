#include "inbound_messages.h"

#include "base/json.h"
#include "base/json_write.h"

#include <stdio.h>

static int64_t or_zero(int64_t n)
{
    return n > 0 ? n : 0;
}

/* The cache's part is counted apart. */
void inbound_messages_answer_write_usage(struct json_write *w, const struct chat_usage *u)
{
    json_write_key(w, "usage");
    json_write_begin(w, '{');
    json_write_member_int(w, "input_tokens", or_zero(u->input - u->cached - u->cache_write));
    json_write_member_int(w, "cache_creation_input_tokens", u->cache_write);
    json_write_member_int(w, "cache_read_input_tokens", u->cached);
    json_write_member_int(w, "output_tokens", u->output);
    if (u->reasoning > 0) {
        json_write_key(w, "output_tokens_details");
        json_write_begin(w, '{');
        json_write_member_int(w, "thinking_tokens", u->reasoning);
        json_write_end(w, '}');
    }
    json_write_end(w, '}');
}

const char *inbound_messages_answer_stop_reason(enum chat_finish finish, struct str stop_sequence,
                                                bool is_refused)
{
    switch (finish) {
    case CHAT_FINISH_STOP:
        if (stop_sequence.len > 0)
            return "stop_sequence";
        return is_refused ? "refusal" : "end_turn";
    case CHAT_FINISH_LENGTH:
        return "max_tokens";
    case CHAT_FINISH_TOOL_CALLS:
        return "tool_use";
    case CHAT_FINISH_FILTER:
        return "refusal";
    case CHAT_FINISH_PAUSE:
        return "pause_turn";
    }
    return "end_turn";
}

void inbound_messages_answer_name(const struct inbound_answer *answer, char ret[80])
{
    snprintf(ret, 80, "msg_%s", answer->id);
}

struct str inbound_messages_answer_name_call(const struct inbound_answer *answer,
                                             const struct chat_event *call, char ret[80])
{
    if (call->id.len > 0)
        return call->id;
    snprintf(ret, 80, "toolu_%s_%u", answer->id, call->tool);
    return str_from(ret);
}

/* ---- blocks ---- */

/* All text of the run of events of one kind from `e` on; *ret_next is what follows. False when the
 * arena is full. */
static bool join(struct arena *a, const struct chat_event *e, const struct chat_event **ret_next,
                 struct str *ret)
{
    enum chat_event_kind kind = e->kind;

    *ret = e->text;
    *ret_next = e->next;
    if (!e->next || e->next->kind != kind)
        return true;

    CLEANUP(buf_done) struct buf all;
    buf_init(&all, INBOUND_MAX_TEXT);
    for (; e && e->kind == kind; e = e->next)
        if (buf_add_str(&all, e->text) != BUF_OK)
            return false;
    *ret_next = e;
    *ret = (struct str){arena_copy(a, buf_str(&all)), all.len};
    return ret->data != NULL;
}

static bool join_arguments(struct arena *a, const struct chat_event *call, struct str *ret)
{
    CLEANUP(buf_done) struct buf all;

    buf_init(&all, INBOUND_MAX_TEXT);
    for (const struct chat_event *e = call->next; e; e = e->next)
        if (e->kind == CHAT_ARGUMENTS && e->tool == call->tool && e->choice == 0 &&
            buf_add_str(&all, e->text) != BUF_OK)
            return false;
    *ret = (struct str){arena_copy(a, buf_str(&all)), all.len};
    return ret->data != NULL;
}

static void begin_block(struct json_write *w, const char *type)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", type);
}

/* What a model cut short is no JSON; its caller gets to see it as it is. */
static void write_input(struct json_write *w, struct arena *a, struct str arguments)
{
    const struct json_value *root;
    size_t offset;

    json_write_key(w, "input");
    if (arguments.len == 0) {
        json_write_raw(w, STR("{}"));
    } else if (json_parse(a, arguments, &root, &offset) == JSON_OK && json_is(root, JSON_OBJECT)) {
        json_write_raw(w, root->raw);
    } else {
        json_write_begin(w, '{');
        json_write_member_str(w, "INVALID_JSON", arguments);
        json_write_end(w, '}');
    }
}

static bool write_call(struct json_write *w, const struct inbound_answer *answer,
                       const struct chat_event *call, struct arena *a)
{
    struct str arguments;
    char id[80];

    if (!join_arguments(a, call, &arguments))
        return false;
    if (call->signature.len > 0) {
        const char *data =
            arena_printf(a, DIALECT_ANTHROPIC_CALL_PROOF "%.*s", STR_ARG(call->signature));
        begin_block(w, "redacted_thinking");
        json_write_member(w, "data", data);
        json_write_end(w, '}');
        if (!data)
            return false;
    }
    begin_block(w, "tool_use");
    json_write_member_str(w, "id", inbound_messages_answer_name_call(answer, call, id));
    json_write_member_str(w, "name", call->name);
    write_input(w, a, arguments);
    json_write_end(w, '}');
    return true;
}

/* A thought is followed by its proof, or has none. */
static bool write_thinking(struct json_write *w, struct arena *a, const struct chat_event *e,
                           const struct chat_event **ret_next)
{
    struct str thought = STR_EMPTY, proof = STR_EMPTY;
    const struct chat_event *next = e;

    if (e->kind == CHAT_THINKING && !join(a, e, &next, &thought))
        return false;
    if (next && next->kind == CHAT_SIGNATURE && !join(a, next, &next, &proof))
        return false;
    begin_block(w, "thinking");
    json_write_member_str(w, "thinking", thought);
    json_write_member_str(w, "signature", proof);
    json_write_end(w, '}');
    *ret_next = next;
    return true;
}

static bool write_text(struct json_write *w, struct arena *a, const struct chat_event *e,
                       const struct chat_event **ret_next)
{
    struct str text;

    if (!join(a, e, ret_next, &text))
        return false;
    if (text.len == 0)
        return true;
    begin_block(w, "text");
    json_write_member_str(w, "text", text);
    json_write_end(w, '}');
    return true;
}

static void write_redacted(struct json_write *w, struct str data)
{
    begin_block(w, "redacted_thinking");
    json_write_member_str(w, "data", data);
    json_write_end(w, '}');
}

static bool write_block(struct json_write *w, const struct inbound_answer *answer, struct arena *a,
                        const struct chat_event *e, const struct chat_event **ret_next)
{
    *ret_next = e->next;
    switch (e->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL:
        return write_text(w, a, e, ret_next);
    case CHAT_THINKING:
    case CHAT_SIGNATURE:
        return write_thinking(w, a, e, ret_next);
    case CHAT_REDACTED:
        write_redacted(w, e->text);
        return true;
    case CHAT_TOOL_CALL:
        return write_call(w, answer, e, a);
    case CHAT_START:
    case CHAT_ARGUMENTS: /* written with their call */
    case CHAT_LOGPROBS:
    case CHAT_FINISH:
    case CHAT_USAGE:
    case CHAT_ERROR:
    case CHAT_DONE:
        return true;
    }
    return true;
}

/* ---- the whole ---- */

/* What is said apart from the content. */
struct summary {
    enum chat_finish finish;
    struct str stop_sequence;
    bool is_refused, has_call;
    struct chat_usage usage;
};

static struct summary sum_up(const struct chat_event *events)
{
    struct summary s = {.finish = CHAT_FINISH_STOP, .stop_sequence = STR_EMPTY};

    for (const struct chat_event *e = events; e; e = e->next) {
        if (e->kind == CHAT_FINISH && e->choice == 0) {
            s.finish = e->finish;
            s.stop_sequence = e->text;
        } else if (e->kind == CHAT_USAGE) {
            s.usage = e->usage;
        } else if (e->kind == CHAT_REFUSAL) {
            s.is_refused = true;
        } else if (e->kind == CHAT_TOOL_CALL) {
            s.has_call = true;
        }
    }
    if (s.has_call && s.finish == CHAT_FINISH_STOP)
        s.finish = CHAT_FINISH_TOOL_CALLS;
    return s;
}

enum buf_result inbound_messages_answer_write(const struct inbound_answer *answer,
                                              const struct chat_event *events, struct arena *a,
                                              struct buf *out)
{
    struct summary s = sum_up(events);
    struct json_write w;
    char id[80];

    inbound_messages_answer_name(answer, id);
    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member(&w, "id", id);
    json_write_member(&w, "type", "message");
    json_write_member(&w, "role", "assistant");
    json_write_member(&w, "model", answer->model);
    json_write_key(&w, "content");
    json_write_begin(&w, '[');
    for (const struct chat_event *e = events, *next; e; e = next) {
        next = e->next;
        if (e->choice == 0 && !write_block(&w, answer, a, e, &next))
            return BUF_FULL;
    }
    json_write_end(&w, ']');
    json_write_member(&w, "stop_reason",
                      inbound_messages_answer_stop_reason(s.finish, s.stop_sequence, s.is_refused));
    json_write_key(&w, "stop_sequence");
    if (s.stop_sequence.len > 0)
        json_write_str(&w, s.stop_sequence);
    else
        json_write_null(&w);
    inbound_messages_answer_write_usage(&w, &s.usage);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}
