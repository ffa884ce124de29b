#include "base/buf.h"
#include "base/json_write.h"
#include "dialect_openai.h"
#include "variant.h"

#define MAX_BODY (64u << 20)

/* ---- messages ---- */

static const char *role_text(enum chat_role role)
{
    switch (role) {
    case CHAT_SYSTEM:
        return "system";
    case CHAT_USER:
        return "user";
    case CHAT_ASSISTANT:
        return "assistant";
    case CHAT_TOOL:
        return "tool";
    }
    return "user";
}

static void write_text_part(struct json_write *w, const struct chat_part *p)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", "text");
    json_write_member_str(w, "text", p->text);
    json_write_optional_raw(w, "cache_control", p->cache_control);
    json_write_end(w, '}');
}

static struct str data_url(struct arena *a, const struct chat_part *p)
{
    char *url;

    if (p->data.len == 0)
        return p->url;
    url = arena_printf(a, "data:%.*s;base64,%.*s", STR_ARG(p->media_type), STR_ARG(p->data));
    return str_from(url);
}

static void write_image(struct json_write *w, struct arena *a, const struct chat_part *p)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", "image_url");
    json_write_key(w, "image_url");
    json_write_begin(w, '{');
    json_write_member_str(w, "url", data_url(a, p));
    json_write_optional_str(w, "detail", p->detail);
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static void write_file(struct json_write *w, struct arena *a, const struct chat_part *p)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", "file");
    json_write_key(w, "file");
    json_write_begin(w, '{');
    json_write_member_str(w, "filename", p->detail.len > 0 ? p->detail : STR("file.pdf"));
    json_write_member_str(w, "file_data", data_url(a, p));
    json_write_end(w, '}');
    json_write_end(w, '}');
}

/* "audio/wav" is the API's "wav". */
static void write_audio(struct json_write *w, const struct chat_part *p)
{
    struct str format = p->media_type;

    if (str_has_prefix(format, "audio/"))
        format = (struct str){format.data + 6, format.len - 6};
    json_write_begin(w, '{');
    json_write_member(w, "type", "input_audio");
    json_write_key(w, "input_audio");
    json_write_begin(w, '{');
    json_write_member_str(w, "data", p->data);
    json_write_member_str(w, "format", str_is(format, "mpeg") ? STR("mp3") : format);
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static void write_content_part(struct json_write *w, struct arena *a, const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_PART_TEXT:
        write_text_part(w, p);
        return;
    case CHAT_PART_REFUSAL:
        json_write_begin(w, '{');
        json_write_member(w, "type", "refusal");
        json_write_member_str(w, "refusal", p->text);
        json_write_end(w, '}');
        return;
    case CHAT_PART_IMAGE:
        write_image(w, a, p);
        return;
    case CHAT_PART_AUDIO:
        write_audio(w, p);
        return;
    case CHAT_PART_FILE:
        write_file(w, a, p);
        return;
    case CHAT_PART_THINKING:
    case CHAT_PART_REDACTED_THINKING:
    case CHAT_PART_TOOL_CALL:
    case CHAT_PART_TOOL_RESULT:
        return; /* members of their own */
    }
}

static bool is_content(const struct chat_part *p)
{
    return p->kind == CHAT_PART_TEXT || p->kind == CHAT_PART_REFUSAL ||
           p->kind == CHAT_PART_IMAGE || p->kind == CHAT_PART_AUDIO || p->kind == CHAT_PART_FILE;
}

/* One text is a string, as every relative takes it; else an array of parts; nothing is null. */
static void write_content(struct json_write *w, struct arena *a, const struct chat_part *parts)
{
    const struct chat_part *only = NULL;
    size_t n = 0;

    for (const struct chat_part *p = parts; p; p = p->next)
        if (is_content(p)) {
            only = p;
            n++;
        }
    json_write_key(w, "content");
    if (n == 0) {
        json_write_null(w);
        return;
    }
    if (n == 1 && only->kind == CHAT_PART_TEXT && only->cache_control.len == 0) {
        json_write_str(w, only->text);
        return;
    }
    json_write_begin(w, '[');
    for (const struct chat_part *p = parts; p; p = p->next)
        write_content_part(w, a, p);
    json_write_end(w, ']');
}

static void write_tool_call(struct json_write *w, const struct chat_part *p)
{
    json_write_begin(w, '{');
    json_write_member_str(w, "id", p->id);
    json_write_member(w, "type", "function");
    json_write_key(w, "function");
    json_write_begin(w, '{');
    json_write_member_str(w, "name", p->name);
    json_write_member_str(w, "arguments", p->arguments.len > 0 ? p->arguments : STR("{}"));
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static void write_tool_calls(struct json_write *w, const struct chat_part *parts)
{
    bool has_begun = false;

    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != CHAT_PART_TOOL_CALL)
            continue;
        if (!has_begun) {
            json_write_key(w, "tool_calls");
            json_write_begin(w, '[');
            has_begun = true;
        }
        write_tool_call(w, p);
    }
    if (has_begun)
        json_write_end(w, ']');
}

static void write_plain_message(struct json_write *w, struct arena *a, const struct chat_message *m)
{
    json_write_begin(w, '{');
    json_write_member(w, "role", role_text(m->role));
    write_content(w, a, m->parts);
    write_tool_calls(w, m->parts);
    json_write_optional_str(w, "name", m->name);
    json_write_end(w, '}');
}

/* A result is a message of its own here. */
static void write_tool_results(struct json_write *w, struct arena *a, const struct chat_message *m)
{
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        if (p->kind != CHAT_PART_TOOL_RESULT)
            continue;
        json_write_begin(w, '{');
        json_write_member(w, "role", "tool");
        json_write_member_str(w, "tool_call_id", p->id);
        if (p->content)
            write_content(w, a, p->content);
        else
            json_write_member(w, "content", "");
        json_write_end(w, '}');
    }
}

static bool has_own_content(const struct chat_message *m)
{
    for (const struct chat_part *p = m->parts; p; p = p->next)
        if (is_content(p) || p->kind == CHAT_PART_TOOL_CALL)
            return true;
    return m->role == CHAT_ASSISTANT;
}

static void write_messages(struct json_write *w, struct arena *a, const struct chat *c)
{
    json_write_key(w, "messages");
    json_write_begin(w, '[');
    for (const struct chat_message *m = c->messages; m; m = m->next) {
        write_tool_results(w, a, m);
        if (has_own_content(m))
            write_plain_message(w, a, m);
    }
    json_write_end(w, ']');
}

/* ---- tools ---- */

static void write_tool(struct json_write *w, const struct chat_tool *t)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", "function");
    json_write_key(w, "function");
    json_write_begin(w, '{');
    json_write_member_str(w, "name", t->name);
    json_write_optional_str(w, "description", t->description);
    json_write_optional_raw(w, "parameters", t->schema);
    if (t->is_strict)
        json_write_member_bool(w, "strict", true);
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static void write_tool_choice(struct json_write *w, const struct chat *c)
{
    static const char *const words[] = {
        [CHAT_CHOICE_AUTO] = "auto", [CHAT_CHOICE_NONE] = "none", [CHAT_CHOICE_ANY] = "required"};

    if (c->tool_choice == CHAT_CHOICE_UNSET)
        return;
    if (c->tool_choice != CHAT_CHOICE_NAMED) {
        json_write_member(w, "tool_choice", words[c->tool_choice]);
        return;
    }
    json_write_key(w, "tool_choice");
    json_write_begin(w, '{');
    json_write_member(w, "type", "function");
    json_write_key(w, "function");
    json_write_begin(w, '{');
    json_write_member_str(w, "name", c->tool_choice_name);
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static void write_tools(struct json_write *w, const struct chat *c)
{
    if (!c->tools)
        return;
    json_write_key(w, "tools");
    json_write_begin(w, '[');
    for (const struct chat_tool *t = c->tools; t; t = t->next)
        write_tool(w, t);
    json_write_end(w, ']');
    write_tool_choice(w, c);
    if (c->parallel_tool_calls != CHAT_UNSET)
        json_write_member_bool(w, "parallel_tool_calls", c->parallel_tool_calls == CHAT_YES);
}

/* ---- parameters ---- */

static void write_format(struct json_write *w, const struct chat *c)
{
    if (c->format == CHAT_FORMAT_TEXT)
        return;
    json_write_key(w, "response_format");
    json_write_begin(w, '{');
    if (c->format == CHAT_FORMAT_JSON) {
        json_write_member(w, "type", "json_object");
    } else {
        json_write_member(w, "type", "json_schema");
        json_write_key(w, "json_schema");
        json_write_begin(w, '{');
        json_write_member_str(w, "name", c->format_name.len > 0 ? c->format_name : STR("answer"));
        json_write_key(w, "schema");
        json_write_raw(w, c->format_schema);
        if (c->is_format_strict)
            json_write_member_bool(w, "strict", true);
        json_write_end(w, '}');
    }
    json_write_end(w, '}');
}

static void write_stops(struct json_write *w, const struct chat *c)
{
    if (c->n_stops == 0)
        return;
    json_write_key(w, "stop");
    json_write_begin(w, '[');
    for (size_t i = 0; i < c->n_stops; i++)
        json_write_str(w, c->stops[i]);
    json_write_end(w, ']');
}

static void write_sampling(struct json_write *w, const struct variant *v, const struct chat *c)
{
    json_write_optional_raw(w, "temperature", c->temperature);
    json_write_optional_raw(w, "top_p", c->top_p);
    json_write_optional_raw(w, v->seed, c->seed);
    json_write_optional_raw(w, "top_k", c->top_k);
    json_write_optional_raw(w, "min_p", c->min_p);
    if (v->repetition)
        json_write_optional_raw(w, v->repetition, c->repetition_penalty);
    json_write_optional_raw(w, "frequency_penalty", c->frequency_penalty);
    json_write_optional_raw(w, "presence_penalty", c->presence_penalty);
    json_write_optional_raw(w, "logit_bias", c->logit_bias);
    if (c->n > 1)
        json_write_member_int(w, "n", c->n);
    if (c->wants_logprobs)
        json_write_member_bool(w, "logprobs", true);
    if (c->top_logprobs > 0)
        json_write_member_int(w, "top_logprobs", c->top_logprobs);
    write_stops(w, c);
}

static void write_stream(struct json_write *w, const struct variant *v, const struct chat *c)
{
    if (!c->is_stream)
        return;
    json_write_member_bool(w, "stream", true);
    if (v->lacks_usage_option)
        return;
    json_write_key(w, "stream_options");
    json_write_begin(w, '{');
    json_write_member_bool(w, "include_usage", true);
    json_write_end(w, '}');
}

static void write_body(struct json_write *w, struct arena *a, const struct dialect_request *r)
{
    const struct variant *v = variant_of(r->provider);
    const struct chat *c = r->chat;

    json_write_begin(w, '{');
    json_write_member(w, "model", r->model);
    write_messages(w, a, c);
    write_tools(w, c);
    if (c->max_tokens > 0)
        json_write_member_int(w, v->max_tokens, c->max_tokens);
    write_sampling(w, v, c);
    write_format(w, c);
    json_write_optional_str(w, "reasoning_effort", chat_effort(c));
    json_write_optional_str(w, "verbosity", c->verbosity);
    if (!v->lacks_user)
        json_write_optional_str(w, "user", c->user);
    json_write_optional_str(w, "service_tier", c->service_tier);
    write_stream(w, v, c);
    json_write_end(w, '}');
}

/* A tool answers in text here; a file comes with the request. */
static enum chat_feature find_foreign_part(const struct chat_part *parts)
{
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind == CHAT_PART_FILE && p->data.len == 0)
            return CHAT_FEATURE_FILE;
        for (const struct chat_part *c = p->content; c; c = c->next)
            if (c->kind != CHAT_PART_TEXT)
                return CHAT_FEATURE_TOOL_RESULT;
    }
    return CHAT_FEATURE_NONE;
}

static enum chat_feature find_foreign(const struct variant *v, const struct chat *c)
{
    enum chat_feature part = CHAT_FEATURE_NONE;

    for (const struct chat_message *m = c->messages; m && !part; m = m->next)
        part = find_foreign_part(m->parts);
    if (part != CHAT_FEATURE_NONE)
        return part;
    if (c->n_stops > 4)
        return CHAT_FEATURE_STOP;
    return variant_find_foreign(v, c);
}

enum dialect_result dialect_openai_write(struct arena *a, const struct dialect_request *r,
                                         struct dialect_call *ret)
{
    struct json_write w;

    ret->cannot = find_foreign(variant_of(r->provider), r->chat);
    if (ret->cannot != CHAT_FEATURE_NONE)
        return DIALECT_CANNOT;
    CLEANUP(buf_done) struct buf body;
    buf_init(&body, MAX_BODY);
    json_write_init(&w, &body);
    write_body(&w, a, r);
    if (json_write_finish(&w) != BUF_OK)
        return DIALECT_FULL;
    ret->path = variant_path(a, r->provider, r->model, "/chat/completions");
    ret->body[0] = (struct str){arena_copy(a, buf_str(&body)), body.len};
    ret->n_body = 1;
    return ret->body[0].data && ret->path ? DIALECT_OK : DIALECT_FULL;
}
