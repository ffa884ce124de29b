#include "dialect_anthropic.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/json_write.h"
#include "base/parse.h"

#define MAX_BODY           (64u << 20)
#define DEFAULT_MAX_TOKENS 8192 /* of an answer: the API has no default */

struct request {
    struct json_write w;
    struct arena *arena;
    const struct dialect_request *asked;
    const struct chat *chat;
    bool is_full;
};

static void begin_typed(struct json_write *w, const char *type)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", type);
}

/* ---- what the API has no words for ---- */

static bool is_zero(struct str number)
{
    double d;

    return number.len == 0 || (parse_double(number, &d) && d == 0);
}

static bool is_one(struct str number)
{
    double d;

    return number.len == 0 || (parse_double(number, &d) && d == 1);
}

static bool is_temperature(struct str number)
{
    double d;

    return number.len == 0 || (parse_double(number, &d) && d <= 1);
}

static bool is_tier(struct str tier)
{
    return tier.len == 0 || str_is(tier, "auto") || str_is(tier, "default");
}

static enum chat_feature find_foreign(const struct chat *c)
{
    const struct {
        bool is_asked;
        enum chat_feature feature;
    } table[] = {
        {c->n > 1, CHAT_FEATURE_N},
        {c->wants_logprobs, CHAT_FEATURE_LOGPROBS},
        {c->logit_bias.len > 0, CHAT_FEATURE_LOGIT_BIAS},
        {!is_temperature(c->temperature), CHAT_FEATURE_TEMPERATURE},
        {c->min_p.len > 0, CHAT_FEATURE_MIN_P},
        {c->seed.len > 0, CHAT_FEATURE_SEED},
        {!is_zero(c->frequency_penalty), CHAT_FEATURE_FREQUENCY_PENALTY},
        {!is_zero(c->presence_penalty), CHAT_FEATURE_PRESENCE_PENALTY},
        {!is_one(c->repetition_penalty), CHAT_FEATURE_REPETITION_PENALTY},
        {c->format == CHAT_FORMAT_JSON, CHAT_FEATURE_FORMAT},
        {c->verbosity.len > 0 && !str_is(c->verbosity, "medium"), CHAT_FEATURE_VERBOSITY},
        {!is_tier(c->service_tier), CHAT_FEATURE_SERVICE_TIER},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].is_asked)
            return table[i].feature;
    return CHAT_FEATURE_NONE;
}

/* ---- tools ---- */

/* The API wants to read that the arguments are an object. */
static void write_schema(struct request *q, struct str schema)
{
    const struct json_value *root;
    size_t offset;

    json_write_key(&q->w, "input_schema");
    if (schema.len == 0 || json_parse(q->arena, schema, &root, &offset) != JSON_OK ||
        !json_is(root, JSON_OBJECT)) {
        json_write_raw(&q->w, STR("{\"type\":\"object\",\"properties\":{}}"));
    } else if (json_get(root, "type")) {
        json_write_raw(&q->w, root->raw);
    } else {
        const char *text =
            arena_printf(q->arena, "{\"type\":\"object\"%s%.*s", root->n_children > 0 ? "," : "",
                         (int)root->raw.len - 1, root->raw.data + 1);
        q->is_full = q->is_full || !text;
        json_write_raw(&q->w, text ? str_from(text) : STR("{}"));
    }
}

static void write_tool_choice(struct request *q)
{
    static const char *const words[] = {
        [CHAT_CHOICE_UNSET] = "auto", [CHAT_CHOICE_AUTO] = "auto",  [CHAT_CHOICE_NONE] = "none",
        [CHAT_CHOICE_ANY] = "any",    [CHAT_CHOICE_NAMED] = "tool",
    };
    const struct chat *c = q->chat;

    if (c->tool_choice == CHAT_CHOICE_UNSET && c->parallel_tool_calls != CHAT_NO)
        return;
    json_write_key(&q->w, "tool_choice");
    begin_typed(&q->w, words[c->tool_choice]);
    if (c->tool_choice == CHAT_CHOICE_NAMED)
        json_write_member_str(&q->w, "name", c->tool_choice_name);
    if (c->parallel_tool_calls == CHAT_NO && c->tool_choice != CHAT_CHOICE_NONE)
        json_write_member_bool(&q->w, "disable_parallel_tool_use", true);
    json_write_end(&q->w, '}');
}

static void write_tools(struct request *q)
{
    struct json_write *w = &q->w;

    if (!q->chat->tools)
        return;
    json_write_key(w, "tools");
    json_write_begin(w, '[');
    for (const struct chat_tool *t = q->chat->tools; t; t = t->next) {
        json_write_begin(w, '{');
        json_write_member_str(w, "name", t->name);
        json_write_optional_str(w, "description", t->description);
        write_schema(q, t->schema);
        if (t->is_strict)
            json_write_member_bool(w, "strict", true);
        json_write_optional_raw(w, "cache_control", t->cache_control);
        json_write_end(w, '}');
    }
    json_write_end(w, ']');
    write_tool_choice(q);
}

/* ---- the answer's shape ---- */

/* The most tokens of the answer, thinking included; 0: neither the caller nor the model says. */
static int64_t limit_of(const struct request *q)
{
    if (q->chat->max_tokens > 0)
        return q->chat->max_tokens;
    return q->asked->max_output <= INT32_MAX ? (int64_t)q->asked->max_output : 0;
}

static void write_output_config(struct request *q, struct str effort)
{
    bool has_format = q->chat->format == CHAT_FORMAT_SCHEMA;

    if (effort.len == 0 && !has_format)
        return;
    json_write_key(&q->w, "output_config");
    json_write_begin(&q->w, '{');
    json_write_optional_str(&q->w, "effort", effort);
    if (has_format) {
        json_write_key(&q->w, "format");
        begin_typed(&q->w, "json_schema");
        json_write_optional_raw(&q->w, "schema", q->chat->format_schema);
        json_write_end(&q->w, '}');
    }
    json_write_end(&q->w, '}');
}

static void write_answer_shape(struct request *q)
{
    int64_t limit = limit_of(q);
    struct dialect_anthropic_thinking t =
        dialect_anthropic_thinking_decide(q->chat, str_from(q->asked->model), limit);

    json_write_member_int(&q->w, "max_tokens", limit > 0 ? limit : DEFAULT_MAX_TOKENS + t.budget);
    dialect_anthropic_thinking_write(&q->w, &t);
    write_output_config(q, t.effort);
}

/* ---- the rest ---- */

static void write_settings(struct request *q)
{
    const struct chat *c = q->chat;
    struct json_write *w = &q->w;

    json_write_optional_raw(w, "temperature", c->temperature);
    json_write_optional_raw(w, "top_p", c->top_p);
    json_write_optional_raw(w, "top_k", c->top_k);
    if (c->n_stops > 0) {
        json_write_key(w, "stop_sequences");
        json_write_begin(w, '[');
        for (size_t i = 0; i < c->n_stops; i++)
            json_write_str(w, c->stops[i]);
        json_write_end(w, ']');
    }
    if (c->user.len > 0) {
        json_write_key(w, "metadata");
        json_write_begin(w, '{');
        json_write_member_str(w, "user_id", c->user);
        json_write_end(w, '}');
    }
    if (c->service_tier.len > 0)
        json_write_member(w, "service_tier",
                          str_is(c->service_tier, "auto") ? "auto" : "standard_only");
    if (c->is_stream)
        json_write_member_bool(w, "stream", true);
}

enum dialect_result dialect_anthropic_write(struct arena *a, const struct dialect_request *r,
                                            struct dialect_call *ret)
{
    struct request q = {.arena = a, .asked = r, .chat = r->chat};

    ret->cannot = find_foreign(r->chat);
    if (ret->cannot == CHAT_FEATURE_NONE)
        ret->cannot = dialect_anthropic_turns_cannot(r->chat);
    if (ret->cannot != CHAT_FEATURE_NONE)
        return DIALECT_CANNOT;

    CLEANUP(buf_done) struct buf body;
    buf_init(&body, MAX_BODY);
    json_write_init(&q.w, &body);
    json_write_begin(&q.w, '{');
    json_write_member(&q.w, "model", r->model);
    write_answer_shape(&q);
    if (!dialect_anthropic_turns_write(&q.w, a, r->chat))
        q.is_full = true;
    write_tools(&q);
    write_settings(&q);
    json_write_end(&q.w, '}');
    if (json_write_finish(&q.w) != BUF_OK || q.is_full)
        return DIALECT_FULL;

    dialect_anthropic_address(ret);
    ret->body[0] = (struct str){arena_copy(a, buf_str(&body)), body.len};
    ret->n_body = 1;
    return ret->body[0].data ? DIALECT_OK : DIALECT_FULL;
}
