#include "dialect_anthropic.h"

#include "base/json.h"

/* In dialect_stream.tool_of, which holds the index of each call's block. */
#define HAS_ARGUMENTS 0x8000u

/* ---- usage ---- */

/* Absent, null and negative are no count; frames repeat what has grown. */
static void read_count(const struct json_value *usage, const char *path, int64_t *count)
{
    int64_t n;

    if (json_int(json_at(usage, path), &n) && n >= 0)
        *count = n;
}

/* What the dialect counts apart: input_tokens is without what the cache read or wrote. */
static void read_usage(const struct json_value *usage, struct chat_usage *u)
{
    int64_t fresh = u->input - u->cached - u->cache_write;

    read_count(usage, "input_tokens", &fresh);
    read_count(usage, "cache_read_input_tokens", &u->cached);
    read_count(usage, "cache_creation_input_tokens", &u->cache_write);
    read_count(usage, "output_tokens", &u->output);
    read_count(usage, "output_tokens_details.thinking_tokens", &u->reasoning);
    u->input = fresh + u->cached + u->cache_write;
}

/* ---- content ---- */

static void add_tool_call(struct chat_events *ret, uint32_t tool, const struct json_value *block)
{
    struct chat_event *e = chat_event_add(ret, CHAT_TOOL_CALL);

    e->tool = tool;
    e->id = json_text(json_get(block, "id"), ret->arena);
    e->name = json_text(json_get(block, "name"), ret->arena);
}

/* A block as far as it says anything by itself, tool calls apart. What a server's own tools did is
 * no part of an answer in another API. */
static void read_block(const struct json_value *block, struct str type, struct chat_events *ret)
{
    if (str_is(type, "text")) {
        chat_event_add_string(ret, CHAT_TEXT, json_get(block, "text"));
    } else if (str_is(type, "thinking")) {
        chat_event_add_string(ret, CHAT_THINKING, json_get(block, "thinking"));
        chat_event_add_string(ret, CHAT_SIGNATURE, json_get(block, "signature"));
    } else if (str_is(type, "redacted_thinking")) {
        chat_event_add_string(ret, CHAT_REDACTED, json_get(block, "data"));
    }
}

static enum chat_finish finish_of(struct str reason)
{
    static const struct {
        const char *reason;
        enum chat_finish finish;
    } table[] = {
        {"max_tokens", CHAT_FINISH_LENGTH},   {"model_context_window_exceeded", CHAT_FINISH_LENGTH},
        {"tool_use", CHAT_FINISH_TOOL_CALLS}, {"refusal", CHAT_FINISH_FILTER},
        {"pause_turn", CHAT_FINISH_PAUSE},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (str_is(reason, table[i].reason))
            return table[i].finish;
    return CHAT_FINISH_STOP; /* end_turn, stop_sequence, and what is yet to be invented */
}

static bool is_object(const struct json_value *v)
{
    return json_is(v, JSON_OBJECT);
}

/* ---- whole answers ---- */

static bool read_tool_use(const struct json_value *block, uint32_t *n_tools,
                          struct chat_events *ret)
{
    const struct json_value *input = json_get(block, "input");

    if (*n_tools >= CHAT_MAX_TOOLS)
        return false;
    add_tool_call(ret, *n_tools, block);
    chat_event_add_arguments(ret, *n_tools, is_object(input) ? input->raw : STR("{}"));
    ++*n_tools;
    return true;
}

static bool read_content(const struct json_value *content, struct chat_events *ret)
{
    uint32_t n_tools = 0;

    for (const struct json_value *b = content->child; b; b = b->next) {
        struct str type = json_text(json_get(b, "type"), ret->arena);
        if (!str_is(type, "tool_use"))
            read_block(b, type, ret);
        else if (!read_tool_use(b, &n_tools, ret))
            return false;
    }
    return true;
}

static void add_start(const struct json_value *message, struct chat_events *ret)
{
    struct chat_event *e = chat_event_add(ret, CHAT_START);

    e->id = json_text(json_get(message, "id"), ret->arena);
    e->name = json_text(json_get(message, "model"), ret->arena);
}

static bool read_answer(struct str body, struct chat_events *ret)
{
    const struct json_value *root, *content, *reason;
    size_t offset;

    if (json_parse(ret->arena, body, &root, &offset) != JSON_OK)
        return false;
    content = json_get(root, "content");
    if (!str_is(json_text(json_get(root, "type"), ret->arena), "message") ||
        !json_is(content, JSON_ARRAY))
        return false;

    add_start(root, ret);
    if (!read_content(content, ret))
        return false;
    reason = json_get(root, "stop_reason");
    if (json_is(reason, JSON_STRING)) {
        struct chat_event *e = chat_event_add(ret, CHAT_FINISH);
        e->finish = finish_of(json_text(reason, ret->arena));
        e->text = json_text(json_get(root, "stop_sequence"), ret->arena);
    }
    if (is_object(json_get(root, "usage")))
        read_usage(json_get(root, "usage"), &chat_event_add(ret, CHAT_USAGE)->usage);
    chat_event_add(ret, CHAT_DONE);
    return true;
}

/* ---- streams ---- */

static bool read_start(struct dialect_stream *s, const struct json_value *root,
                       struct chat_events *ret)
{
    const struct json_value *message = json_get(root, "message");

    if (s->has_started) /* said twice by some relatives */
        return true;
    s->has_started = true;
    if (is_object(json_get(message, "usage"))) {
        read_usage(json_get(message, "usage"), &s->usage);
        struct chat_event *e = chat_event_add(ret, CHAT_USAGE);
        e->usage = s->usage;
        e->usage.is_partial = true;
    }
    add_start(message, ret);
    return true;
}

static bool read_index(const struct json_value *root, uint32_t *ret)
{
    int64_t index;

    if (!json_int(json_get(root, "index"), &index) || index < 0 || index >= HAS_ARGUMENTS)
        return false;
    *ret = (uint32_t)index;
    return true;
}

/* The call of a block, the newest first; NULL: the block is none. */
static uint16_t *find_tool(struct dialect_stream *s, uint32_t index)
{
    for (uint32_t i = s->n_tools; i-- > 0;)
        if ((s->tool_of[i] & ~HAS_ARGUMENTS) == index)
            return &s->tool_of[i];
    return NULL;
}

static bool read_block_start(struct dialect_stream *s, const struct json_value *root,
                             struct chat_events *ret)
{
    const struct json_value *block = json_get(root, "content_block"), *input;
    struct str type = json_text(json_get(block, "type"), ret->arena);
    uint32_t index;

    if (!read_index(root, &index) || type.len == 0)
        return false;
    if (!str_is(type, "tool_use")) {
        read_block(block, type, ret);
        return true;
    }
    if (s->n_tools >= CHAT_MAX_TOOLS)
        return false;
    s->tool_of[s->n_tools] = (uint16_t)index;
    add_tool_call(ret, s->n_tools, block);
    input = json_get(block, "input");
    if (is_object(input) && input->n_children > 0) { /* relatives that do not stream arguments */
        chat_event_add_arguments(ret, s->n_tools, input->raw);
        s->tool_of[s->n_tools] |= HAS_ARGUMENTS;
    }
    s->n_tools++;
    return true;
}

static bool read_block_delta(struct dialect_stream *s, const struct json_value *root,
                             struct chat_events *ret)
{
    const struct json_value *delta = json_get(root, "delta");
    struct str type = json_text(json_get(delta, "type"), ret->arena);
    uint32_t index;

    if (!read_index(root, &index) || type.len == 0)
        return false;
    if (str_is(type, "text_delta")) {
        chat_event_add_string(ret, CHAT_TEXT, json_get(delta, "text"));
    } else if (str_is(type, "thinking_delta")) {
        chat_event_add_string(ret, CHAT_THINKING, json_get(delta, "thinking"));
    } else if (str_is(type, "signature_delta")) {
        chat_event_add_string(ret, CHAT_SIGNATURE, json_get(delta, "signature"));
    } else if (str_is(type, "input_json_delta")) {
        uint16_t *tool = find_tool(s, index);
        struct str text = json_text(json_get(delta, "partial_json"), ret->arena);
        if (tool && text.len > 0) {
            chat_event_add_arguments(ret, (uint32_t)(tool - s->tool_of), text);
            *tool |= HAS_ARGUMENTS;
        }
    }
    return true;
}

/* A call without arguments is one with an empty object, and says so before its block is closed. */
static bool read_block_stop(struct dialect_stream *s, const struct json_value *root,
                            struct chat_events *ret)
{
    uint32_t index;

    if (!read_index(root, &index))
        return false;
    uint16_t *tool = find_tool(s, index);
    if (tool && !(*tool & HAS_ARGUMENTS)) {
        chat_event_add_arguments(ret, (uint32_t)(tool - s->tool_of), STR("{}"));
        *tool |= HAS_ARGUMENTS;
    }
    return true;
}

/* The answer is finished at message_stop and not before: what ends here already is cut short. */
static bool read_message_delta(struct dialect_stream *s, const struct json_value *root,
                               struct chat_events *ret)
{
    const struct json_value *reason = json_at(root, "delta.stop_reason");
    const struct json_value *usage = json_get(root, "usage");

    if (json_is(reason, JSON_STRING)) {
        s->has_finish = true;
        s->finish = finish_of(json_text(reason, ret->arena));
        if (!str_copy(s->stop_sequence, sizeof(s->stop_sequence),
                      json_text(json_at(root, "delta.stop_sequence"), ret->arena)))
            s->stop_sequence[0] = '\0';
    }
    if (is_object(usage)) {
        read_usage(usage, &s->usage);
        chat_event_add(ret, CHAT_USAGE)->usage = s->usage;
    }
    return true;
}

static bool read_message_stop(struct dialect_stream *s, struct chat_events *ret)
{
    if (s->has_finish) {
        struct chat_event *e = chat_event_add(ret, CHAT_FINISH);
        e->finish = s->finish;
        e->text = str_from(s->stop_sequence);
    }
    chat_event_add(ret, CHAT_DONE);
    return true;
}

static bool read_event(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret)
{
    const struct json_value *root;
    size_t offset;

    (void)name; /* repeated in the data */
    if (json_parse(ret->arena, data, &root, &offset) != JSON_OK || !is_object(root))
        return false;
    struct str type = json_text(json_get(root, "type"), ret->arena);
    if (str_is(type, "error")) {
        chat_event_add_text(ret, CHAT_ERROR, json_text(json_at(root, "error.message"), ret->arena));
        return true;
    }
    if (str_is(type, "message_start"))
        return read_start(s, root, ret);
    if (!s->has_started)
        return str_is(type, "ping");
    if (str_is(type, "content_block_start"))
        return read_block_start(s, root, ret);
    if (str_is(type, "content_block_delta"))
        return read_block_delta(s, root, ret);
    if (str_is(type, "content_block_stop"))
        return read_block_stop(s, root, ret);
    if (str_is(type, "message_delta"))
        return read_message_delta(s, root, ret);
    if (str_is(type, "message_stop"))
        return read_message_stop(s, ret);
    return type.len > 0; /* ping, and kinds that may be added */
}

static struct str read_error(struct arena *a, struct str body)
{
    const struct json_value *root;
    struct str text;
    size_t offset;

    if (json_parse(a, body, &root, &offset) != JSON_OK ||
        !json_string(json_at(root, "error.message"), a, &text))
        return STR_EMPTY;
    return text;
}

/* ---- requests ---- */

void dialect_anthropic_address(struct dialect_call *ret)
{
    ret->path = "/messages";
    ret->headers[0].name = STR("anthropic-version");
    ret->headers[0].value = STR("2023-06-01");
    ret->n_headers = 1;
}

const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .framing = DIALECT_SSE,
    .auth_header = "x-api-key",
    .auth_prefix = "",
    .probe_path = "/models",
    .forward = dialect_anthropic_forward,
    .write = dialect_anthropic_write,
    .read_answer = read_answer,
    .read_event = read_event,
    .read_error = read_error,
};
