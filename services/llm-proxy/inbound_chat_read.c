#include "base/json.h"
#include "inbound_chat.h"
#include "request_table.h"

static const char *read_text(struct request_table *r, void *to)
{
    return json_string(r->value, r->arena, to) ? NULL : "It must be a string.";
}

static const char *read_count(struct request_table *r, void *to)
{
    int64_t n;

    if (!json_int(r->value, &n) || n < 1)
        return "It must be a whole number from 1.";
    *(int64_t *)to = n;
    return NULL;
}

static const char *read_zero_or_more(struct request_table *r, void *to)
{
    int64_t n;

    if (!json_int(r->value, &n) || n < 0)
        return "It must be a whole number from 0.";
    *(int64_t *)to = n;
    return NULL;
}

static const char *read_tristate(struct request_table *r, void *to)
{
    bool is_yes;

    if (!json_bool(r->value, &is_yes))
        return "It must be true or false.";
    *(enum chat_tristate *)to = is_yes ? CHAT_YES : CHAT_NO;
    return NULL;
}

static const char *read_object(struct request_table *r, void *to)
{
    if (!json_is(r->value, JSON_OBJECT))
        return "It must be an object.";
    *(struct str *)to = r->value->raw;
    return NULL;
}

static const char *read_messages(struct request_table *r, void *to)
{
    return inbound_chat_messages_read(r->arena, r->value, to, r->fault) ? NULL : "";
}

static const char *read_stop(struct request_table *r, void *to)
{
    struct chat *c = r->chat;

    (void)to;
    if (json_is(r->value, JSON_STRING)) {
        c->n_stops = 1;
        return json_string(r->value, r->arena, &c->stops[0]) ? NULL : "";
    }
    if (!json_is(r->value, JSON_ARRAY) || r->value->n_children > CHAT_MAX_STOPS)
        return "It must be a string or an array of at most 16 strings.";
    for (const struct json_value *v = r->value->child; v; v = v->next)
        if (!json_string(v, r->arena, &c->stops[c->n_stops++]))
            return "It must be a string or an array of strings.";
    return NULL;
}

static const char *read_tool(struct request_table *r, struct chat_tool *t)
{
    const struct json_value *v = r->value, *function = json_get(v, "function");
    const struct json_value *schema = json_get(function, "parameters");
    const struct json_value *mark = json_get(v, "cache_control");
    struct str type;

    if (!json_string(json_get(v, "type"), r->arena, &type) || !str_is(type, "function") ||
        !json_string(json_get(function, "name"), r->arena, &t->name) || t->name.len == 0)
        return "Each tool must be a function with a 'name'.";
    if (!json_string(json_get(function, "description"), r->arena, &t->description))
        t->description = STR_EMPTY;
    if (json_is(schema, JSON_OBJECT))
        t->schema = schema->raw;
    if (json_is(mark, JSON_OBJECT))
        t->cache_control = mark->raw;
    if (!json_bool(json_get(function, "strict"), &t->is_strict))
        t->is_strict = false;
    return NULL;
}

static const char *read_tools(struct request_table *r, void *to)
{
    (void)to;
    return request_table_tools(r, read_tool);
}

static const char *read_tool_choice(struct request_table *r, void *to)
{
    static const struct {
        const char *text;
        enum chat_tool_choice choice;
    } words[] = {
        {"auto", CHAT_CHOICE_AUTO}, {"none", CHAT_CHOICE_NONE}, {"required", CHAT_CHOICE_ANY}};
    struct chat *c = r->chat;
    struct str text;

    (void)to;
    if (json_string(json_at(r->value, "function.name"), r->arena, &c->tool_choice_name)) {
        c->tool_choice = CHAT_CHOICE_NAMED;
        return NULL;
    }
    if (json_string(r->value, r->arena, &text))
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (str_is(text, words[i].text)) {
                c->tool_choice = words[i].choice;
                return NULL;
            }
    return "It must be auto, none, required or name a function.";
}

static const char *read_format(struct request_table *r, void *to)
{
    struct chat *c = r->chat;
    struct str type;
    const struct json_value *schema = json_at(r->value, "json_schema.schema");

    (void)to;
    if (!json_string(json_get(r->value, "type"), r->arena, &type))
        return "It must be an object with a 'type'.";
    if (str_is(type, "text"))
        return NULL;
    if (str_is(type, "json_object")) {
        c->format = CHAT_FORMAT_JSON;
        return NULL;
    }
    if (!str_is(type, "json_schema") || !json_is(schema, JSON_OBJECT))
        return "Its 'type' must be text, json_object or json_schema with a 'json_schema.schema'.";
    c->format = CHAT_FORMAT_SCHEMA;
    c->format_schema = schema->raw;
    if (!json_string(json_at(r->value, "json_schema.name"), r->arena, &c->format_name))
        c->format_name = STR_EMPTY;
    if (!json_bool(json_at(r->value, "json_schema.strict"), &c->is_format_strict))
        c->is_format_strict = false;
    return NULL;
}

static const char *read_effort(struct request_table *r, void *to)
{
    static const char *const words[] = {"none", "minimal", "low", "medium", "high", "xhigh"};
    struct str *effort = to;

    if (json_string(r->value, r->arena, effort))
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (str_is(*effort, words[i]))
                return NULL;
    return "It must be none, minimal, low, medium, high or xhigh.";
}

/* Anthropic's field, as LiteLLM's callers send it along. */
static const char *read_thinking(struct request_table *r, void *to)
{
    int64_t *tokens = to;
    struct str type;

    if (!json_string(json_get(r->value, "type"), r->arena, &type))
        return "It must be an object with a 'type'.";
    if (str_is(type, "disabled")) {
        *tokens = 0;
        return NULL;
    }
    if (!str_is(type, "enabled") || !json_int(json_get(r->value, "budget_tokens"), tokens) ||
        *tokens < 1)
        return "It must be disabled, or enabled with 'budget_tokens'.";
    return NULL;
}

static const char *read_stream_options(struct request_table *r, void *to)
{
    const struct json_value *usage = json_get(r->value, "include_usage");

    if (!json_bool(usage, to))
        *(bool *)to = false;
    return NULL;
}

static const char *refuse_unless_text(struct request_table *r, void *to)
{
    (void)to;
    for (const struct json_value *v = r->value->child; v; v = v->next)
        if (!str_is(v->raw, "\"text\""))
            return "Only text can be asked of this model's provider.";
    return NULL;
}

#define TO(member) REQUEST_TABLE_TO(member)

/* Every field there is; any other is refused by name. */
static const struct request_table_row fields[] = {
    {"model", request_table_harmless, 0},
    {"messages", read_messages, TO(messages)},
    {"stream", request_table_bool, TO(is_stream)},
    {"stream_options", read_stream_options, TO(wants_usage)},
    {"max_tokens", read_count, TO(max_tokens)},
    {"max_completion_tokens", read_count, TO(max_tokens)},
    {"temperature", request_table_number, TO(temperature)},
    {"top_p", request_table_number, TO(top_p)},
    {"top_k", request_table_number, TO(top_k)},
    {"min_p", request_table_number, TO(min_p)},
    {"seed", request_table_number, TO(seed)},
    {"frequency_penalty", request_table_number, TO(frequency_penalty)},
    {"presence_penalty", request_table_number, TO(presence_penalty)},
    {"repetition_penalty", request_table_number, TO(repetition_penalty)},
    {"stop", read_stop, 0},
    {"n", read_count, TO(n)},
    {"logprobs", request_table_bool, TO(wants_logprobs)},
    {"top_logprobs", read_zero_or_more, TO(top_logprobs)},
    {"logit_bias", read_object, TO(logit_bias)},
    {"tools", read_tools, 0},
    {"tool_choice", read_tool_choice, 0},
    {"parallel_tool_calls", read_tristate, TO(parallel_tool_calls)},
    {"response_format", read_format, 0},
    {"reasoning_effort", read_effort, TO(effort)},
    {"thinking", read_thinking, TO(thinking_tokens)},
    {"verbosity", read_text, TO(verbosity)},
    {"user", read_text, TO(user)},
    {"safety_identifier", read_text, TO(user)},
    {"service_tier", read_text, TO(service_tier)},
    {"modalities", refuse_unless_text, 0},
    /* hints and book-keeping of one provider: harmless to leave out */
    {"store", request_table_harmless, 0},
    {"metadata", request_table_harmless, 0},
    {"prompt_cache_key", request_table_harmless, 0},
    {"prompt_cache_retention", request_table_harmless, 0},
    {"prediction", request_table_harmless, 0},
};

bool inbound_chat_read(struct arena *a, const struct json_value *root, struct chat *ret,
                       struct inbound_fault *reterr)
{
    struct request_table r = {.arena = a, .chat = ret, .fault = reterr};

    *ret = (struct chat){.n = 1, .thinking_tokens = -1};
    return request_table_read(&r, root, fields, sizeof(fields) / sizeof(fields[0]),
                              "It cannot be carried over to this model's provider.");
}
