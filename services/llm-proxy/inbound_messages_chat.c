#include "inbound_messages.h"

#include "base/json.h"
#include "request_table.h"

static const char *read_max_tokens(struct request_table *r, void *to)
{
    int64_t *max_tokens = to;

    if (!json_int(r->value, max_tokens) || *max_tokens < 1)
        return "It must be a whole number from 1: only Anthropic fills a cache and says nothing.";
    return NULL;
}

static const char *read_stops(struct request_table *r, void *to)
{
    struct chat *c = r->chat;

    (void)to;
    if (!json_is(r->value, JSON_ARRAY) || r->value->n_children > CHAT_MAX_STOPS)
        return "It must be an array of at most 16 strings.";
    for (const struct json_value *v = r->value->child; v; v = v->next)
        if (!json_string(v, r->arena, &c->stops[c->n_stops++]))
            return "It must be an array of strings.";
    return NULL;
}

static const char *foreign(struct request_table *r, const struct json_value *v)
{
    const char *text = arena_printf(r->arena, "This model's provider knows no '%.*s' in it.",
                                    (int)(v->key.len < 64 ? v->key.len : 64), v->key.data);

    return text ? text : "";
}

/* ---- thinking and the answer's shape ---- */

static const char *read_thinking(struct request_table *r, void *to)
{
    static const char *const known[] = {"type", "budget_tokens", "display", NULL};
    const struct json_value *other = inbound_messages_turns_find_foreign(r->value, known);
    int64_t *tokens = to;
    struct str type;

    if (!json_string(json_get(r->value, "type"), r->arena, &type))
        return "It must be an object with a 'type'.";
    if (other)
        return foreign(r, other);
    if (str_is(type, "adaptive")) /* as much as the model likes, or output_config says */
        return NULL;
    if (str_is(type, "disabled") || str_is(type, "between_tools")) {
        *tokens = 0;
        return NULL;
    }
    if (!str_is(type, "enabled") || !json_int(json_get(r->value, "budget_tokens"), tokens) ||
        *tokens < 1)
        return "Its 'type' must be adaptive, disabled, or enabled with 'budget_tokens'.";
    return NULL;
}

static const char *read_effort(struct request_table *r, const struct json_value *v)
{
    static const struct {
        const char *word, *effort;
    } words[] = {{"low", "low"},
                 {"medium", "medium"},
                 {"high", "high"},
                 {"xhigh", "xhigh"},
                 {"max", "xhigh"}};
    struct str text;

    if (json_string(v, r->arena, &text))
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (str_is(text, words[i].word)) {
                r->chat->effort = str_from(words[i].effort);
                return NULL;
            }
    return "Its 'effort' must be low, medium, high, xhigh or max.";
}

static const char *read_format(struct request_table *r, const struct json_value *v)
{
    const struct json_value *schema = json_get(v, "schema");
    struct chat *c = r->chat;
    struct str type;

    if (!json_string(json_get(v, "type"), r->arena, &type) || !str_is(type, "json_schema") ||
        !json_is(schema, JSON_OBJECT))
        return "A format must be a 'json_schema' with a 'schema'.";
    c->format = CHAT_FORMAT_SCHEMA;
    c->format_schema = schema->raw;
    c->is_format_strict = true; /* what this API promises */
    return NULL;
}

static const char *read_output_config(struct request_table *r, void *to)
{
    static const char *const known[] = {"effort", "format", NULL};
    const struct json_value *other = inbound_messages_turns_find_foreign(r->value, known);
    const struct json_value *effort = chat_request_field(r->value, "effort");
    const struct json_value *format = chat_request_field(r->value, "format");
    const char *wrong = NULL;

    (void)to;
    if (!json_is(r->value, JSON_OBJECT))
        return "It must be an object.";
    if (other)
        return foreign(r, other);
    if (effort)
        wrong = read_effort(r, effort);
    if (!wrong && format)
        wrong = read_format(r, format);
    return wrong;
}

static const char *read_output_format(struct request_table *r, void *to)
{
    (void)to;
    return read_format(r, r->value);
}

/* ---- tools ---- */

static bool is_direct(const struct json_value *callers)
{
    for (const struct json_value *v = callers ? callers->child : NULL; v; v = v->next)
        if (!str_is(v->raw, "\"direct\""))
            return false;
    return true;
}

static const char *read_tool(struct request_table *r, struct chat_tool *t)
{
    static const char *const known[] = {
        "type",   "name",          "description",     "input_schema",
        "strict", "cache_control", "allowed_callers", "eager_input_streaming",
        NULL};
    const struct json_value *v = r->value, *type = chat_request_field(v, "type");
    const struct json_value *schema = json_get(v, "input_schema");
    const struct json_value *mark = json_get(v, "cache_control");
    const struct json_value *other = inbound_messages_turns_find_foreign(v, known);

    if (type && !str_is(type->raw, "\"custom\""))
        return "Only tools of the caller's own, of type custom, can be carried to this model's "
               "provider.";
    if (!json_string(json_get(v, "name"), r->arena, &t->name) || t->name.len == 0 ||
        !json_is(schema, JSON_OBJECT))
        return "Each tool must have a 'name' and an 'input_schema'.";
    if (other)
        return foreign(r, other);
    if (!is_direct(json_get(v, "allowed_callers")))
        return "This model's provider knows no 'allowed_callers' but direct.";
    t->schema = schema->raw;
    if (!json_string(json_get(v, "description"), r->arena, &t->description))
        t->description = STR_EMPTY;
    if (!json_bool(json_get(v, "strict"), &t->is_strict))
        t->is_strict = false;
    if (json_is(mark, JSON_OBJECT))
        t->cache_control = mark->raw;
    return NULL;
}

static const char *read_tools(struct request_table *r, void *to)
{
    (void)to;
    return request_table_tools(r, read_tool);
}

static const char *read_tool_choice(struct request_table *r, void *to)
{
    static const char *const known[] = {"type", "name", "disable_parallel_tool_use", NULL};
    static const struct {
        const char *text;
        enum chat_tool_choice choice;
    } words[] = {{"auto", CHAT_CHOICE_AUTO},
                 {"none", CHAT_CHOICE_NONE},
                 {"any", CHAT_CHOICE_ANY},
                 {"tool", CHAT_CHOICE_NAMED}};
    const struct json_value *other = inbound_messages_turns_find_foreign(r->value, known);
    struct chat *c = r->chat;
    struct str type = STR_EMPTY;
    bool is_single;

    (void)to;
    if (!json_string(json_get(r->value, "type"), r->arena, &type))
        return "It must be an object with a 'type'.";
    if (other)
        return foreign(r, other);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_is(type, words[i].text))
            c->tool_choice = words[i].choice;
    if (c->tool_choice == CHAT_CHOICE_UNSET)
        return "Its 'type' must be auto, any, tool or none.";
    if (c->tool_choice == CHAT_CHOICE_NAMED &&
        !json_string(json_get(r->value, "name"), r->arena, &c->tool_choice_name))
        return "A choice of one tool must have its 'name'.";
    if (json_bool(json_get(r->value, "disable_parallel_tool_use"), &is_single))
        c->parallel_tool_calls = is_single ? CHAT_NO : CHAT_YES;
    return NULL;
}

/* ---- the rest ---- */

static const char *read_metadata(struct request_table *r, void *to)
{
    static const char *const known[] = {"user_id", NULL};
    const struct json_value *user = chat_request_field(r->value, "user_id");
    const struct json_value *other = inbound_messages_turns_find_foreign(r->value, known);

    if (!json_is(r->value, JSON_OBJECT) || (user && !json_string(user, r->arena, to)))
        return "It must be an object with a string 'user_id'.";
    return other ? foreign(r, other) : NULL;
}

static const char *read_service_tier(struct request_table *r, void *to)
{
    struct str *tier = to;

    if (!json_string(r->value, r->arena, tier) ||
        (!str_is(*tier, "auto") && !str_is(*tier, "standard_only")))
        return "It must be auto or standard_only.";
    if (str_is(*tier, "standard_only"))
        *tier = STR("default");
    return NULL;
}

static const char *read_speed(struct request_table *r, void *to)
{
    (void)to;
    return str_is(r->value->raw, "\"standard\"")
               ? NULL
               : "This model's provider has no other than standard.";
}

/* To forget old thoughts is no loss where none are sent. */
static const char *read_context_management(struct request_table *r, void *to)
{
    static const char *const known[] = {"edits", NULL};
    const struct json_value *edits = json_get(r->value, "edits");
    const struct json_value *other = inbound_messages_turns_find_foreign(r->value, known);

    (void)to;
    if (other)
        return foreign(r, other);
    for (const struct json_value *e = edits ? edits->child : NULL; e; e = e->next) {
        const struct json_value *type = json_get(e, "type");
        if (!type || !str_has_prefix(type->raw, "\"clear_thinking_"))
            return "This model's provider can only forget thinking.";
    }
    return NULL;
}

#define TO(member) REQUEST_TABLE_TO(member)

/* Every field that can be carried over; any other is refused by name. */
static const struct request_table_row fields[] = {
    {"model", request_table_harmless, 0},
    {"messages", request_table_harmless, 0}, /* read with the system prompt */
    {"system", request_table_harmless, 0},
    {"stream", request_table_bool, TO(is_stream)},
    {"max_tokens", read_max_tokens, TO(max_tokens)},
    {"temperature", request_table_number, TO(temperature)},
    {"top_p", request_table_number, TO(top_p)},
    {"top_k", request_table_number, TO(top_k)},
    {"stop_sequences", read_stops, 0},
    {"tools", read_tools, 0},
    {"tool_choice", read_tool_choice, 0},
    {"thinking", read_thinking, TO(thinking_tokens)},
    {"output_config", read_output_config, 0},
    {"output_format", read_output_format, 0}, /* its name while it was new */
    {"metadata", read_metadata, TO(user)},
    {"service_tier", read_service_tier, TO(service_tier)},
    {"speed", read_speed, 0},
    {"context_management", read_context_management, 0},
    {"cache_control", request_table_harmless, 0}, /* the last block may be cached: a hint */
};

bool inbound_messages_chat_read(struct arena *a, const struct json_value *root, struct chat *ret,
                                struct inbound_fault *reterr)
{
    struct request_table r = {.arena = a, .chat = ret, .fault = reterr};

    *ret = (struct chat){.n = 1, .thinking_tokens = -1, .wants_usage = true};
    if (!request_table_read(&r, root, fields, sizeof(fields) / sizeof(fields[0]),
                            "This model's provider has no such field."))
        return false;
    if (ret->thinking_tokens == 0) /* an effort is then of the answer, which others do not have */
        ret->effort = STR_EMPTY;
    return inbound_messages_turns_read(a, root, ret, reterr);
}
