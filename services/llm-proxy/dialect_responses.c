#include "dialect_openai.h"

#include <string.h>

#define MAX_FRAME (6u << 20) /* the last event repeats the whole answer, pictures included */

static struct str text_at(struct chat_events *ret, const struct json_value *from, const char *path)
{
    struct str text;

    return json_string(json_at(from, path), ret->arena, &text) ? text : STR_EMPTY;
}

static int64_t count_at(const struct json_value *usage, const char *path)
{
    int64_t n = 0;

    return json_int(json_at(usage, path), &n) && n > 0 ? n : 0;
}

static void read_usage(const struct json_value *response, struct chat_events *ret)
{
    const struct json_value *usage = json_get(response, "usage");

    if (!json_get(usage, "input_tokens"))
        return;
    chat_event_add(ret, CHAT_USAGE)->usage = (struct chat_usage){
        .input = count_at(usage, "input_tokens"),
        .output = count_at(usage, "output_tokens"),
        .cached = count_at(usage, "input_tokens_details.cached_tokens"),
        .reasoning = count_at(usage, "output_tokens_details.reasoning_tokens"),
    };
}

static enum chat_finish finish_of(struct str reason, bool has_calls)
{
    if (str_is(reason, "max_output_tokens"))
        return CHAT_FINISH_LENGTH;
    if (str_is(reason, "content_filter"))
        return CHAT_FINISH_FILTER;
    return has_calls ? CHAT_FINISH_TOOL_CALLS : CHAT_FINISH_STOP;
}

static bool has_calls(const struct json_value *response)
{
    const struct json_value *output = json_get(response, "output");

    if (!json_is(output, JSON_ARRAY))
        return false;
    for (const struct json_value *item = output->child; item; item = item->next) {
        const struct json_value *type = json_get(item, "type");
        if (type && str_is(type->raw, "\"function_call\""))
            return true;
    }
    return false;
}

static void read_end(const struct json_value *response, struct chat_events *ret)
{
    struct str reason = text_at(ret, response, "incomplete_details.reason");

    chat_event_add(ret, CHAT_FINISH)->finish = finish_of(reason, has_calls(response));
    read_usage(response, ret);
    chat_event_add(ret, CHAT_DONE);
}

/* An error of the stream, or a response that failed. */
static void read_failure(const struct json_value *root, struct chat_events *ret)
{
    static const char *const places[] = {"response.error.message", "error.message", "message"};
    struct str text = STR_EMPTY;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && text.len == 0; i++)
        text = text_at(ret, root, places[i]);
    chat_event_add_text(ret, CHAT_ERROR, text);
}

static void add_text(struct chat_events *ret, enum chat_event_kind kind, struct str text)
{
    if (text.len > 0)
        chat_event_add_text(ret, kind, text);
}

static void read_new_item(struct dialect_stream *s, const struct json_value *root,
                          struct chat_events *ret)
{
    const struct json_value *item = json_get(root, "item");

    if (!str_is(text_at(ret, item, "type"), "function_call") || s->n_tools >= CHAT_MAX_TOOLS)
        return;
    struct chat_event *e = chat_event_add(ret, CHAT_TOOL_CALL);
    e->tool = s->n_tools++;
    e->id = text_at(ret, item, "call_id");
    e->name = text_at(ret, item, "name");
}

/* The provider knows its thoughts by their id, and by what only it can read. */
static void read_done_item(const struct json_value *root, struct chat_events *ret)
{
    const struct json_value *item = json_get(root, "item");

    if (!str_is(text_at(ret, item, "type"), "reasoning"))
        return;
    struct chat_event *e =
        chat_event_add_text(ret, CHAT_SIGNATURE, text_at(ret, item, "encrypted_content"));
    e->id = text_at(ret, item, "id");
}

/* The parts of a summary are paragraphs of one here. */
static void read_new_summary(const struct json_value *root, struct chat_events *ret)
{
    if (count_at(root, "summary_index") > 0)
        chat_event_add_text(ret, CHAT_THINKING, STR("\n\n"))->id = text_at(ret, root, "item_id");
}

static bool has_suffix(struct str s, const char *suffix)
{
    size_t len = strlen(suffix);

    return s.len >= len && memcmp(s.data + s.len - len, suffix, len) == 0;
}

/* Text, thinking, and whatever else the model writes: code of a tool, input of one, … */
static void read_delta(const struct dialect_stream *s, struct str type,
                       const struct json_value *root, struct chat_events *ret)
{
    struct str text = text_at(ret, root, "delta");

    if (str_is(type, "response.output_text.delta"))
        add_text(ret, CHAT_TEXT, text);
    else if (str_is(type, "response.refusal.delta"))
        add_text(ret, CHAT_REFUSAL, text);
    else if (str_has_prefix(type, "response.reasoning"))
        chat_event_add_text(ret, CHAT_THINKING, text)->id = text_at(ret, root, "item_id");
    else if (text.len > 0) {
        struct chat_event *e = chat_event_add_text(ret, CHAT_ARGUMENTS, text);
        e->tool = s->n_tools > 0 ? s->n_tools - 1 : 0;
    }
}

static bool read_event(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret)
{
    const struct json_value *root;
    size_t offset;

    (void)name;                   /* `type` says the same */
    if (str_is(data, "[DONE]")) { /* some relatives end every stream so */
        chat_event_add(ret, CHAT_DONE);
        return true;
    }
    if (json_parse(ret->arena, data, &root, &offset) != JSON_OK || !json_is(root, JSON_OBJECT))
        return false;
    struct str type = text_at(ret, root, "type");
    const struct json_value *response = json_get(root, "response");
    if (str_is(type, "response.created")) {
        struct chat_event *e = chat_event_add(ret, CHAT_START);
        e->id = text_at(ret, response, "id");
        e->name = text_at(ret, response, "model");
    } else if (str_is(type, "response.completed") || str_is(type, "response.incomplete")) {
        read_end(response, ret);
    } else if (str_is(type, "error") || str_is(type, "response.failed") ||
               chat_request_field(root, "error")) {
        read_failure(root, ret);
    } else if (str_is(type, "response.output_item.added")) {
        read_new_item(s, root, ret);
    } else if (str_is(type, "response.output_item.done")) {
        read_done_item(root, ret);
    } else if (str_is(type, "response.reasoning_summary_part.added")) {
        read_new_summary(root, ret);
    } else if (has_suffix(type, ".delta")) {
        read_delta(s, type, root, ret);
    }
    return type.len > 0 || ret->first;
}

/* ---- a whole answer ---- */

static void read_parts(const struct json_value *list, enum chat_event_kind kind,
                       struct chat_events *ret)
{
    if (!json_is(list, JSON_ARRAY))
        return;
    for (const struct json_value *v = list->child; v; v = v->next) {
        add_text(ret, kind, text_at(ret, v, "text"));
        add_text(ret, CHAT_REFUSAL, text_at(ret, v, "refusal"));
    }
}

static void read_item(const struct json_value *item, uint32_t *n_tools, struct chat_events *ret)
{
    struct str type = text_at(ret, item, "type");

    if (str_is(type, "message")) {
        read_parts(json_get(item, "content"), CHAT_TEXT, ret);
    } else if (str_is(type, "reasoning")) {
        read_parts(json_get(item, "summary"), CHAT_THINKING, ret);
        read_parts(json_get(item, "content"), CHAT_THINKING, ret);
    } else if (str_is(type, "function_call") && *n_tools < CHAT_MAX_TOOLS) {
        struct chat_event *e = chat_event_add(ret, CHAT_TOOL_CALL);
        e->tool = *n_tools;
        e->id = text_at(ret, item, "call_id");
        e->name = text_at(ret, item, "name");
        e = chat_event_add_text(ret, CHAT_ARGUMENTS, text_at(ret, item, "arguments"));
        e->tool = (*n_tools)++;
    }
}

static bool read_answer(struct str body, struct chat_events *ret)
{
    const struct json_value *root;
    uint32_t n_tools = 0;
    size_t offset;

    if (json_parse(ret->arena, body, &root, &offset) != JSON_OK)
        return false;
    const struct json_value *output = json_get(root, "output");
    struct str status = text_at(ret, root, "status");
    if (!json_is(output, JSON_ARRAY) ||
        (!str_is(status, "completed") && !str_is(status, "incomplete")))
        return false;
    struct chat_event *start = chat_event_add(ret, CHAT_START);
    start->id = text_at(ret, root, "id");
    start->name = text_at(ret, root, "model");
    for (const struct json_value *item = output->child; item; item = item->next)
        read_item(item, &n_tools, ret);
    read_end(root, ret);
    return true;
}

static enum dialect_result forward(struct arena *a, const struct dialect_request *r,
                                   struct dialect_call *ret)
{
    ret->path = "/responses";
    return dialect_openai_forward(a, r, ret);
}

/* Answers to /responses. Chats of other APIs are never written as responses. */
const struct dialect dialect_responses = {
    .name = "openai",
    .framing = DIALECT_SSE,
    .max_frame = MAX_FRAME,
    .auth_header = "authorization",
    .auth_prefix = "Bearer ",
    .probe_path = "/models",
    .forward = forward,
    .read_answer = read_answer,
    .read_event = read_event,
    .read_error = dialect_openai_read_error,
};
