#include "base/json.h"
#include "inbound_chat.h"

/* The request while it is read, field by field. */
struct reading {
    struct arena *arena;
    struct chat *chat;
    const struct json_value *value;
    struct inbound_fault *fault;
};

/* NULL: read. "": the arena is full, or *fault says it all. Else a sentence. */
typedef const char *(*read_fn)(struct reading *r, void *to);

static const char *read_number(struct reading *r, void *to)
{
    double number;

    if (!json_number(r->value, &number))
        return "It must be a number.";
    *(struct str *)to = r->value->raw;
    return NULL;
}

static const char *read_text(struct reading *r, void *to)
{
    return json_string(r->value, r->arena, to) ? NULL : "It must be a string.";
}

static const char *read_bool(struct reading *r, void *to)
{
    return json_bool(r->value, to) ? NULL : "It must be true or false.";
}

static const char *read_count(struct reading *r, void *to)
{
    int64_t n;

    if (!json_int(r->value, &n) || n < 1)
        return "It must be a whole number from 1.";
    *(int64_t *)to = n;
    return NULL;
}

static const char *read_zero_or_more(struct reading *r, void *to)
{
    int64_t n;

    if (!json_int(r->value, &n) || n < 0)
        return "It must be a whole number from 0.";
    *(int64_t *)to = n;
    return NULL;
}

static const char *read_tristate(struct reading *r, void *to)
{
    bool is_yes;

    if (!json_bool(r->value, &is_yes))
        return "It must be true or false.";
    *(enum chat_tristate *)to = is_yes ? CHAT_YES : CHAT_NO;
    return NULL;
}

static const char *read_object(struct reading *r, void *to)
{
    if (!json_is(r->value, JSON_OBJECT))
        return "It must be an object.";
    *(struct str *)to = r->value->raw;
    return NULL;
}

static const char *read_messages(struct reading *r, void *to)
{
    return inbound_chat_messages_read(r->arena, r->value, to, r->fault) ? NULL : "";
}

static const char *read_stop(struct reading *r, void *to)
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

static bool read_tool(struct arena *a, const struct json_value *v, struct chat_tool *t)
{
    const struct json_value *function = json_get(v, "function");
    const struct json_value *schema = json_get(function, "parameters");
    const struct json_value *mark = json_get(v, "cache_control");
    struct str type;

    if (!json_string(json_get(v, "type"), a, &type) || !str_is(type, "function") ||
        !json_string(json_get(function, "name"), a, &t->name) || t->name.len == 0)
        return false;
    if (!json_string(json_get(function, "description"), a, &t->description))
        t->description = STR_EMPTY;
    if (json_is(schema, JSON_OBJECT))
        t->schema = schema->raw;
    if (json_is(mark, JSON_OBJECT))
        t->cache_control = mark->raw;
    if (!json_bool(json_get(function, "strict"), &t->is_strict))
        t->is_strict = false;
    return true;
}

static const char *read_tools(struct reading *r, void *to)
{
    struct chat_tool *last = NULL;

    (void)to;
    if (!json_is(r->value, JSON_ARRAY))
        return "It must be an array.";
    for (const struct json_value *v = r->value->child; v; v = v->next) {
        struct chat_tool *t = arena_alloc(r->arena, sizeof(*t));
        if (!t)
            return "";
        if (!read_tool(r->arena, v, t))
            return "Each tool must be a function with a 'name'.";
        if (last)
            last->next = t;
        else
            r->chat->tools = t;
        last = t;
    }
    return NULL;
}

static const char *read_tool_choice(struct reading *r, void *to)
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

static const char *read_format(struct reading *r, void *to)
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

static const char *read_effort(struct reading *r, void *to)
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
static const char *read_thinking(struct reading *r, void *to)
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

static const char *read_stream_options(struct reading *r, void *to)
{
    const struct json_value *usage = json_get(r->value, "include_usage");

    if (!json_bool(usage, to))
        *(bool *)to = false;
    return NULL;
}

static const char *take_as_harmless(struct reading *r, void *to)
{
    (void)r, (void)to;
    return NULL;
}

static const char *refuse_unless_text(struct reading *r, void *to)
{
    (void)to;
    for (const struct json_value *v = r->value->child; v; v = v->next)
        if (!str_is(v->raw, "\"text\""))
            return "Only text can be asked of this model's provider.";
    return NULL;
}

#define TO(member) offsetof(struct chat, member)

/* Every field there is; any other is refused by name. */
static const struct {
    const char *name;
    read_fn read;
    size_t to;
} fields[] = {
    {"model", take_as_harmless, 0},
    {"messages", read_messages, TO(messages)},
    {"stream", read_bool, TO(is_stream)},
    {"stream_options", read_stream_options, TO(wants_usage)},
    {"max_tokens", read_count, TO(max_tokens)},
    {"max_completion_tokens", read_count, TO(max_tokens)},
    {"temperature", read_number, TO(temperature)},
    {"top_p", read_number, TO(top_p)},
    {"top_k", read_number, TO(top_k)},
    {"min_p", read_number, TO(min_p)},
    {"seed", read_number, TO(seed)},
    {"frequency_penalty", read_number, TO(frequency_penalty)},
    {"presence_penalty", read_number, TO(presence_penalty)},
    {"repetition_penalty", read_number, TO(repetition_penalty)},
    {"stop", read_stop, 0},
    {"n", read_count, TO(n)},
    {"logprobs", read_bool, TO(wants_logprobs)},
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
    {"store", take_as_harmless, 0},
    {"metadata", take_as_harmless, 0},
    {"prompt_cache_key", take_as_harmless, 0},
    {"prompt_cache_retention", take_as_harmless, 0},
    {"prediction", take_as_harmless, 0},
};

/* Sets reterr unless the arena is full. */
static bool read_field(struct reading *r)
{
    const struct json_value *v = r->value;

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (!str_is(v->key, fields[i].name))
            continue;
        const char *wrong = fields[i].read(r, (char *)r->chat + fields[i].to);
        if (!wrong)
            return true;
        if (*wrong) {
            r->fault->param = fields[i].name;
            r->fault->message = arena_printf(r->arena, "'%s': %s", fields[i].name, wrong);
        }
        return false;
    }
    r->fault->param = arena_copy(r->arena, v->key);
    r->fault->message = arena_printf(
        r->arena, "'%.*s' cannot be carried over to this model's provider.", STR_ARG(v->key));
    return false;
}

bool inbound_chat_read(struct arena *a, const struct json_value *root, struct chat *ret,
                       struct inbound_fault *reterr)
{
    struct chat c = {.n = 1, .thinking_tokens = -1};
    struct reading r = {a, &c, NULL, reterr};

    *reterr = (struct inbound_fault){NULL, NULL};
    for (const struct json_value *v = root->child; v; v = v->next) {
        r.value = v;
        if (v->type != JSON_NULL && !read_field(&r))
            return false;
    }
    *ret = c;
    return true;
}
