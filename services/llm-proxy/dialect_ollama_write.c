#include "base/buf.h"
#include "base/json.h"
#include "base/json_write.h"
#include "base/parse.h"
#include "call_names.h"
#include "chat_text.h"
#include "dialect_ollama.h"

#include <string.h>

#define MAX_BODY (64u << 20)

struct writer {
    struct json_write w;
    struct arena *a;
    const struct dialect_request *request;
    const struct chat *chat;
    struct call_names calls;
    enum chat_feature cannot; /* the first of them */
};

static void refuse(struct writer *wr, enum chat_feature f)
{
    if (wr->cannot == CHAT_FEATURE_NONE)
        wr->cannot = f;
}

/* ---- messages ---- */

static bool is_text(const struct chat_part *p)
{
    return p->kind == CHAT_PART_TEXT || p->kind == CHAT_PART_REFUSAL;
}

static void write_content(struct writer *wr, const struct chat_part *parts)
{
    struct str text;

    if (!chat_text_join(wr->a, parts, CHAT_PART_TEXT, &text))
        wr->w.is_full = true;
    json_write_member_str(&wr->w, "content", text);
}

static void write_thinking(struct writer *wr, const struct chat_part *parts)
{
    struct str text;

    if (!chat_text_join(wr->a, parts, CHAT_PART_THINKING, &text))
        wr->w.is_full = true;
    if (text.len > 0)
        json_write_member_str(&wr->w, "thinking", text);
}

static void write_images(struct writer *wr, const struct chat_part *parts)
{
    bool has_begun = false;

    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != CHAT_PART_IMAGE)
            continue;
        if (p->data.len == 0) {
            refuse(wr, CHAT_FEATURE_IMAGE);
            continue;
        }
        if (!has_begun) {
            json_write_key(&wr->w, "images");
            json_write_begin(&wr->w, '[');
            has_begun = true;
        }
        json_write_str(&wr->w, p->data);
    }
    if (has_begun)
        json_write_end(&wr->w, ']');
}

/* What a model wrote as arguments, long ago and elsewhere, may be no JSON. */
static bool is_object(struct writer *wr, struct str json)
{
    const struct json_value *root = NULL;
    size_t offset;
    enum json_result r = json_parse(wr->a, json, &root, &offset);

    if (r == JSON_TOO_BIG)
        wr->w.is_full = true;
    return r == JSON_TOO_BIG || (r == JSON_OK && json_is(root, JSON_OBJECT));
}

static void write_call(struct writer *wr, const struct chat_part *p, uint32_t index)
{
    struct json_write *w = &wr->w;
    struct str arguments = p->arguments.len > 0 ? p->arguments : STR("{}");

    if (!is_object(wr, arguments)) {
        refuse(wr, CHAT_FEATURE_TOOLS);
        return;
    }
    call_names_note(&wr->calls, p);
    json_write_begin(w, '{');
    json_write_member_str(w, "id", p->id);
    json_write_key(w, "function");
    json_write_begin(w, '{');
    json_write_member_u64(w, "index", index);
    json_write_member_str(w, "name", p->name);
    json_write_optional_raw(w, "arguments", arguments);
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static void write_calls(struct writer *wr, const struct chat_part *parts)
{
    uint32_t n = 0;

    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != CHAT_PART_TOOL_CALL)
            continue;
        if (n == 0) {
            json_write_key(&wr->w, "tool_calls");
            json_write_begin(&wr->w, '[');
        }
        write_call(wr, p, n++);
    }
    if (n > 0)
        json_write_end(&wr->w, ']');
}

/* A result is a message of its own. */
static void write_result(struct writer *wr, const struct chat_part *p)
{
    struct json_write *w = &wr->w;
    struct str name = call_names_find(&wr->calls, p);

    for (const struct chat_part *c = p->content; c; c = c->next)
        if (!is_text(c))
            refuse(wr, CHAT_FEATURE_TOOL_RESULT);
    json_write_begin(w, '{');
    json_write_member(w, "role", "tool");
    if (name.len > 0)
        json_write_member_str(w, "tool_name", name);
    if (p->id.len > 0)
        json_write_member_str(w, "tool_call_id", p->id);
    write_content(wr, p->content);
    json_write_end(w, '}');
}

static const char *role_text(enum chat_role role)
{
    switch (role) {
    case CHAT_SYSTEM:
        return "system";
    case CHAT_ASSISTANT:
        return "assistant";
    case CHAT_USER:
    case CHAT_TOOL:
        return "user";
    }
    return "user";
}

static void write_plain_message(struct writer *wr, const struct chat_message *m)
{
    struct json_write *w = &wr->w;

    json_write_begin(w, '{');
    json_write_member(w, "role", role_text(m->role));
    write_content(wr, m->parts);
    write_thinking(wr, m->parts);
    write_images(wr, m->parts);
    write_calls(wr, m->parts);
    json_write_end(w, '}');
}

static void write_message(struct writer *wr, const struct chat_message *m)
{
    size_t n_own = 0;

    for (const struct chat_part *p = m->parts; p; p = p->next) {
        if (p->kind == CHAT_PART_AUDIO)
            refuse(wr, CHAT_FEATURE_AUDIO);
        else if (p->kind == CHAT_PART_FILE)
            refuse(wr, CHAT_FEATURE_FILE);
        else if (p->kind == CHAT_PART_TOOL_RESULT)
            write_result(wr, p);
        else
            n_own++;
    }
    if (n_own > 0 || m->role == CHAT_ASSISTANT)
        write_plain_message(wr, m);
}

/* ---- tools ---- */

static void write_tool(struct json_write *w, const struct chat_tool *t)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", "function");
    json_write_key(w, "function");
    json_write_begin(w, '{');
    json_write_member_str(w, "name", t->name);
    if (t->description.len > 0)
        json_write_member_str(w, "description", t->description);
    json_write_optional_raw(w, "parameters",
                            t->schema.len > 0 ? t->schema
                                              : STR("{\"type\":\"object\",\"properties\":{}}"));
    json_write_end(w, '}');
    json_write_end(w, '}');
}

/* The API has no choice of tools: a model that may call none is shown none. */
static void write_tools(struct writer *wr)
{
    const struct chat *c = wr->chat;

    if (!c->tools || c->tool_choice == CHAT_CHOICE_NONE)
        return;
    if (c->tool_choice == CHAT_CHOICE_ANY || c->tool_choice == CHAT_CHOICE_NAMED)
        refuse(wr, CHAT_FEATURE_TOOL_CHOICE);
    json_write_key(&wr->w, "tools");
    json_write_begin(&wr->w, '[');
    for (const struct chat_tool *t = c->tools; t; t = t->next)
        write_tool(&wr->w, t);
    json_write_end(&wr->w, ']');
}

/* ---- parameters ---- */

static void write_format(struct json_write *w, const struct chat *c)
{
    switch (c->format) {
    case CHAT_FORMAT_TEXT:
        return;
    case CHAT_FORMAT_JSON:
        json_write_member(w, "format", "json");
        return;
    case CHAT_FORMAT_SCHEMA:
        json_write_optional_raw(w, "format", c->format_schema);
        return;
    }
}

/* Levels are gpt-oss's; other models think or do not. */
static void write_think(struct writer *wr)
{
    struct str effort = chat_effort(wr->chat);
    const char *level = "high";

    if (effort.len == 0)
        return;
    if (str_is(effort, "low") || str_is(effort, "minimal"))
        level = "low";
    else if (str_is(effort, "medium"))
        level = "medium";
    if (!str_is(effort, "none") && strstr(wr->request->model, "gpt-oss"))
        json_write_member(&wr->w, "think", level);
    else
        json_write_member_bool(&wr->w, "think", !str_is(effort, "none"));
}

/* A number is seconds, a negative one for ever. */
void dialect_ollama_write_keep_alive(struct json_write *w, const struct dialect_request *r)
{
    const char *text = r->provider->keep_alive;
    usec_t keep;

    if (!text)
        return;
    if (parse_duration(str_from(text), &keep))
        json_write_member_u64(w, "keep_alive", keep / USEC_PER_SEC);
    else
        json_write_member_int(w, "keep_alive", -1);
}

static void write_options(struct writer *wr)
{
    const struct chat *c = wr->chat;
    struct json_write *w = &wr->w;

    json_write_key(w, "options");
    json_write_begin(w, '{');
    if (wr->request->context_window > 0)
        json_write_member_u64(w, "num_ctx", wr->request->context_window);
    if (c->max_tokens > 0)
        json_write_member_int(w, "num_predict", c->max_tokens);
    json_write_optional_raw(w, "temperature", c->temperature);
    json_write_optional_raw(w, "top_p", c->top_p);
    json_write_optional_raw(w, "top_k", c->top_k);
    json_write_optional_raw(w, "min_p", c->min_p);
    json_write_optional_raw(w, "seed", c->seed);
    json_write_optional_raw(w, "frequency_penalty", c->frequency_penalty);
    json_write_optional_raw(w, "presence_penalty", c->presence_penalty);
    json_write_optional_raw(w, "repeat_penalty", c->repetition_penalty);
    if (c->n_stops > 0) {
        json_write_key(w, "stop");
        json_write_begin(w, '[');
        for (size_t i = 0; i < c->n_stops; i++)
            json_write_str(w, c->stops[i]);
        json_write_end(w, ']');
    }
    json_write_end(w, '}');
}

static void write_logprobs(struct json_write *w, const struct chat *c)
{
    if (!c->wants_logprobs)
        return;
    json_write_member_bool(w, "logprobs", true);
    if (c->top_logprobs > 0)
        json_write_member_int(w, "top_logprobs", c->top_logprobs);
}

static void refuse_foreign(struct writer *wr)
{
    const struct chat *c = wr->chat;

    if (c->n > 1)
        refuse(wr, CHAT_FEATURE_N);
    if (c->logit_bias.len > 0)
        refuse(wr, CHAT_FEATURE_LOGIT_BIAS);
    if (c->verbosity.len > 0 && !str_is(c->verbosity, "medium"))
        refuse(wr, CHAT_FEATURE_VERBOSITY);
    if (c->service_tier.len > 0 && !str_is(c->service_tier, "auto") &&
        !str_is(c->service_tier, "default"))
        refuse(wr, CHAT_FEATURE_SERVICE_TIER);
}

static void write_body(struct writer *wr)
{
    struct json_write *w = &wr->w;

    json_write_begin(w, '{');
    json_write_member(w, "model", wr->request->model);
    json_write_key(w, "messages");
    json_write_begin(w, '[');
    for (const struct chat_message *m = wr->chat->messages; m; m = m->next)
        write_message(wr, m);
    json_write_end(w, ']');
    write_tools(wr);
    json_write_member_bool(w, "stream", wr->chat->is_stream);
    write_think(wr);
    write_format(w, wr->chat);
    write_logprobs(w, wr->chat);
    /* a conversation that is too long is to be refused, not cut without a word */
    json_write_member_bool(w, "truncate", false);
    json_write_member_bool(w, "shift", false);
    dialect_ollama_write_keep_alive(w, wr->request);
    write_options(wr);
    json_write_end(w, '}');
}

enum dialect_result dialect_ollama_write(struct arena *a, const struct dialect_request *r,
                                         struct dialect_call *ret)
{
    CLEANUP(buf_done) struct buf body;
    struct writer wr = {.a = a, .request = r, .chat = r->chat};

    buf_init(&body, MAX_BODY);
    json_write_init(&wr.w, &body);
    call_names_init(&wr.calls);
    refuse_foreign(&wr);
    write_body(&wr);
    call_names_done(&wr.calls);
    ret->cannot = wr.cannot;
    if (wr.cannot != CHAT_FEATURE_NONE)
        return DIALECT_CANNOT;
    if (json_write_finish(&wr.w) != BUF_OK)
        return DIALECT_FULL;
    ret->path = "/api/chat";
    ret->body[0] = (struct str){arena_copy(a, buf_str(&body)), body.len};
    ret->n_body = 1;
    return ret->body[0].data ? DIALECT_OK : DIALECT_FULL;
}
