#include "sim_anthropic.h"

#include "sim_answer.h"

#include <inttypes.h>

#define ADD sim_answer_add

static const struct sim_note_param params[] = {
    {"max_tokens", "max_tokens"},
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"top_k", "top_k"},
    {"thinking.type", "thinking"},
    {"thinking.budget_tokens", "thinking_budget"},
    {"output_config.effort", "effort"},
    {"metadata", "metadata"},
    {"service_tier", "service_tier"},
    {"tool_choice.disable_parallel_tool_use", "disable_parallel_tool_use"},
};
#define N_PARAMS (sizeof(params) / sizeof(params[0]))

static const struct sim_error_words errors[SIM_ERROR_KINDS] = {
    [SIM_ERROR_NONE] = {200, "", NULL, ""},
    [SIM_ERROR_INVALID] = {400, "invalid_request_error", NULL, "messages: Field required"},
    [SIM_ERROR_CONTEXT] = {400, "invalid_request_error", NULL,
                           "prompt is too long: 208310 tokens > 200000 maximum"},
    [SIM_ERROR_AUTH] = {401, "authentication_error", NULL, "invalid x-api-key"},
    [SIM_ERROR_QUOTA] = {402, "billing_error", NULL,
                         "Your credit balance is too low to access the Anthropic API."},
    [SIM_ERROR_FORBIDDEN] =
        {403, "permission_error", NULL,
         "Your API key does not have permission to use the specified resource."},
    [SIM_ERROR_MISSING] = {404, "not_found_error", NULL, "model: sim"},
    [SIM_ERROR_TOO_LARGE] = {413, "request_too_large", NULL, "Request exceeds the maximum size"},
    [SIM_ERROR_RATE] = {429, "rate_limit_error", NULL,
                        "This request would exceed your account's rate limit."},
    [SIM_ERROR_SERVER] = {500, "api_error", NULL, "Internal server error"},
    [SIM_ERROR_OVERLOADED] = {529, "overloaded_error", NULL, "Overloaded"},
    [SIM_ERROR_TIMEOUT] = {504, "timeout_error", NULL, "Request timed out"},
};

static void write_error(const struct sim_error *e, struct buf *json)
{
    ADD(json, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"", e->words.type);
    sim_content_escape(json, e->message);
    ADD(json, "\"},\"request_id\":\"sim-%" PRIu64 "\"}", e->number);
}

static void read_source(struct sim_note *n, const struct json_value *source)
{
    struct str type = sim_note_spelled(json_get(source, "type"));

    if (str_is(type, "base64"))
        sim_note_file(n, sim_note_spelled(json_get(source, "media_type")),
                      sim_note_spelled(json_get(source, "data")));
    else if (str_is(type, "url"))
        sim_note_url(n, STR_EMPTY, json_get(source, "url"));
    else
        sim_note_text(n, json_get(source, "data"));
}

static bool read_content(struct sim_note *n, const struct json_value *content);

static bool read_result(struct sim_note *n, const struct json_value *block)
{
    sim_note_result(n, json_get(block, "tool_use_id"), NULL,
                    json_is(json_get(block, "is_error"), JSON_TRUE));
    if (json_get(block, "content") && !read_content(n, json_get(block, "content")))
        return false;
    sim_note_result_end(n);
    return true;
}

static bool read_block(struct sim_note *n, const struct json_value *block)
{
    struct str type = sim_note_spelled(json_get(block, "type"));

    if (str_is(type, "text"))
        sim_note_text(n, json_get(block, "text"));
    else if (str_is(type, "image") || str_is(type, "document"))
        read_source(n, json_get(block, "source"));
    else if (str_is(type, "tool_use"))
        sim_note_call(n, json_get(block, "id"), json_get(block, "name"), json_get(block, "input"),
                      NULL);
    else if (str_is(type, "tool_result"))
        return read_result(n, block);
    else if (str_is(type, "thinking"))
        sim_note_words(n, "thinking", json_get(block, "thinking"), json_get(block, "signature"));
    else if (str_is(type, "redacted_thinking"))
        sim_note_redacted(n, json_get(block, "data"));
    else
        return sim_note_refuse(n, "messages: Input tag '%.*s' found using 'type' does not match",
                               STR_ARG(type));
    if (str_is(type, "tool_use") && !json_is(json_get(block, "input"), JSON_OBJECT))
        return sim_note_refuse(n, "messages: tool_use.input: Input should be a valid dictionary");
    if (str_is(type, "text") && sim_note_spelled(json_get(block, "text")).len == 0)
        return sim_note_refuse(n, "messages: text content blocks must be non-empty");
    return true;
}

static bool read_content(struct sim_note *n, const struct json_value *content)
{
    if (json_is(content, JSON_STRING)) {
        sim_note_text(n, content);
        return true;
    }
    if (!json_is(content, JSON_ARRAY))
        return sim_note_refuse(n, "messages: content: Field required");
    for (const struct json_value *b = content->child; b; b = b->next)
        if (!read_block(n, b))
            return false;
    return true;
}

static const struct json_value *first_block(const struct json_value *message, const char *type)
{
    const struct json_value *content = json_get(message, "content");

    if (!json_is(content, JSON_ARRAY))
        return NULL;
    for (const struct json_value *b = content->child; b; b = b->next)
        if (str_is(sim_note_spelled(json_get(b, "type")), type))
            return b;
    return NULL;
}

static bool has_result(const struct json_value *message, const struct json_value *id)
{
    const struct json_value *b = first_block(message, "tool_result");

    for (; b && id; b = b->next) {
        const struct json_value *of = json_get(b, "tool_use_id");
        if (of && str_equal(of->raw, id->raw))
            return true;
    }
    return false;
}

/* Every call has its result in the very next message, and there is no other result. */
static bool check_calls(struct sim_note *n, const struct json_value *message)
{
    const struct json_value *b = first_block(message, "tool_use");

    for (; b && message->next; b = b->next) {
        const struct json_value *id = json_get(b, "id");
        if (str_is(sim_note_spelled(json_get(b, "type")), "tool_use") &&
            !has_result(message->next, id))
            return sim_note_refuse(n,
                                   "messages: `tool_use` ids were found without `tool_result` "
                                   "blocks immediately after: %.*s",
                                   STR_ARG(sim_note_spelled(id)));
    }
    if (first_block(message->next, "tool_result") && !first_block(message, "tool_use"))
        return sim_note_refuse(n, "messages: unexpected `tool_use_id` found in `tool_result` "
                                  "blocks");
    return true;
}

static bool read_messages(struct sim_note *n, const struct json_value *messages)
{
    for (const struct json_value *m = messages->child; m; m = m->next) {
        struct str role = sim_note_spelled(json_get(m, "role"));
        if (!str_is(role, "user") && !str_is(role, "assistant"))
            return sim_note_refuse(n, "messages: Unexpected role \"%.*s\"", STR_ARG(role));
        sim_note_message(n, str_is(role, "user") ? "user" : "assistant");
        if (!read_content(n, json_get(m, "content")) || !check_calls(n, m))
            return false;
        sim_note_message_end(n);
    }
    return true;
}

static bool read_system(struct sim_note *n)
{
    const struct json_value *system = json_get(n->root, "system");

    if (!system)
        return true;
    sim_note_message(n, "system");
    if (!read_content(n, system))
        return false;
    sim_note_message_end(n);
    return true;
}

static bool read_tools(struct sim_note *n)
{
    const struct json_value *tools = json_get(n->root, "tools");
    const struct json_value *choice = json_get(n->root, "tool_choice");
    struct str word = sim_note_spelled(json_get(choice, "type"));

    sim_note_tools(n);
    if (json_is(tools, JSON_ARRAY))
        for (const struct json_value *t = tools->child; t; t = t->next) {
            if (!json_get(t, "input_schema") && !json_get(t, "type"))
                return sim_note_refuse(n, "tools: input_schema: Field required");
            sim_note_tool(n, json_get(t, "name"), json_get(t, "description"),
                          json_get(t, "input_schema"));
        }
    sim_note_tools_end(n,
                       str_is(word, "any")    ? "required"
                       : str_is(word, "tool") ? "named"
                       : str_is(word, "none") ? "none"
                       : word.len > 0         ? "auto"
                                              : NULL,
                       json_get(choice, "name"));
    return true;
}

static bool check_headers(struct sim_note *n)
{
    if (!sim_http_header(n->request, "anthropic-version").data)
        return sim_note_refuse(n, "anthropic-version: header is required");
    return true;
}

static bool read(struct sim_note *n)
{
    static const char *const known[] = {"model",
                                        "messages",
                                        "stream",
                                        "system",
                                        "tools",
                                        "tool_choice",
                                        "thinking",
                                        "stop_sequences",
                                        "output_config",
                                        "output_format",
                                        "container",
                                        "context_management",
                                        NULL};
    const struct json_value *messages, *format;

    if (!check_headers(n) || !sim_note_body(n))
        return false;
    messages = json_get(n->root, "messages");
    if (!json_string(json_get(n->root, "model"), n->arena, &n->chat->model))
        return sim_note_refuse(n, "model: Field required");
    if (!json_is(messages, JSON_ARRAY) || !messages->child)
        return sim_note_refuse(n, "messages: at least one message is required");
    n->chat->is_stream = json_is(json_get(n->root, "stream"), JSON_TRUE);
    n->chat->wants_usage = true;
    if (!json_get(n->root, "max_tokens") && !str_has_prefix(n->request->path, "/v1/messages/"))
        return sim_note_refuse(n, "max_tokens: Field required");

    sim_note_head(n);
    sim_note_messages(n);
    if (!read_system(n) || !read_messages(n, messages))
        return false;
    sim_note_messages_end(n);
    if (!read_tools(n))
        return false;
    sim_note_stops(n, json_get(n->root, "stop_sequences"));
    format = json_at(n->root, "output_config.format");
    if (!format)
        format = json_get(n->root, "output_format");
    if (format)
        sim_note_format(n, "schema", NULL, json_get(format, "schema"));
    sim_note_params(n, params, N_PARAMS);
    const struct json_value *unknown = sim_note_unknown(n, known, params, N_PARAMS);
    if (unknown)
        return sim_note_refuse(n, "%.*s: Extra inputs are not permitted", STR_ARG(unknown->key));
    return true;
}

static const char *stop_reason(const struct sim_answer *a)
{
    switch (sim_answer_finish(a)) {
    case SIM_SCRIPT_FINISH_LENGTH:
        return "max_tokens";
    case SIM_SCRIPT_FINISH_TOOLS:
        return "tool_use";
    case SIM_SCRIPT_FINISH_SEQUENCE:
        return "stop_sequence";
    case SIM_SCRIPT_FINISH_FILTER:
    case SIM_SCRIPT_FINISH_REFUSAL:
        return "refusal";
    case SIM_SCRIPT_FINISH_TRUE:
    case SIM_SCRIPT_FINISH_STOP:
        break;
    }
    return "end_turn";
}

static void add_reason(const struct sim_answer *a, struct buf *json)
{
    bool is_sequence = sim_answer_finish(a) == SIM_SCRIPT_FINISH_SEQUENCE;

    ADD(json, "\"stop_reason\":\"%s\",\"stop_sequence\":", stop_reason(a));
    if (is_sequence)
        ADD(json, "\"%s\"", a->content.stop);
    else
        ADD(json, "null");
}

/* Cached tokens stand beside the input, not among it. */
static void add_usage(const struct sim_answer *a, struct buf *json, bool is_start)
{
    struct sim_answer_usage u = sim_answer_usage(a);

    ADD(json,
        "\"usage\":{\"input_tokens\":%" PRIu64 ",\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":%" PRIu64 ",\"output_tokens\":%" PRIu64,
        u.input - u.cached, u.cached, is_start && u.output == 0 && u.input > 0 ? 1 : u.output);
    if (u.reasoning > 0)
        ADD(json, ",\"output_tokens_details\":{\"thinking_tokens\":%" PRIu64 "}", u.reasoning);
    ADD(json, "}");
}

static void begin_message(const struct sim_answer *a, struct buf *json)
{
    ADD(json, "\"id\":\"msg_%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"", a->id);
    sim_content_escape(json, str_from(a->model));
}

static void write_start(struct sim_answer *a, struct buf *out)
{
    struct buf *json = &a->scratch;

    ADD(json, "{\"type\":\"message_start\",\"message\":{");
    begin_message(a, json);
    ADD(json, "\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null");
    if (!a->script.no_usage) {
        ADD(json, ",");
        add_usage(a, json, true);
    }
    ADD(json, "}}");
    sim_answer_event(a, "message_start", out);
}

static void open_block(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    struct buf *json = &a->scratch;

    ADD(json, "{\"type\":\"content_block_start\",\"index\":%u,\"content_block\":{", p->index);
    switch (p->block->kind) {
    case SIM_CONTENT_THINKING:
        ADD(json, "\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"");
        break;
    case SIM_CONTENT_REDACTED_THINKING:
        ADD(json, "\"type\":\"redacted_thinking\",\"data\":\"%s\"", SIM_CONTENT_REDACTED);
        break;
    case SIM_CONTENT_TEXT:
        ADD(json, "\"type\":\"text\",\"text\":\"\"");
        break;
    case SIM_CONTENT_CALL:
        ADD(json, "\"type\":\"tool_use\",\"id\":\"toolu_%s_%u\",\"name\":\"%s\",\"input\":{}",
            a->id, p->block->call, p->block->name);
        break;
    }
    ADD(json, "}}");
    sim_answer_event(a, "content_block_start", out);
    if (p->index == 0) {
        ADD(json, "{\"type\":\"ping\"}");
        sim_answer_event(a, "ping", out);
    }
    if (p->block->kind == SIM_CONTENT_CALL) {
        ADD(json,
            "{\"type\":\"content_block_delta\",\"index\":%u,\"delta\":{\"type\":"
            "\"input_json_delta\",\"partial_json\":\"\"}}",
            p->index);
        sim_answer_event(a, "content_block_delta", out);
    }
}

static void begin_delta(struct sim_answer *a, unsigned index, const char *type, const char *key)
{
    ADD(&a->scratch,
        "{\"type\":\"content_block_delta\",\"index\":%u,\"delta\":{\"type\":\"%s\",\"%s\":\"",
        index, type, key);
}

static void add_delta(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    static const char *const kinds[][2] = {
        [SIM_CONTENT_THINKING] = {"thinking_delta", "thinking"},
        [SIM_CONTENT_TEXT] = {"text_delta", "text"},
        [SIM_CONTENT_CALL] = {"input_json_delta", "partial_json"},
    };

    begin_delta(a, p->index, kinds[p->block->kind][0], kinds[p->block->kind][1]);
    sim_content_write(&a->content, a->now, &a->scratch);
    ADD(&a->scratch, "\"}}");
    sim_answer_event(a, "content_block_delta", out);
}

static void close_block(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    if (p->block->kind == SIM_CONTENT_THINKING) {
        begin_delta(a, p->index, "signature_delta", "signature");
        ADD(&a->scratch, "%s\"}}", SIM_CONTENT_SIGNATURE);
        sim_answer_event(a, "content_block_delta", out);
    }
    ADD(&a->scratch, "{\"type\":\"content_block_stop\",\"index\":%u}", p->index);
    sim_answer_event(a, "content_block_stop", out);
}

static void write_piece(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    if (p->is_first)
        open_block(a, p, out);
    if (p->block->kind == SIM_CONTENT_REDACTED_THINKING) {
        sim_content_write(&a->content, a->now, &a->scratch);
        buf_clear(&a->scratch);
    } else {
        add_delta(a, p, out);
    }
    if (p->is_last)
        close_block(a, p, out);
}

static void write_end(struct sim_answer *a, struct buf *out)
{
    int times = a->script.double_usage ? 2 : 1;

    for (int i = 0; i < times && !a->script.no_finish; i++) {
        ADD(&a->scratch, "{\"type\":\"message_delta\",\"delta\":{");
        add_reason(a, &a->scratch);
        ADD(&a->scratch, "}");
        if (!a->script.no_usage) {
            ADD(&a->scratch, ",");
            add_usage(a, &a->scratch, false);
        }
        ADD(&a->scratch, "}");
        sim_answer_event(a, "message_delta", out);
    }
    if (!a->script.no_done) {
        ADD(&a->scratch, "{\"type\":\"message_stop\"}");
        sim_answer_event(a, "message_stop", out);
    }
}

static void write_break(struct sim_answer *a, const struct sim_error *e, struct buf *out)
{
    write_error(e, &a->scratch);
    sim_answer_event(a, "error", out);
}

static void write_block(struct sim_answer *a, const struct sim_content_piece *p, struct buf *json)
{
    struct str arguments;

    switch (p->block->kind) {
    case SIM_CONTENT_THINKING:
        ADD(json, "{\"type\":\"thinking\",\"thinking\":\"");
        sim_content_write_block(&a->content, a->now, json);
        ADD(json, "\",\"signature\":\"%s\"}", SIM_CONTENT_SIGNATURE);
        return;
    case SIM_CONTENT_REDACTED_THINKING:
        ADD(json, "{\"type\":\"redacted_thinking\",\"data\":\"");
        sim_content_write_block(&a->content, a->now, json);
        ADD(json, "\"}");
        return;
    case SIM_CONTENT_TEXT:
        ADD(json, "{\"type\":\"text\",\"text\":\"");
        sim_content_write_block(&a->content, a->now, json);
        ADD(json, "\"}");
        return;
    case SIM_CONTENT_CALL:
        ADD(json, "{\"type\":\"tool_use\",\"id\":\"toolu_%s_%u\",\"name\":\"%s\",\"input\":", a->id,
            p->block->call, p->block->name);
        arguments = sim_content_take_arguments(&a->content);
        (void)!buf_add_str(json, arguments);
        ADD(json, "}");
        return;
    }
}

static void write_whole(struct sim_answer *a, struct buf *json)
{
    struct sim_content_piece p;

    ADD(json, "{");
    begin_message(a, json);
    ADD(json, "\",\"content\":[");
    while (sim_content_next(&a->content, &p)) {
        if (p.index > 0)
            ADD(json, ",");
        write_block(a, &p, json);
    }
    ADD(json, "]");
    if (!a->script.no_finish) {
        ADD(json, ",");
        add_reason(a, json);
    }
    for (int i = 0; i < sim_answer_usage_times(a); i++) {
        ADD(json, ",");
        add_usage(a, json, false);
    }
    ADD(json, "}");
}

const struct sim_dialect sim_anthropic = {
    .name = "anthropic",
    .frame = SIM_FRAME_SSE_NAMED,
    .stream_type = "text/event-stream; charset=utf-8",
    .id_header = "request-id",
    .errors = errors,
    .read = read,
    .write_error = write_error,
    .write_start = write_start,
    .write_piece = write_piece,
    .write_end = write_end,
    .write_break = write_break,
    .write_whole = write_whole,
};
