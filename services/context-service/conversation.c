#include "conversation.h"

#include <assert.h>
#include <string.h>

#define TOOL_GROUPS 8 /* one group in so many has a call: there is a task */

static bool has_text(const struct json_value *v, struct str text)
{
    return json_is(v, JSON_STRING) && v->raw.len == text.len + 2 &&
           memcmp(v->raw.data + 1, text.data, text.len) == 0;
}

static enum conversation_role openai_role(const struct json_value *message)
{
    static const struct {
        struct str text;
        enum conversation_role role;
    } roles[] = {
        {STR_INIT("system"), ROLE_SYSTEM}, {STR_INIT("developer"), ROLE_SYSTEM},
        {STR_INIT("user"), ROLE_USER},     {STR_INIT("assistant"), ROLE_ASSISTANT},
        {STR_INIT("tool"), ROLE_TOOL},     {STR_INIT("function"), ROLE_TOOL},
    };
    const struct json_value *role = json_get(message, "role");

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (has_text(role, roles[i].text))
            return roles[i].role;
    return ROLE_UNKNOWN;
}

static const struct json_value *id_at(const struct json_value *object, const char *key)
{
    const struct json_value *id = json_get(object, key);

    return json_is(id, JSON_STRING) ? id : NULL;
}

/* The next part with a text, `part` itself included; what stands for a picture is none. */
static const struct json_value *find_text(const struct json_value *part)
{
    for (; part; part = part->next) {
        const struct json_value *text = json_get(part, "text");
        if (json_is(text, JSON_STRING) && !str_has_prefix(text->raw, "\"" MARKER_IMAGE))
            break;
    }
    return part;
}

static bool take_part(struct conversation_output *o, const struct json_value *part)
{
    o->part = find_text(part);
    if (o->part)
        o->text = json_get(o->part, "text");
    return o->part != NULL;
}

/* A string or a list of parts. */
static bool next_text(const struct json_value *content, struct conversation_output *o)
{
    if (o->text && !o->part)
        return false;
    if (json_is(content, JSON_STRING)) {
        o->text = content;
        return true;
    }
    if (o->part)
        return take_part(o, o->part->next);
    return json_is(content, JSON_ARRAY) && take_part(o, content->child);
}

static bool openai_next_output(const struct json_value *message, struct conversation_output *o)
{
    o->call = id_at(message, "tool_call_id");
    return next_text(json_get(message, "content"), o);
}

static bool ends_type(const struct json_value *type, const char *end)
{
    size_t len = strlen(end);

    return type->raw.len > len + 2 &&
           memcmp(type->raw.data + type->raw.len - 1 - len, end, len) == 0;
}

/* Items of the Responses API: messages, what the model did, and what came of it. */
static enum conversation_role responses_role(const struct json_value *item)
{
    const struct json_value *type = json_get(item, "type");

    if (!json_is(type, JSON_STRING) || has_text(type, STR("message"))) {
        enum conversation_role role = openai_role(item);
        return role == ROLE_TOOL ? ROLE_UNKNOWN : role;
    }
    if (has_text(type, STR("item_reference"))) /* nobody here knows what it says */
        return ROLE_UNKNOWN;
    if (has_text(type, STR("compaction")))
        return ROLE_SYSTEM;
    return ends_type(type, "_output") || ends_type(type, "_response") ? ROLE_TOOL : ROLE_ASSISTANT;
}

/* A thought belongs to what it led to, and calls that are made together have their results
 * together.
 */
static bool responses_is_step(const struct json_value *item)
{
    return responses_role(item) == ROLE_ASSISTANT && !json_get(item, "role");
}

static bool responses_next_output(const struct json_value *item, struct conversation_output *o)
{
    o->call = id_at(item, "call_id");
    return next_text(json_get(item, "output"), o);
}

static bool is_result(const struct json_value *block)
{
    return has_text(json_get(block, "type"), STR("tool_result"));
}

/* The user's messages bring the results of tools; a system prompt may be among the messages. */
static enum conversation_role anthropic_role(const struct json_value *message)
{
    enum conversation_role role = openai_role(message);
    const struct json_value *content = json_get(message, "content");

    if (role == ROLE_TOOL)
        return ROLE_UNKNOWN;
    if (role != ROLE_USER || !json_is(content, JSON_ARRAY))
        return role;
    for (const struct json_value *block = content->child; block; block = block->next)
        if (is_result(block))
            return ROLE_TOOL;
    return role;
}

/* The content of each tool_result is a string or a list of parts. */
static bool anthropic_next_output(const struct json_value *message, struct conversation_output *o)
{
    if (o->part && take_part(o, o->part->next))
        return true;

    const struct json_value *block =
        o->block ? o->block->next : json_get(message, "content")->child;
    for (; block; block = block->next) {
        const struct json_value *content = is_result(block) ? json_get(block, "content") : NULL;
        o->block = block;
        o->call = id_at(block, "tool_use_id");
        if (json_is(content, JSON_ARRAY) && take_part(o, content->child))
            return true;
        if (json_is(content, JSON_STRING)) {
            o->part = NULL;
            o->text = content;
            return true;
        }
    }
    return false;
}

static const struct conversation_dialect dialects[] = {
    {"openai", false, openai_role, NULL, openai_next_output},
    {"responses", false, responses_role, responses_is_step, responses_next_output},
    {"anthropic", true, anthropic_role, NULL, anthropic_next_output},
};

const struct conversation_dialect *conversation_find_dialect(struct str name)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
        if (str_is(name, dialects[i].name))
            return &dialects[i];
    return NULL;
}

/* Results stay with whatever precedes them, so that dropping never makes an orphan. */
static bool belongs_to_last(const struct conversation *c, enum conversation_role role)
{
    if (c->n == 0)
        return false;
    return role == ROLE_TOOL ||
           (c->dialect->is_step && c->dialect->is_step(c->message[c->n - 1].json));
}

/* False when its role is unknown. */
static bool add_message(struct conversation *c, const struct json_value *json)
{
    struct conversation_message *m = &c->message[c->n];
    struct conversation_group *g = c->n_groups ? &c->group[c->n_groups - 1] : NULL;

    *m = (struct conversation_message){.original = json, .json = json};
    m->role = c->dialect->role(json);
    if (m->role == ROLE_UNKNOWN)
        return false;
    m->tokens = m->tokens_before = counter_message(c->counter, json);
    if (!g || !belongs_to_last(c, m->role)) {
        g = &c->group[c->n_groups++];
        *g = (struct conversation_group){.first = c->n, .role = m->role};
    }
    g->n++;
    g->tokens += m->tokens;
    c->tokens += m->tokens;
    c->n++;
    return true;
}

enum conversation_result conversation_init(struct conversation *c, struct arena *a,
                                           const struct conversation_dialect *dialect,
                                           struct counter *counter,
                                           const struct json_value *messages)
{
    if (!json_is(messages, JSON_ARRAY) || !messages->child)
        return CONVERSATION_INVALID;

    *c = (struct conversation){.dialect = dialect,
                               .arena = a,
                               .counter = counter,
                               .tokens = counter_overhead(counter),
                               .summary = STR_EMPTY};
    c->message = arena_alloc(a, messages->n_children * sizeof(*c->message));
    c->group = arena_alloc(a, messages->n_children * sizeof(*c->group));
    if (!c->message || !c->group)
        return CONVERSATION_TOO_BIG;
    for (const struct json_value *m = messages->child; m; m = m->next)
        if (!add_message(c, m))
            return CONVERSATION_INVALID;
    return CONVERSATION_OK;
}

bool conversation_omit(struct conversation *c, const struct conversation_omitted *o)
{
    if (c->n_omitted == c->omitted_cap) {
        size_t cap = c->omitted_cap ? 2 * c->omitted_cap : 16;
        struct conversation_omitted *more = arena_alloc(c->arena, cap * sizeof(*more));
        if (!more)
            return false;
        if (c->n_omitted > 0)
            memcpy(more, c->omitted, c->n_omitted * sizeof(*more));
        c->omitted = more;
        c->omitted_cap = cap;
    }
    c->omitted[c->n_omitted++] = *o;
    return true;
}

void conversation_drop(struct conversation *c, struct conversation_group *g)
{
    g->is_dropped = true;
    c->tokens -= g->tokens;
}

struct str conversation_respell(const struct conversation *c, struct arena *a,
                                const struct json_value *message, conversation_rewrite_fn fn,
                                void *arg)
{
    struct conversation_output o = {.text = NULL};
    const char *from = message->raw.data, *end = from + message->raw.len;
    char *text = NULL;
    size_t len = 0;

    while (c->dialect->next_output(message, &o)) {
        struct str new = fn(arg, &o);
        if (new.data == o.text->raw.data)
            continue;
        assert(new.len <= o.text->raw.len);
        if (!text)
            text = arena_alloc(a, message->raw.len);
        if (!text)
            return (struct str){NULL, 0};
        size_t kept = (size_t)(o.text->raw.data - from);
        memcpy(text + len, from, kept);
        memcpy(text + len + kept, new.data, new.len);
        len += kept + new.len;
        from = o.text->raw.data + o.text->raw.len;
    }
    if (!text)
        return STR_EMPTY;
    memcpy(text + len, from, (size_t)(end - from));
    return (struct str){text, len + (size_t)(end - from)};
}

bool conversation_replace(struct conversation *c, struct conversation_group *g, size_t i,
                          struct str text)
{
    struct conversation_message *m = &c->message[i];
    const struct json_value *json;
    size_t at;

    if (json_parse(c->arena, text, &json, &at) != JSON_OK) {
        c->is_full = true; /* what was put together from JSON is JSON: only the ceiling is left */
        return false;
    }
    uint64_t tokens = counter_message(c->counter, json);
    if (tokens >= m->tokens)
        return false;
    c->tokens -= m->tokens - tokens;
    g->tokens -= m->tokens - tokens;
    m->tokens = tokens;
    m->json = json;
    return true;
}

bool conversation_has_task(const struct conversation *c)
{
    size_t tools = 0;

    for (size_t g = 0; g < c->n_groups; g++)
        tools += c->group[g].n > 1;
    return tools > 0 && tools * TOOL_GROUPS >= c->n_groups;
}

bool conversation_rewrite(struct conversation *c, struct conversation_group *g, size_t i,
                          conversation_rewrite_fn fn, void *arg)
{
    size_t before = c->n_omitted;

    if (c->message[i].role != ROLE_TOOL)
        return false;
    struct str text = conversation_respell(c, c->arena, c->message[i].json, fn, arg);
    c->is_full |= !text.data;
    if (text.len > 0 && conversation_replace(c, g, i, text))
        return true;
    c->n_omitted = before;
    return false;
}

bool conversation_change(struct conversation *c, size_t end, uint64_t budget_tokens,
                         conversation_change_fn fn)
{
    bool changed = false;

    for (struct conversation_group *g = c->group; g < c->group + end; g++)
        for (size_t i = g->first; !g->is_pinned && !g->is_dropped && i < g->first + g->n; i++) {
            if (c->tokens <= budget_tokens)
                return changed;
            changed |= fn(c, g, i);
        }
    return changed;
}
