#include "inbound_frame.h"
#include "inbound_responses.h"

static const struct chat nothing_asked = {.n = 1, .thinking_tokens = -1};

static void write_str_or_null(struct json_write *w, const char *key, struct str s)
{
    json_write_key(w, key);
    if (s.len > 0)
        json_write_str(w, s);
    else
        json_write_null(w);
}

static void write_raw(struct json_write *w, const char *key, struct str json, struct str otherwise)
{
    json_write_key(w, key);
    json_write_raw(w, json.len > 0 ? json : otherwise);
}

static void write_tool(struct json_write *w, const struct chat_tool *t)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", "function");
    json_write_member_str(w, "name", t->name);
    write_str_or_null(w, "description", t->description);
    write_raw(w, "parameters", t->schema, STR("null"));
    json_write_member_bool(w, "strict", t->is_strict);
    json_write_end(w, '}');
}

static void write_tools(struct json_write *w, const struct chat *c)
{
    static const char *const words[] = {[CHAT_CHOICE_UNSET] = "auto",
                                        [CHAT_CHOICE_AUTO] = "auto",
                                        [CHAT_CHOICE_NONE] = "none",
                                        [CHAT_CHOICE_ANY] = "required"};

    json_write_member_bool(w, "parallel_tool_calls", c->parallel_tool_calls != CHAT_NO);
    if (c->tool_choice == CHAT_CHOICE_NAMED) {
        json_write_key(w, "tool_choice");
        json_write_begin(w, '{');
        json_write_member(w, "type", "function");
        json_write_member_str(w, "name", c->tool_choice_name);
        json_write_end(w, '}');
    } else {
        json_write_member(w, "tool_choice", words[c->tool_choice]);
    }
    json_write_key(w, "tools");
    json_write_begin(w, '[');
    for (const struct chat_tool *t = c->tools; t; t = t->next)
        write_tool(w, t);
    json_write_end(w, ']');
}

static void write_text_config(struct json_write *w, const struct chat *c)
{
    json_write_key(w, "text");
    json_write_begin(w, '{');
    json_write_key(w, "format");
    json_write_begin(w, '{');
    switch (c->format) {
    case CHAT_FORMAT_TEXT:
        json_write_member(w, "type", "text");
        break;
    case CHAT_FORMAT_JSON:
        json_write_member(w, "type", "json_object");
        break;
    case CHAT_FORMAT_SCHEMA:
        json_write_member(w, "type", "json_schema");
        json_write_member_str(w, "name", c->format_name);
        write_raw(w, "schema", c->format_schema, STR("{}"));
        json_write_member_bool(w, "strict", c->is_format_strict);
        break;
    }
    json_write_end(w, '}');
    if (c->verbosity.len > 0)
        json_write_member_str(w, "verbosity", c->verbosity);
    json_write_end(w, '}');
}

static void write_parameters(struct json_write *w, const struct chat *c)
{
    json_write_key(w, "instructions");
    json_write_null(w);
    write_raw(w, "metadata", c->metadata, STR("{}"));
    json_write_key(w, "max_output_tokens");
    if (c->max_tokens > 0)
        json_write_int(w, c->max_tokens);
    else
        json_write_null(w);
    write_raw(w, "temperature", c->temperature, STR("null"));
    write_raw(w, "top_p", c->top_p, STR("null"));
    json_write_member_int(w, "top_logprobs", c->top_logprobs);
    json_write_key(w, "reasoning");
    json_write_begin(w, '{');
    write_str_or_null(w, "effort", c->effort);
    json_write_member(w, "summary", NULL);
    json_write_end(w, '}');
    write_tools(w, c);
    write_text_config(w, c);
    write_str_or_null(w, "user", c->user);
    json_write_member(w, "truncation", "disabled");
    json_write_member(w, "previous_response_id", NULL);
    json_write_member_bool(w, "background", false);
    json_write_member_bool(w, "store", false);
}

static void write_usage(struct json_write *w, const struct inbound_stream *s)
{
    const struct chat_usage *u = &s->usage;

    json_write_key(w, "usage");
    if (!s->has_usage) {
        json_write_null(w);
        return;
    }
    json_write_begin(w, '{');
    json_write_member_int(w, "input_tokens", u->input);
    json_write_key(w, "input_tokens_details");
    json_write_begin(w, '{');
    json_write_member_int(w, "cached_tokens", u->cached);
    json_write_end(w, '}');
    json_write_member_int(w, "output_tokens", u->output);
    json_write_key(w, "output_tokens_details");
    json_write_begin(w, '{');
    json_write_member_int(w, "reasoning_tokens", u->reasoning);
    json_write_end(w, '}');
    json_write_member_int(w, "total_tokens", u->input + u->output);
    if (u->is_local)
        json_write_member(w, "source", "local");
    json_write_end(w, '}');
}

static const char *why_incomplete(const struct inbound_stream *s)
{
    if (s->has_finish && s->finish == CHAT_FINISH_LENGTH)
        return "max_output_tokens";
    return s->has_finish && s->finish == CHAT_FINISH_FILTER ? "content_filter" : NULL;
}

const char *inbound_responses_object_status(const struct inbound_stream *s)
{
    return why_incomplete(s) ? "incomplete" : "completed";
}

static void write_end(struct json_write *w, const struct inbound_stream *s)
{
    const char *reason = why_incomplete(s);

    json_write_key(w, "incomplete_details");
    if (reason) {
        json_write_begin(w, '{');
        json_write_member(w, "reason", reason);
        json_write_end(w, '}');
    } else {
        json_write_null(w);
    }
    json_write_key(w, "output");
    json_write_begin(w, '[');
    for (uint32_t i = 0; i < s->n_blocks; i++)
        inbound_responses_item_write(w, s, i);
    json_write_end(w, ']');
    write_usage(w, s);
}

void inbound_responses_object_write(struct json_write *w, const struct inbound_stream *s,
                                    bool is_over)
{
    const struct chat *c = s->answer.chat ? s->answer.chat : &nothing_asked;

    json_write_begin(w, '{');
    inbound_frame_write_id(w, "resp_", &s->answer);
    json_write_member(w, "object", "response");
    json_write_member_int(w, "created_at", s->answer.created);
    json_write_member(w, "status", is_over ? inbound_responses_object_status(s) : "in_progress");
    json_write_member(w, "model", s->answer.model);
    json_write_member(w, "error", NULL);
    if (is_over) {
        write_end(w, s);
    } else {
        json_write_member(w, "incomplete_details", NULL);
        json_write_key(w, "output");
        json_write_begin(w, '[');
        json_write_end(w, ']');
        json_write_member(w, "usage", NULL);
    }
    write_parameters(w, c);
    json_write_end(w, '}');
}
