#include "dialect_openai.h"

#include "base/buf.h"
#include "base/json_edit.h"
#include "base/json_write.h"
#include "variant.h"

static int64_t count_at(const struct json_value *usage, const char *path)
{
    int64_t n = 0;

    return json_int(json_at(usage, path), &n) && n > 0 ? n : 0;
}

static bool is_count(const struct json_value *v)
{
    int64_t n;

    return json_int(v, &n) && n >= 0;
}

/* An explicit zero is zero; a missing or null object is no usage, nor is one whose numbers are
 * none. */
static bool is_usage(const struct json_value *usage)
{
    const struct json_value *output = json_get(usage, "completion_tokens");

    return json_is(usage, JSON_OBJECT) && is_count(json_get(usage, "prompt_tokens")) &&
           (!output || json_is(output, JSON_NULL) || is_count(output));
}

void dialect_openai_add_usage(const struct json_value *usage, struct chat_events *ret)
{
    if (!is_usage(usage))
        return;
    int64_t cached = count_at(usage, "prompt_tokens_details.cached_tokens");
    if (cached == 0) /* DeepSeek's name */
        cached = count_at(usage, "prompt_cache_hit_tokens");
    chat_event_add(ret, CHAT_USAGE)->usage = (struct chat_usage){
        .input = count_at(usage, "prompt_tokens"),
        .output = count_at(usage, "completion_tokens"),
        .cached = cached,
        .cache_write = count_at(usage, "prompt_tokens_details.cache_write_tokens"),
        .reasoning = count_at(usage, "completion_tokens_details.reasoning_tokens"),
    };
}

void dialect_openai_read_usage(const struct json_value *root, struct chat_events *ret)
{
    const struct json_value *usage = json_get(root, "usage");

    dialect_openai_add_usage(is_usage(usage) ? usage : json_at(root, "x_groq.usage"), ret);
}

uint32_t dialect_openai_index(const struct json_value *v, uint32_t max)
{
    int64_t index = 0;

    if (!json_int(json_get(v, "index"), &index) || index < 0 || index >= max)
        return 0;
    return (uint32_t)index;
}

static bool is_set(const struct json_value *v)
{
    return v && v->type != JSON_NULL;
}

static struct chat_event *add(struct chat_events *ret, enum chat_event_kind kind, uint32_t choice)
{
    struct chat_event *e = chat_event_add(ret, kind);

    e->choice = choice;
    return e;
}

static void add_text(struct chat_events *ret, enum chat_event_kind kind, uint32_t choice,
                     const struct json_value *v)
{
    struct str text = json_text(v, ret->arena);

    if (text.len > 0)
        add(ret, kind, choice)->text = text;
}

/* Mistral answers in parts. */
static void read_content(const struct json_value *content, uint32_t choice, struct chat_events *ret)
{
    if (!json_is(content, JSON_ARRAY)) {
        add_text(ret, CHAT_TEXT, choice, content);
        return;
    }
    for (const struct json_value *part = content->child; part; part = part->next) {
        const struct json_value *thinking = json_get(part, "thinking");
        if (json_is(thinking, JSON_ARRAY))
            for (const struct json_value *t = thinking->child; t; t = t->next)
                add_text(ret, CHAT_THINKING, choice, json_get(t, "text"));
        add_text(ret, CHAT_TEXT, choice, json_get(part, "text"));
    }
}

/* Where both the text and the signed blocks are given, the blocks say it all. */
static void read_thinking(const struct json_value *message, uint32_t choice,
                          struct chat_events *ret)
{
    const struct json_value *blocks = json_get(message, "thinking_blocks");

    if (!json_is(blocks, JSON_ARRAY)) {
        const struct json_value *plain = json_get(message, "reasoning_content");
        add_text(ret, CHAT_THINKING, choice,
                 is_set(plain) ? plain : json_get(message, "reasoning"));
        return;
    }
    for (const struct json_value *b = blocks->child; b; b = b->next) {
        add_text(ret, CHAT_THINKING, choice, json_get(b, "thinking"));
        add_text(ret, CHAT_SIGNATURE, choice, json_get(b, "signature"));
        add_text(ret, CHAT_REDACTED, choice, json_get(b, "data"));
    }
}

static void read_tool_call(const struct json_value *call, uint32_t position, uint32_t choice,
                           struct chat_events *ret)
{
    const struct json_value *function = json_get(call, "function");
    const struct json_value *name = json_get(function, "name");
    uint32_t tool = json_get(call, "index") ? dialect_openai_index(call, CHAT_MAX_TOOLS) : position;

    if (is_set(name) && json_text(name, ret->arena).len > 0) {
        struct chat_event *e = add(ret, CHAT_TOOL_CALL, choice);
        e->tool = tool;
        e->id = json_text(json_get(call, "id"), ret->arena);
        e->name = json_text(name, ret->arena);
        e->signature =
            json_text(json_at(call, "extra_content.google.thought_signature"), ret->arena);
    }
    struct str arguments = json_text(json_get(function, "arguments"), ret->arena);
    if (arguments.len > 0) {
        struct chat_event *e = add(ret, CHAT_ARGUMENTS, choice);
        e->tool = tool;
        e->text = arguments;
    }
}

enum chat_finish dialect_openai_finish(struct str reason)
{
    static const struct {
        const char *reason;
        enum chat_finish finish;
    } table[] = {
        {"length", CHAT_FINISH_LENGTH},
        {"tool_calls", CHAT_FINISH_TOOL_CALLS},
        {"function_call", CHAT_FINISH_TOOL_CALLS},
        {"content_filter", CHAT_FINISH_FILTER},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (str_is(reason, table[i].reason))
            return table[i].finish;
    return CHAT_FINISH_STOP;
}

static void read_message(const struct json_value *message, uint32_t choice, struct chat_events *ret)
{
    const struct json_value *calls = json_get(message, "tool_calls");
    uint32_t position = 0;

    if (is_set(json_get(message, "role")))
        add(ret, CHAT_START, choice);
    read_thinking(message, choice, ret);
    read_content(json_get(message, "content"), choice, ret);
    add_text(ret, CHAT_REFUSAL, choice, json_get(message, "refusal"));
    if (!json_is(calls, JSON_ARRAY))
        return;
    for (const struct json_value *c = calls->child; c && position < CHAT_MAX_TOOLS; c = c->next)
        read_tool_call(c, position++, choice, ret);
}

static void read_choice(const struct json_value *c, const char *message, struct chat_events *ret)
{
    uint32_t choice = dialect_openai_index(c, CHAT_MAX_CHOICES);
    const struct json_value *logprobs = json_get(c, "logprobs");
    const struct json_value *reason = json_get(c, "finish_reason");

    read_message(json_get(c, message), choice, ret);
    if (json_is(logprobs, JSON_OBJECT))
        add(ret, CHAT_LOGPROBS, choice)->text = logprobs->raw;
    if (is_set(reason))
        add(ret, CHAT_FINISH, choice)->finish =
            dialect_openai_finish(json_text(reason, ret->arena));
}

static void read_choices(const struct json_value *choices, const char *message,
                         struct chat_events *ret)
{
    for (const struct json_value *c = choices->child; c; c = c->next)
        read_choice(c, message, ret);
}

static struct str error_text(struct arena *a, const struct json_value *root)
{
    static const char *const places[] = {"error.message", "error", "message", "detail"};
    struct str text;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (json_string(json_at(root, places[i]), a, &text))
            return text;
    return STR_EMPTY;
}

bool dialect_openai_open(struct str data, const struct json_value **ret_root,
                         struct chat_events *ret)
{
    const struct json_value *root;
    size_t offset;

    *ret_root = NULL;
    if (str_is(data, "[DONE]")) {
        chat_event_add(ret, CHAT_DONE);
        return true;
    }
    if (json_parse(ret->arena, data, &root, &offset) != JSON_OK || !json_is(root, JSON_OBJECT))
        return false;
    if (is_set(json_get(root, "error")))
        chat_event_add_text(ret, CHAT_ERROR, error_text(ret->arena, root));
    else
        *ret_root = root;
    return true;
}

static bool read_event(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret)
{
    const struct json_value *root;

    (void)s, (void)name;
    if (!dialect_openai_open(data, &root, ret))
        return false;
    if (!root)
        return true;
    const struct json_value *choices = json_get(root, "choices");
    if (json_is(choices, JSON_ARRAY))
        read_choices(choices, "delta", ret);
    dialect_openai_read_usage(root, ret);
    return json_is(choices, JSON_ARRAY) || ret->first;
}

static bool read_answer(struct str body, struct chat_events *ret)
{
    const struct json_value *root;
    size_t offset;

    if (json_parse(ret->arena, body, &root, &offset) != JSON_OK || !json_is(root, JSON_OBJECT))
        return false;
    const struct json_value *choices = json_get(root, "choices");
    if (!json_is(choices, JSON_ARRAY) || choices->n_children == 0)
        return false;
    read_choices(choices, "message", ret);
    dialect_openai_read_usage(root, ret);
    chat_event_add(ret, CHAT_DONE);
    return true;
}

struct str dialect_openai_read_error(struct arena *a, struct str body)
{
    const struct json_value *root;
    size_t offset;

    if (json_parse(a, body, &root, &offset) != JSON_OK)
        return STR_EMPTY;
    return error_text(a, root);
}

/* Usage on every stream: it is what the books are made of. */
static void ask_for_usage(struct json_edit *edit, const struct json_value *root)
{
    const struct json_value *options = json_get(root, "stream_options");

    if (json_is(options, JSON_OBJECT))
        json_edit_set(edit, options, "include_usage", STR("true"), STR("\"include_usage\":true"));
    else
        json_edit_set(edit, root, "stream_options", STR("{\"include_usage\":true}"),
                      STR("\"stream_options\":{\"include_usage\":true}"));
}

static enum dialect_result splice(struct arena *a, const struct json_edit *edit,
                                  struct dialect_call *ret)
{
    if (2 * edit->n + 1 <= DIALECT_MAX_PIECES) {
        ret->n_body = json_edit_pieces(edit, ret->body);
        return DIALECT_OK;
    }
    CLEANUP(buf_done) struct buf whole;
    buf_init(&whole, json_edit_length(edit));
    bool is_written = json_edit_apply(edit, &whole) == BUF_OK;
    const char *copy = is_written ? arena_copy(a, buf_str(&whole)) : NULL;
    ret->body[0] = (struct str){copy, whole.len};
    ret->n_body = 1;
    return copy ? DIALECT_OK : DIALECT_FULL;
}

enum dialect_result dialect_openai_forward(struct arena *a, const struct dialect_request *r,
                                           struct dialect_call *ret)
{
    const struct variant *v = variant_of(r->provider);
    const struct chat_request *asked = r->asked;
    struct json_edit edit;

    json_edit_init(&edit, asked->body);
    if (!str_is(asked->model, r->model)) {
        struct str model = json_write_quoted(a, r->model);
        if (model.len == 0)
            return DIALECT_FULL;
        json_edit_replace(&edit, asked->model_value, model);
    }
    variant_edit(v, asked, &edit);
    if (asked->is_stream && !asked->wants_usage && !v->lacks_usage_option)
        ask_for_usage(&edit, asked->root);
    if (r->messages.len > 0)
        json_edit_replace(&edit, asked->messages, r->messages);
    ret->path = variant_path(a, r->provider, r->model, ret->path);
    return ret->path ? splice(a, &edit, ret) : DIALECT_FULL;
}

static enum dialect_result forward(struct arena *a, const struct dialect_request *r,
                                   struct dialect_call *ret)
{
    ret->path = "/chat/completions";
    return dialect_openai_forward(a, r, ret);
}

const struct dialect dialect_openai = {
    .name = "openai",
    .framing = DIALECT_SSE,
    .auth_header = "authorization",
    .auth_prefix = "Bearer ",
    .probe_path = "/models",
    .forward = forward,
    .write = dialect_openai_write,
    .read_answer = read_answer,
    .read_event = read_event,
    .read_error = dialect_openai_read_error,
};
