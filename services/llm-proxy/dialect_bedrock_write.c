#include "dialect_bedrock.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "dialect_anthropic.h"

#include <ctype.h>
#include <string.h>

#define MAX_BODY (64u << 20)

struct request {
    struct json_write w;
    struct arena *arena;
    const struct dialect_request *asked;
    const struct chat *chat;
    enum dialect_bedrock_family family;
    struct dialect_anthropic_thinking thinking; /* of Claude */
};

/* By the model's id; `ret_name` is what follows the maker's name in it:
 * "us.anthropic.claude-…-v1:0", "amazon.nova-…", "openai.gpt-oss-…", also at the end of an ARN. */
static enum dialect_bedrock_family family_of(const char *model, struct str *ret_name)
{
    static const struct {
        const char *maker;
        enum dialect_bedrock_family family;
    } table[] = {
        {"anthropic.", BEDROCK_CLAUDE}, {"amazon.nova", BEDROCK_NOVA}, {"openai.gpt", BEDROCK_GPT}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *found = strstr(model, table[i].maker);
        if (found) {
            *ret_name = str_from(strchr(found, '.') + 1);
            return table[i].family;
        }
    }
    *ret_name = STR_EMPTY;
    return BEDROCK_OTHER;
}

/* ---- what cannot be said ---- */

static bool is_at_most(struct str number, double most)
{
    double d;

    return number.len == 0 || (parse_double(number, &d) && d <= most);
}

static bool is_exactly(struct str number, double value)
{
    double d;

    return number.len == 0 || (parse_double(number, &d) && d == value);
}

static bool is_tier(struct str tier)
{
    return tier.len == 0 || str_is(tier, "auto") || str_is(tier, "default") ||
           str_is(tier, "flex") || str_is(tier, "priority");
}

static bool has_tool_parts(const struct chat *c)
{
    for (const struct chat_message *m = c->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == CHAT_PART_TOOL_CALL || p->kind == CHAT_PART_TOOL_RESULT)
                return true;
    return false;
}

static bool can_think(const struct request *q)
{
    return q->family != BEDROCK_OTHER || chat_thinking_tokens(q->chat) <= 0;
}

static enum chat_feature find_foreign(const struct request *q)
{
    const struct chat *c = q->chat;
    bool is_claude = q->family == BEDROCK_CLAUDE;
    const struct {
        bool is_asked;
        enum chat_feature feature;
    } table[] = {
        {c->n > 1, CHAT_FEATURE_N},
        {c->wants_logprobs, CHAT_FEATURE_LOGPROBS},
        {c->logit_bias.len > 0, CHAT_FEATURE_LOGIT_BIAS},
        {!is_at_most(c->temperature, 1), CHAT_FEATURE_TEMPERATURE},
        {c->top_k.len > 0 && !is_claude && q->family != BEDROCK_NOVA, CHAT_FEATURE_TOP_K},
        {c->min_p.len > 0, CHAT_FEATURE_MIN_P},
        {c->seed.len > 0, CHAT_FEATURE_SEED},
        {!is_exactly(c->frequency_penalty, 0), CHAT_FEATURE_FREQUENCY_PENALTY},
        {!is_exactly(c->presence_penalty, 0), CHAT_FEATURE_PRESENCE_PENALTY},
        {!is_exactly(c->repetition_penalty, 1), CHAT_FEATURE_REPETITION_PENALTY},
        {c->tool_choice == CHAT_CHOICE_NONE && has_tool_parts(c), CHAT_FEATURE_TOOL_CHOICE},
        {c->parallel_tool_calls == CHAT_NO && !is_claude, CHAT_FEATURE_PARALLEL_TOOL_CALLS},
        {c->format == CHAT_FORMAT_JSON, CHAT_FEATURE_FORMAT},
        {!can_think(q), CHAT_FEATURE_REASONING},
        {c->verbosity.len > 0 && !str_is(c->verbosity, "medium"), CHAT_FEATURE_VERBOSITY},
        {!is_tier(c->service_tier), CHAT_FEATURE_SERVICE_TIER},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].is_asked)
            return table[i].feature;
    return dialect_bedrock_turns_cannot(c);
}

/* ---- members ---- */

static void write_inference(struct request *q)
{
    const struct chat *c = q->chat;
    struct json_write *w = &q->w;

    if (c->max_tokens == 0 && c->temperature.len == 0 && c->top_p.len == 0 && c->n_stops == 0)
        return;
    json_write_key(w, "inferenceConfig");
    json_write_begin(w, '{');
    if (c->max_tokens > 0)
        json_write_member_int(w, "maxTokens", c->max_tokens);
    json_write_optional_raw(w, "temperature", c->temperature);
    json_write_optional_raw(w, "topP", c->top_p);
    if (c->n_stops > 0) {
        json_write_key(w, "stopSequences");
        json_write_begin(w, '[');
        for (size_t i = 0; i < c->n_stops; i++)
            json_write_str(w, c->stops[i]);
        json_write_end(w, ']');
    }
    json_write_end(w, '}');
}

static void write_tool(struct request *q, const struct chat_tool *t)
{
    struct json_write *w = &q->w;

    json_write_begin(w, '{');
    json_write_key(w, "toolSpec");
    json_write_begin(w, '{');
    json_write_member_str(w, "name", t->name);
    if (t->description.len > 0)
        json_write_member_str(w, "description", t->description);
    json_write_key(w, "inputSchema");
    json_write_begin(w, '{');
    json_write_key(w, "json");
    json_write_raw(w,
                   t->schema.len > 0 ? t->schema : STR("{\"type\":\"object\",\"properties\":{}}"));
    json_write_end(w, '}');
    if (t->is_strict)
        json_write_member_bool(w, "strict", true);
    json_write_end(w, '}');
    json_write_end(w, '}');
    dialect_bedrock_turns_mark(w, q->arena, t->cache_control, q->family);
}

static void write_tool_choice(struct request *q)
{
    static const char *const words[] = {
        [CHAT_CHOICE_AUTO] = "auto", [CHAT_CHOICE_ANY] = "any", [CHAT_CHOICE_NAMED] = "tool"};
    const struct chat *c = q->chat;

    if (c->tool_choice == CHAT_CHOICE_UNSET)
        return;
    json_write_key(&q->w, "toolChoice");
    json_write_begin(&q->w, '{');
    json_write_key(&q->w, words[c->tool_choice]);
    json_write_begin(&q->w, '{');
    if (c->tool_choice == CHAT_CHOICE_NAMED)
        json_write_member_str(&q->w, "name", c->tool_choice_name);
    json_write_end(&q->w, '}');
    json_write_end(&q->w, '}');
}

/* The choice of no tool: none are shown. */
static void write_tools(struct request *q)
{
    if (!q->chat->tools || q->chat->tool_choice == CHAT_CHOICE_NONE)
        return;
    json_write_key(&q->w, "toolConfig");
    json_write_begin(&q->w, '{');
    json_write_key(&q->w, "tools");
    json_write_begin(&q->w, '[');
    for (const struct chat_tool *t = q->chat->tools; t; t = t->next)
        write_tool(q, t);
    json_write_end(&q->w, ']');
    write_tool_choice(q);
    json_write_end(&q->w, '}');
}

/* The schema goes as text. */
static void write_format(struct request *q)
{
    static const char *const path[] = {"textFormat", "structure", "jsonSchema"};
    const struct chat *c = q->chat;
    struct json_write *w = &q->w;

    if (c->format != CHAT_FORMAT_SCHEMA)
        return;
    json_write_key(w, path[0]);
    json_write_begin(w, '{');
    json_write_member(w, "type", "json_schema");
    json_write_key(w, path[1]);
    json_write_begin(w, '{');
    json_write_key(w, path[2]);
    json_write_begin(w, '{');
    if (c->format_name.len > 0)
        json_write_member_str(w, "name", c->format_name);
    json_write_member_str(w, "schema", c->format_schema);
    for (int i = 0; i < 3; i++)
        json_write_end(w, '}');
}

static void write_output(struct request *q)
{
    bool has_effort = q->thinking.effort.len > 0;

    if (!has_effort && q->chat->format != CHAT_FORMAT_SCHEMA)
        return;
    json_write_key(&q->w, "outputConfig");
    json_write_begin(&q->w, '{');
    if (has_effort)
        json_write_member_str(&q->w, "effort", q->thinking.effort);
    write_format(q);
    json_write_end(&q->w, '}');
}

/* ---- in the maker's own words ---- */

static bool is_single_call(const struct chat *c)
{
    return c->parallel_tool_calls == CHAT_NO && c->tools && c->tool_choice != CHAT_CHOICE_NONE;
}

static bool has_additional(const struct request *q)
{
    const struct chat *c = q->chat;
    const struct dialect_anthropic_thinking *t = &q->thinking;

    switch (q->family) {
    case BEDROCK_CLAUDE:
        return t->is_off || t->budget > 0 || t->effort.len > 0 || c->top_k.len > 0 ||
               is_single_call(c);
    case BEDROCK_NOVA:
        return c->top_k.len > 0 || chat_effort(c).len > 0;
    case BEDROCK_GPT:
        return chat_effort(c).len > 0;
    case BEDROCK_OTHER:
        return false;
    }
    return false;
}

static void write_claude(struct request *q)
{
    const struct chat *c = q->chat;
    static const char *const words[] = {
        [CHAT_CHOICE_UNSET] = "auto", [CHAT_CHOICE_AUTO] = "auto",  [CHAT_CHOICE_NONE] = "none",
        [CHAT_CHOICE_ANY] = "any",    [CHAT_CHOICE_NAMED] = "tool",
    };

    dialect_anthropic_thinking_write(&q->w, &q->thinking);
    json_write_optional_raw(&q->w, "top_k", c->top_k);
    if (!is_single_call(c))
        return;
    json_write_key(&q->w, "tool_choice");
    json_write_begin(&q->w, '{');
    json_write_member(&q->w, "type", words[c->tool_choice]);
    if (c->tool_choice == CHAT_CHOICE_NAMED)
        json_write_member_str(&q->w, "name", c->tool_choice_name);
    json_write_member_bool(&q->w, "disable_parallel_tool_use", true);
    json_write_end(&q->w, '}');
}

static struct str three_efforts(struct str effort)
{
    if (str_is(effort, "minimal"))
        return STR("low");
    return str_is(effort, "xhigh") ? STR("high") : effort;
}

static void write_nova(struct request *q)
{
    struct str effort = three_efforts(chat_effort(q->chat));

    if (q->chat->top_k.len > 0) {
        json_write_key(&q->w, "inferenceConfig");
        json_write_begin(&q->w, '{');
        json_write_optional_raw(&q->w, "topK", q->chat->top_k);
        json_write_end(&q->w, '}');
    }
    if (effort.len == 0)
        return;
    json_write_key(&q->w, "reasoningConfig");
    json_write_begin(&q->w, '{');
    json_write_member(&q->w, "type", str_is(effort, "none") ? "disabled" : "enabled");
    if (!str_is(effort, "none"))
        json_write_member_str(&q->w, "maxReasoningEffort", effort);
    json_write_end(&q->w, '}');
}

static void write_gpt(struct request *q)
{
    struct str effort = three_efforts(chat_effort(q->chat));

    if (effort.len > 0)
        json_write_member_str(&q->w, "reasoning_effort",
                              str_is(effort, "none") ? STR("low") : effort);
}

static void write_additional(struct request *q)
{
    if (!has_additional(q))
        return;
    json_write_key(&q->w, "additionalModelRequestFields");
    json_write_begin(&q->w, '{');
    if (q->family == BEDROCK_CLAUDE)
        write_claude(q);
    else if (q->family == BEDROCK_NOVA)
        write_nova(q);
    else
        write_gpt(q);
    json_write_end(&q->w, '}');
}

/* ---- the whole ---- */

/* Names of models hold ':' and '/', which a path may not. */
static const char *path_of(struct arena *a, const char *model, bool is_stream)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = arena_alloc(a, 3 * strlen(model) + 1), *to = encoded;

    if (!encoded)
        return NULL;
    for (const char *c = model; *c; c++) {
        if (isalnum((unsigned char)*c) || strchr("-._~", *c)) {
            *to++ = *c;
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)*c >> 4];
        *to++ = hex[(unsigned char)*c & 15];
    }
    return arena_printf(a, "/model/%s/converse%s", encoded, is_stream ? "-stream" : "");
}

static void write_body(struct request *q)
{
    write_inference(q);
    write_tools(q);
    write_output(q);
    write_additional(q);
    if (q->family == BEDROCK_CLAUDE && q->chat->n_stops > 0) /* which of them it was */
        json_write_optional_raw(&q->w, "additionalModelResponseFieldPaths",
                                STR("[\"/stop_sequence\"]"));
    if (q->chat->service_tier.len > 0 && !str_is(q->chat->service_tier, "auto")) {
        json_write_key(&q->w, "serviceTier");
        json_write_begin(&q->w, '{');
        json_write_member_str(&q->w, "type", q->chat->service_tier);
        json_write_end(&q->w, '}');
    }
}

enum dialect_result dialect_bedrock_write(struct arena *a, const struct dialect_request *r,
                                          struct dialect_call *ret)
{
    struct request q = {.arena = a, .asked = r, .chat = r->chat};
    struct str name;

    q.family = family_of(r->model, &name);
    ret->cannot = find_foreign(&q);
    if (ret->cannot != CHAT_FEATURE_NONE)
        return DIALECT_CANNOT;
    if (q.family == BEDROCK_CLAUDE)
        q.thinking = dialect_anthropic_thinking_decide(r->chat, name, r->chat->max_tokens);

    CLEANUP(buf_done) struct buf body;
    buf_init(&body, MAX_BODY);
    json_write_init(&q.w, &body);
    json_write_begin(&q.w, '{');
    bool is_whole = dialect_bedrock_turns_write(&q.w, a, r->chat, q.family);
    write_body(&q);
    json_write_end(&q.w, '}');
    if (json_write_finish(&q.w) != BUF_OK || !is_whole)
        return DIALECT_FULL;

    ret->path = path_of(a, r->model, r->chat->is_stream);
    ret->body[0] = (struct str){arena_copy(a, buf_str(&body)), body.len};
    ret->n_body = 1;
    return ret->path && ret->body[0].data ? DIALECT_OK : DIALECT_FULL;
}
