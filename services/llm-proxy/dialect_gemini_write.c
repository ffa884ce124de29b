#include "base/buf.h"
#include "dialect_gemini.h"

#include <ctype.h>
#include <string.h>

#define MAX_BODY  (64u << 20)
#define MAX_PATH  1024
#define MAX_STOPS 5
#define MAX_N     8

void dialect_gemini_write_refuse(struct dialect_gemini_writer *wr, enum chat_feature f)
{
    if (wr->cannot == CHAT_FEATURE_NONE)
        wr->cannot = f;
}

void dialect_gemini_write_raw(struct json_write *w, const char *key, struct str json)
{
    if (json.len == 0)
        return;
    json_write_key(w, key);
    json_write_raw(w, json);
}

/* ---- tools ---- */

static void write_declaration(struct json_write *w, const struct chat_tool *t)
{
    json_write_begin(w, '{');
    json_write_member_str(w, "name", t->name);
    if (t->description.len > 0)
        json_write_member_str(w, "description", t->description);
    dialect_gemini_write_raw(w, "parametersJsonSchema", t->schema);
    json_write_end(w, '}');
}

static bool has_strict(const struct chat *c)
{
    for (const struct chat_tool *t = c->tools; t; t = t->next)
        if (t->is_strict)
            return true;
    return false;
}

static const char *mode_of(const struct chat *c)
{
    switch (c->tool_choice) {
    case CHAT_CHOICE_UNSET:
        return has_strict(c) ? "VALIDATED" : NULL;
    case CHAT_CHOICE_AUTO:
        return has_strict(c) ? "VALIDATED" : "AUTO";
    case CHAT_CHOICE_NONE:
        return "NONE";
    case CHAT_CHOICE_ANY:
    case CHAT_CHOICE_NAMED:
        return "ANY";
    }
    return NULL;
}

static void write_tool_config(struct json_write *w, const struct chat *c)
{
    const char *mode = mode_of(c);

    if (!mode)
        return;
    json_write_key(w, "toolConfig");
    json_write_begin(w, '{');
    json_write_key(w, "functionCallingConfig");
    json_write_begin(w, '{');
    json_write_member(w, "mode", mode);
    if (c->tool_choice == CHAT_CHOICE_NAMED) {
        json_write_key(w, "allowedFunctionNames");
        json_write_begin(w, '[');
        json_write_str(w, c->tool_choice_name);
        json_write_end(w, ']');
    }
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static void write_tools(struct dialect_gemini_writer *wr)
{
    struct json_write *w = &wr->w;

    if (!wr->chat->tools)
        return;
    json_write_key(w, "tools");
    json_write_begin(w, '[');
    json_write_begin(w, '{');
    json_write_key(w, "functionDeclarations");
    json_write_begin(w, '[');
    for (const struct chat_tool *t = wr->chat->tools; t; t = t->next)
        write_declaration(w, t);
    json_write_end(w, ']');
    json_write_end(w, '}');
    json_write_end(w, ']');
    write_tool_config(w, wr->chat);
}

/* ---- parameters ---- */

static bool is_pro(const struct dialect_gemini_writer *wr)
{
    return strstr(wr->request->model, "pro") != NULL;
}

/* They cannot be made not to think; the least is another for the larger ones. */
static const char *level_of(const struct dialect_gemini_writer *wr, struct str effort)
{
    if (str_is(effort, "none") || str_is(effort, "minimal"))
        return is_pro(wr) ? "LOW" : "MINIMAL";
    if (str_is(effort, "low"))
        return "LOW";
    return str_is(effort, "medium") ? "MEDIUM" : "HIGH";
}

/* The most that the models of the second generation take. */
static int64_t budget_of(const struct dialect_gemini_writer *wr)
{
    int64_t max = is_pro(wr) ? 32768 : 24576;
    int64_t tokens = chat_thinking_tokens(wr->chat);

    return tokens < max ? tokens : max;
}

/* Levels since the third generation, tokens before. */
static void write_thinking(struct dialect_gemini_writer *wr)
{
    struct json_write *w = &wr->w;
    struct str effort = chat_effort(wr->chat);

    if (effort.len == 0)
        return;
    json_write_key(w, "thinkingConfig");
    json_write_begin(w, '{');
    if (wr->generation >= 3)
        json_write_member(w, "thinkingLevel", level_of(wr, effort));
    else
        json_write_member_int(w, "thinkingBudget", budget_of(wr));
    json_write_member_bool(w, "includeThoughts", !str_is(effort, "none"));
    json_write_end(w, '}');
}

static void write_stops(struct dialect_gemini_writer *wr)
{
    const struct chat *c = wr->chat;

    if (c->n_stops > MAX_STOPS)
        dialect_gemini_write_refuse(wr, CHAT_FEATURE_STOP);
    if (c->n_stops == 0)
        return;
    json_write_key(&wr->w, "stopSequences");
    json_write_begin(&wr->w, '[');
    for (size_t i = 0; i < c->n_stops; i++)
        json_write_str(&wr->w, c->stops[i]);
    json_write_end(&wr->w, ']');
}

static void write_format(struct json_write *w, const struct chat *c)
{
    if (c->format == CHAT_FORMAT_TEXT)
        return;
    json_write_member(w, "responseMimeType", "application/json");
    if (c->format == CHAT_FORMAT_SCHEMA)
        dialect_gemini_write_raw(w, "responseJsonSchema", c->format_schema);
}

static void write_config(struct dialect_gemini_writer *wr)
{
    const struct chat *c = wr->chat;
    struct json_write *w = &wr->w;

    json_write_key(w, "generationConfig");
    json_write_begin(w, '{');
    if (c->n > 1)
        json_write_member_int(w, "candidateCount", c->n);
    if (c->max_tokens > 0)
        json_write_member_int(w, "maxOutputTokens", c->max_tokens);
    dialect_gemini_write_raw(w, "temperature", c->temperature);
    dialect_gemini_write_raw(w, "topP", c->top_p);
    dialect_gemini_write_raw(w, "topK", c->top_k);
    dialect_gemini_write_raw(w, "seed", c->seed);
    dialect_gemini_write_raw(w, "frequencyPenalty", c->frequency_penalty);
    dialect_gemini_write_raw(w, "presencePenalty", c->presence_penalty);
    write_stops(wr);
    write_format(w, c);
    if (c->wants_logprobs) {
        json_write_member_bool(w, "responseLogprobs", true);
        if (c->top_logprobs > 0)
            json_write_member_int(w, "logprobs", c->top_logprobs);
    }
    write_thinking(wr);
    json_write_end(w, '}');
}

static void write_tier(struct dialect_gemini_writer *wr)
{
    struct str tier = wr->chat->service_tier;

    if (tier.len == 0 || str_is(tier, "auto") || str_is(tier, "default"))
        return;
    if (!str_is(tier, "flex") && !str_is(tier, "priority"))
        dialect_gemini_write_refuse(wr, CHAT_FEATURE_SERVICE_TIER);
    json_write_member_str(&wr->w, "serviceTier", tier);
}

static void refuse_foreign(struct dialect_gemini_writer *wr)
{
    const struct chat *c = wr->chat;

    if (c->n > MAX_N)
        dialect_gemini_write_refuse(wr, CHAT_FEATURE_N);
    if (c->logit_bias.len > 0)
        dialect_gemini_write_refuse(wr, CHAT_FEATURE_LOGIT_BIAS);
    if (c->min_p.len > 0)
        dialect_gemini_write_refuse(wr, CHAT_FEATURE_MIN_P);
    if (c->repetition_penalty.len > 0)
        dialect_gemini_write_refuse(wr, CHAT_FEATURE_REPETITION_PENALTY);
    if (c->verbosity.len > 0 && !str_is(c->verbosity, "medium"))
        dialect_gemini_write_refuse(wr, CHAT_FEATURE_VERBOSITY);
}

static void write_body(struct dialect_gemini_writer *wr)
{
    json_write_begin(&wr->w, '{');
    dialect_gemini_contents(wr);
    write_tools(wr);
    write_tier(wr);
    write_config(wr);
    json_write_end(&wr->w, '}');
}

/* ---- the address ---- */

/* "gemini-2.5-flash" is of the second generation. */
static unsigned generation_of(const char *model)
{
    static const char stem[] = "gemini-";
    const char *at = strstr(model, stem);
    unsigned n = 0;

    if (!at)
        return 0;
    for (at += sizeof(stem) - 1; isdigit((unsigned char)*at) && n < 1000; at++)
        n = n * 10 + (unsigned)(*at - '0');
    return n;
}

static bool is_plain(unsigned char c)
{
    return isalnum(c) || (c != '\0' && strchr("-._~/@", c));
}

/* A name with a slash, like "tunedModels/mine", says its collection itself. */
const char *dialect_gemini_write_path(struct arena *a, const char *model, const char *method)
{
    CLEANUP(buf_done) struct buf path;
    enum buf_result r;

    buf_init(&path, MAX_PATH);
    r = buf_printf(&path, "%s", strchr(model, '/') ? "/" : "/models/");
    for (const char *c = model; *c && r == BUF_OK; c++)
        r = is_plain((unsigned char)*c) ? buf_add(&path, c, 1)
                                        : buf_printf(&path, "%%%02X", (unsigned char)*c);
    if (r == BUF_OK)
        r = buf_printf(&path, ":%s", method);
    return r == BUF_OK ? arena_copy(a, buf_str(&path)) : NULL;
}

enum dialect_result dialect_gemini_write(struct arena *a, const struct dialect_request *r,
                                         struct dialect_call *ret)
{
    CLEANUP(buf_done) struct buf body;
    struct dialect_gemini_writer wr = {
        .a = a, .request = r, .chat = r->chat, .generation = generation_of(r->model)};

    buf_init(&body, MAX_BODY);
    json_write_init(&wr.w, &body);
    refuse_foreign(&wr);
    write_body(&wr);
    ret->cannot = wr.cannot;
    if (wr.cannot != CHAT_FEATURE_NONE)
        return DIALECT_CANNOT;
    if (json_write_finish(&wr.w) != BUF_OK)
        return DIALECT_FULL;
    ret->path = dialect_gemini_write_path(
        a, r->model, r->chat->is_stream ? "streamGenerateContent?alt=sse" : "generateContent");
    ret->body[0] = (struct str){arena_copy(a, buf_str(&body)), body.len};
    ret->n_body = 1;
    return ret->path && ret->body[0].data ? DIALECT_OK : DIALECT_FULL;
}
