#include "dialect_bedrock.h"

#include "base/json.h"

/* In dialect_stream.tool_of, which holds the index of each call's block. */
#define HAS_ARGUMENTS 0x8000u

static int64_t count_at(const struct json_value *usage, const char *key)
{
    int64_t n = 0;

    return json_int(json_get(usage, key), &n) && n > 0 ? n : 0;
}

/* inputTokens is without what the cache read or wrote. */
static void read_usage(const struct json_value *usage, struct chat_events *ret)
{
    if (!json_is(usage, JSON_OBJECT))
        return;
    struct chat_usage u = {
        .output = count_at(usage, "outputTokens"),
        .cached = count_at(usage, "cacheReadInputTokens"),
        .cache_write = count_at(usage, "cacheWriteInputTokens"),
    };
    u.input = count_at(usage, "inputTokens") + u.cached + u.cache_write;
    chat_event_add(ret, CHAT_USAGE)->usage = u;
}

static void add_tool_call(struct chat_events *ret, uint32_t tool, const struct json_value *use)
{
    struct chat_event *e = chat_event_add(ret, CHAT_TOOL_CALL);

    e->tool = tool;
    e->id = json_text(json_get(use, "toolUseId"), ret->arena);
    e->name = json_text(json_get(use, "name"), ret->arena);
}

/* False for an answer that the model spoilt: another try may do better. */
static bool read_finish(const struct json_value *from, struct chat_events *ret)
{
    static const struct {
        const char *reason;
        enum chat_finish finish;
    } table[] = {
        {"max_tokens", CHAT_FINISH_LENGTH},
        {"model_context_window_exceeded", CHAT_FINISH_LENGTH},
        {"tool_use", CHAT_FINISH_TOOL_CALLS},
        {"guardrail_intervened", CHAT_FINISH_FILTER},
        {"content_filtered", CHAT_FINISH_FILTER},
    };
    struct str reason = json_text(json_get(from, "stopReason"), ret->arena);

    if (reason.len == 0 || str_has_prefix(reason, "malformed_"))
        return false;
    struct chat_event *e = chat_event_add(ret, CHAT_FINISH);
    e->finish = CHAT_FINISH_STOP;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (str_is(reason, table[i].reason))
            e->finish = table[i].finish;
    if (str_is(reason, "stop_sequence"))
        e->text =
            json_text(json_at(from, "additionalModelResponseFields.stop_sequence"), ret->arena);
    return true;
}

/* ---- whole answers ---- */

static void read_reasoning(const struct json_value *reasoning, struct chat_events *ret)
{
    chat_event_add_string(ret, CHAT_THINKING, json_at(reasoning, "reasoningText.text"));
    chat_event_add_string(ret, CHAT_SIGNATURE, json_at(reasoning, "reasoningText.signature"));
    chat_event_add_string(ret, CHAT_REDACTED, json_get(reasoning, "redactedContent"));
}

static void read_cited(const struct json_value *content, struct chat_events *ret)
{
    for (const struct json_value *c = content ? content->child : NULL; c; c = c->next)
        chat_event_add_string(ret, CHAT_TEXT, json_get(c, "text"));
}

static bool read_block(const struct json_value *block, uint32_t *n_tools, struct chat_events *ret)
{
    const struct json_value *use = json_get(block, "toolUse");

    chat_event_add_string(ret, CHAT_TEXT, json_get(block, "text"));
    read_reasoning(json_get(block, "reasoningContent"), ret);
    read_cited(json_at(block, "citationsContent.content"), ret);
    if (!use)
        return true;
    if (*n_tools >= CHAT_MAX_TOOLS)
        return false;
    const struct json_value *input = json_get(use, "input");
    add_tool_call(ret, *n_tools, use);
    chat_event_add_arguments(ret, *n_tools, json_is(input, JSON_OBJECT) ? input->raw : STR("{}"));
    ++*n_tools;
    return true;
}

static bool read_answer(struct str body, struct chat_events *ret)
{
    const struct json_value *root, *content;
    uint32_t n_tools = 0;
    size_t offset;

    if (json_parse(ret->arena, body, &root, &offset) != JSON_OK)
        return false;
    content = json_at(root, "output.message.content");
    if (!json_is(content, JSON_ARRAY))
        return false;
    chat_event_add(ret, CHAT_START);
    for (const struct json_value *b = content->child; b; b = b->next)
        if (!read_block(b, &n_tools, ret))
            return false;
    if (!read_finish(root, ret))
        return false;
    read_usage(json_get(root, "usage"), ret);
    chat_event_add(ret, CHAT_DONE);
    return true;
}

/* ---- streams ---- */

static bool read_index(const struct json_value *root, uint32_t *ret)
{
    int64_t index;

    if (!json_int(json_get(root, "contentBlockIndex"), &index) || index < 0 ||
        index >= HAS_ARGUMENTS)
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

static bool read_message_start(struct dialect_stream *s, const struct json_value *root,
                               struct chat_events *ret)
{
    (void)root;
    if (!s->has_started)
        chat_event_add(ret, CHAT_START);
    s->has_started = true;
    return true;
}

static bool read_block_start(struct dialect_stream *s, const struct json_value *root,
                             struct chat_events *ret)
{
    const struct json_value *use = json_at(root, "start.toolUse");
    uint32_t index;

    if (!read_index(root, &index))
        return false;
    if (!use)
        return true;
    if (s->n_tools >= CHAT_MAX_TOOLS)
        return false;
    s->tool_of[s->n_tools] = (uint16_t)index;
    add_tool_call(ret, s->n_tools++, use);
    return true;
}

static bool read_block_delta(struct dialect_stream *s, const struct json_value *root,
                             struct chat_events *ret)
{
    const struct json_value *delta = json_get(root, "delta");
    const struct json_value *reasoning = json_get(delta, "reasoningContent");
    struct str input = json_text(json_at(delta, "toolUse.input"), ret->arena);
    uint32_t index;

    if (!read_index(root, &index))
        return false;
    chat_event_add_string(ret, CHAT_TEXT, json_get(delta, "text"));
    chat_event_add_string(ret, CHAT_THINKING, json_get(reasoning, "text"));
    chat_event_add_string(ret, CHAT_SIGNATURE, json_get(reasoning, "signature"));
    chat_event_add_string(ret, CHAT_REDACTED, json_get(reasoning, "redactedContent"));
    uint16_t *tool = input.len > 0 ? find_tool(s, index) : NULL;
    if (tool) {
        chat_event_add_arguments(ret, (uint32_t)(tool - s->tool_of), input);
        *tool |= HAS_ARGUMENTS;
    }
    return true;
}

/* A call without arguments is one with an empty object. */
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

static bool read_message_stop(struct dialect_stream *s, const struct json_value *root,
                              struct chat_events *ret)
{
    (void)s;
    return read_finish(root, ret);
}

/* The last one: what it cost. */
static bool read_metadata(struct dialect_stream *s, const struct json_value *root,
                          struct chat_events *ret)
{
    (void)s;
    read_usage(json_get(root, "usage"), ret);
    chat_event_add(ret, CHAT_DONE);
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct dialect_stream *s, const struct json_value *root, struct chat_events *ret);
} kinds[] = {
    {"messageStart", read_message_start},    {"contentBlockStart", read_block_start},
    {"contentBlockDelta", read_block_delta}, {"contentBlockStop", read_block_stop},
    {"messageStop", read_message_stop},      {"metadata", read_metadata},
};

static struct str message_of(struct arena *a, const struct json_value *root)
{
    struct str text;

    if (json_string(json_get(root, "message"), a, &text) ||
        json_string(json_get(root, "Message"), a, &text))
        return text;
    return STR_EMPTY;
}

static bool is_exception(struct str name)
{
    static const char mark[] = "Exception";
    size_t n = sizeof(mark) - 1;

    return name.len >= n && str_is((struct str){name.data + name.len - n, n}, mark);
}

static bool read_event(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret)
{
    const struct json_value *root;
    size_t offset;

    if (json_parse(ret->arena, data, &root, &offset) != JSON_OK || !json_is(root, JSON_OBJECT))
        return false;
    if (is_exception(name)) {
        chat_event_add_text(ret, CHAT_ERROR, message_of(ret->arena, root));
        return true;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (str_is(name, kinds[i].name))
            return (s->has_started || i == 0) && kinds[i].read(s, root, ret);
    return name.len > 0; /* kinds that may be added */
}

static struct str read_error(struct arena *a, struct str body)
{
    const struct json_value *root;
    size_t offset;

    if (json_parse(a, body, &root, &offset) != JSON_OK)
        return STR_EMPTY;
    return message_of(a, root);
}

/* No API here speaks this dialect, so nothing is ever forwarded. */
const struct dialect dialect_bedrock = {
    .name = "bedrock",
    .framing = DIALECT_EVENTSTREAM,
    .auth_header = "authorization", /* of a Bedrock API key; other credentials sign */
    .auth_prefix = "Bearer ",
    .probe_path = "/",
    .write = dialect_bedrock_write,
    .read_answer = read_answer,
    .read_event = read_event,
    .read_error = read_error,
};
