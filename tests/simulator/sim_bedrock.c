#include "sim_bedrock.h"

#include "sim_answer.h"
#include "sim_route.h"
#include "sim_sigv4.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ADD sim_answer_add

static const struct sim_note_param params[] = {
    {"inferenceConfig.maxTokens", "max_tokens"},
    {"inferenceConfig.temperature", "temperature"},
    {"inferenceConfig.topP", "top_p"},
    {"additionalModelRequestFields.top_k", "top_k"},
    {"additionalModelRequestFields.thinking.type", "thinking"},
    {"additionalModelRequestFields.thinking.budget_tokens", "thinking_budget"},
    {"additionalModelRequestFields.reasoning_config.type", "thinking"},
    {"additionalModelRequestFields.reasoning_config.budget_tokens", "thinking_budget"},
    {"guardrailConfig", "guardrail"},
    {"performanceConfig", "performance"},
    {"requestMetadata", "metadata"},
    {"serviceTier.type", "service_tier"},
};
#define N_PARAMS (sizeof(params) / sizeof(params[0]))

/* `code` is the exception's name in a stream. */
static const struct sim_error_words errors[SIM_ERROR_KINDS] = {
    [SIM_ERROR_NONE] = {200, "", "", ""},
    [SIM_ERROR_INVALID] = {400, "ValidationException", "validationException",
                           "The provided request is not valid"},
    [SIM_ERROR_CONTEXT] = {400, "ValidationException", "validationException",
                           "Input is too long for requested model."},
    [SIM_ERROR_AUTH] = {403, "UnrecognizedClientException", "validationException",
                        "The security token included in the request is invalid."},
    [SIM_ERROR_QUOTA] = {400, "ServiceQuotaExceededException", "validationException",
                         "Your request exceeds the service quota for your account."},
    [SIM_ERROR_FORBIDDEN] = {403, "AccessDeniedException", "validationException",
                             "You don't have access to the model with the specified model ID."},
    [SIM_ERROR_MISSING] = {404, "ResourceNotFoundException", "validationException",
                           "Could not resolve the foundation model from the provided model "
                           "identifier."},
    [SIM_ERROR_TOO_LARGE] = {413, "RequestEntityTooLargeException", "validationException",
                             "The request entity is too large."},
    [SIM_ERROR_RATE] = {429, "ThrottlingException", "throttlingException",
                        "Too many requests, please wait before trying again."},
    [SIM_ERROR_SERVER] = {500, "InternalServerException", "internalServerException",
                          "The system encountered an unexpected error during processing."},
    [SIM_ERROR_OVERLOADED] = {503, "ServiceUnavailableException", "serviceUnavailableException",
                              "Bedrock is unable to process your request."},
    [SIM_ERROR_TIMEOUT] = {408, "ModelTimeoutException", "modelStreamErrorException",
                           "Model has timed out in processing the request."},
};

static void write_error(const struct sim_error *e, struct buf *json)
{
    ADD(json, "{\"message\":\"");
    sim_content_escape(json, e->message);
    ADD(json, "\"}");
}

static bool read_content(struct sim_note *n, const struct json_value *content);

static void read_file(struct sim_note *n, const struct json_value *file, const char *kind)
{
    char media[64];

    snprintf(media, sizeof(media), "%s/%.*s", kind,
             STR_ARG(sim_note_spelled(json_get(file, "format"))));
    sim_note_file(n, str_from(media), sim_note_spelled(json_at(file, "source.bytes")));
}

static void read_reasoning(struct sim_note *n, const struct json_value *reasoning)
{
    const struct json_value *text = json_get(reasoning, "reasoningText");

    if (text)
        sim_note_words(n, "thinking", json_get(text, "text"), json_get(text, "signature"));
    else
        sim_note_redacted(n, json_get(reasoning, "redactedContent"));
}

static bool read_result(struct sim_note *n, const struct json_value *result)
{
    sim_note_result(n, json_get(result, "toolUseId"), NULL,
                    str_is(sim_note_spelled(json_get(result, "status")), "error"));
    if (!read_content(n, json_get(result, "content")))
        return false;
    sim_note_result_end(n);
    return true;
}

static bool read_block(struct sim_note *n, const struct json_value *block)
{
    const struct json_value *v = block->child;

    if (!v || v->next)
        return sim_note_refuse(n, "a ContentBlock has exactly one member");
    if (str_is(v->key, "text")) {
        if (str_trim(sim_note_spelled(v)).len == 0)
            return sim_note_refuse(n, "The text field in the ContentBlock object is blank.");
        sim_note_text(n, v);
    } else if (str_is(v->key, "json"))
        sim_note_json(n, v);
    else if (str_is(v->key, "image"))
        read_file(n, v, "image");
    else if (str_is(v->key, "document"))
        read_file(n, v, "application");
    else if (str_is(v->key, "toolUse"))
        sim_note_call(n, json_get(v, "toolUseId"), json_get(v, "name"), json_get(v, "input"), NULL);
    else if (str_is(v->key, "toolResult"))
        return read_result(n, v);
    else if (str_is(v->key, "reasoningContent"))
        read_reasoning(n, v);
    else if (!str_is(v->key, "cachePoint") && !str_is(v->key, "guardContent"))
        return sim_note_refuse(n, "unknown ContentBlock %.*s", STR_ARG(v->key));
    return true;
}

static bool read_content(struct sim_note *n, const struct json_value *content)
{
    if (!json_is(content, JSON_ARRAY) || !content->child)
        return sim_note_refuse(n, "The content field is empty.");
    for (const struct json_value *b = content->child; b; b = b->next)
        if (!read_block(n, b))
            return false;
    return true;
}

static bool has_tools_in(const struct json_value *message)
{
    const struct json_value *content = json_get(message, "content");

    if (!json_is(content, JSON_ARRAY))
        return false;
    for (const struct json_value *b = content->child; b; b = b->next)
        if (json_get(b, "toolUse") || json_get(b, "toolResult"))
            return true;
    return false;
}

static bool read_messages(struct sim_note *n)
{
    const struct json_value *messages = json_get(n->root, "messages");
    const struct json_value *system = json_get(n->root, "system");
    const char *expected = "user";

    if (!json_is(messages, JSON_ARRAY) || !messages->child)
        return sim_note_refuse(n, "A conversation must start with a user message.");
    if (system) {
        sim_note_message(n, "system");
        if (!read_content(n, system))
            return false;
        sim_note_message_end(n);
    }
    for (const struct json_value *m = messages->child; m; m = m->next) {
        if (!str_is(sim_note_spelled(json_get(m, "role")), expected))
            return sim_note_refuse(n, "A conversation must alternate between user and assistant "
                                      "roles and start with user.");
        if (has_tools_in(m) && !json_get(n->root, "toolConfig"))
            return sim_note_refuse(n, "The toolConfig field must be defined when using toolUse and "
                                      "toolResult content blocks.");
        sim_note_message(n, expected);
        if (!read_content(n, json_get(m, "content")))
            return false;
        sim_note_message_end(n);
        expected = expected[0] == 'u' ? "assistant" : "user";
    }
    return true;
}

static bool read_tools(struct sim_note *n)
{
    const struct json_value *config = json_get(n->root, "toolConfig");
    const struct json_value *tools = json_get(config, "tools");
    const struct json_value *choice = json_get(config, "toolChoice");

    if (config && (!json_is(tools, JSON_ARRAY) || !tools->child))
        return sim_note_refuse(n, "toolConfig.tools must have at least one tool");
    sim_note_tools(n);
    if (tools)
        for (const struct json_value *t = tools->child; t; t = t->next) {
            const struct json_value *spec = json_get(t, "toolSpec");
            if (!spec && json_get(t, "cachePoint"))
                continue;
            if (!json_at(spec, "inputSchema.json"))
                return sim_note_refuse(n, "toolSpec.inputSchema.json is missing");
            sim_note_tool(n, json_get(spec, "name"), json_get(spec, "description"),
                          json_at(spec, "inputSchema.json"));
        }
    sim_note_tools_end(n,
                       json_get(choice, "any")    ? "required"
                       : json_get(choice, "tool") ? "named"
                       : choice                   ? "auto"
                                                  : NULL,
                       json_at(choice, "tool.name"));
    return true;
}

static void read_format(struct sim_note *n)
{
    const struct json_value *json =
        json_at(n->root, "outputConfig.textFormat.structure.jsonSchema");
    const struct json_value *schema = json_get(json, "schema"), *inner;
    struct str text;
    size_t offset;

    if (!json)
        return;
    if (json_string(schema, n->arena, &text) &&
        json_parse(n->arena, text, &inner, &offset) == JSON_OK)
        schema = inner;
    sim_note_format(n, "schema", json_get(json, "name"), schema);
}

static void read_path(struct sim_note *n)
{
    struct str path = n->request->path;
    const char *from = memmem(path.data, path.len, "/model/", 7);
    const char *to = memrchr(path.data, '/', path.len);

    if (from && to > from + 7)
        n->chat->model = sim_http_decode(n->arena, (struct str){from + 7, (size_t)(to - from) - 7});
    n->chat->is_stream = sim_route_ends_with(path, "/converse-stream");
    n->chat->wants_usage = true;
}

static bool read(struct sim_note *n)
{
    static const char *const known[] = {"messages",
                                        "system",
                                        "inferenceConfig",
                                        "toolConfig",
                                        "outputConfig",
                                        "additionalModelRequestFields",
                                        "additionalModelResponseFieldPaths",
                                        "promptVariables",
                                        NULL};
    const char *wrong = sim_sigv4_check(n->request, n->aws_key);

    if (wrong) {
        n->error_kind = SIM_ERROR_AUTH;
        return sim_note_refuse(n, "%s", wrong);
    }
    if (!sim_note_body(n))
        return false;
    read_path(n);
    sim_note_head(n);
    sim_note_messages(n);
    if (!read_messages(n))
        return false;
    sim_note_messages_end(n);
    if (!read_tools(n))
        return false;
    sim_note_stops(n, json_at(n->root, "inferenceConfig.stopSequences"));
    read_format(n);
    sim_note_params(n, params, N_PARAMS);
    (void)!sim_note_unknown(n, known, params, N_PARAMS);
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
        return "content_filtered";
    case SIM_SCRIPT_FINISH_REFUSAL:
        return "guardrail_intervened";
    case SIM_SCRIPT_FINISH_TRUE:
    case SIM_SCRIPT_FINISH_STOP:
        break;
    }
    return "end_turn";
}

/* Cached tokens stand beside the input, not among it. */
static void add_usage(const struct sim_answer *a, struct buf *json)
{
    struct sim_answer_usage u = sim_answer_usage(a);

    ADD(json,
        "\"usage\":{\"inputTokens\":%" PRIu64 ",\"outputTokens\":%" PRIu64
        ",\"totalTokens\":%" PRIu64 ",\"cacheReadInputTokens\":%" PRIu64
        ",\"cacheWriteInputTokens\":0}",
        u.input - u.cached, u.output, u.input + u.output, u.cached);
}

static void write_start(struct sim_answer *a, struct buf *out)
{
    ADD(&a->scratch, "{\"p\":\"abcdefghijk\",\"role\":\"assistant\"}");
    sim_answer_event(a, "messageStart", out);
}

static void begin_delta(struct sim_answer *a, unsigned index)
{
    ADD(&a->scratch, "{\"contentBlockIndex\":%u,\"delta\":{", index);
}

static void send_delta(struct sim_answer *a, struct buf *out)
{
    ADD(&a->scratch, "},\"p\":\"abcdefghijklmnopqrstuvwxyz\"}");
    sim_answer_event(a, "contentBlockDelta", out);
}

static void write_piece(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    static const char *const opening[][2] = {
        [SIM_CONTENT_THINKING] = {"\"reasoningContent\":{\"text\":\"", "\"}"},
        [SIM_CONTENT_REDACTED_THINKING] = {"\"reasoningContent\":{\"redactedContent\":\"", "\"}"},
        [SIM_CONTENT_TEXT] = {"\"text\":\"", "\""},
        [SIM_CONTENT_CALL] = {"\"toolUse\":{\"input\":\"", "\"}"},
    };

    if (p->is_first && p->block->kind == SIM_CONTENT_CALL) {
        ADD(&a->scratch,
            "{\"contentBlockIndex\":%u,\"p\":\"abc\",\"start\":{\"toolUse\":{\"name\":\"%s\","
            "\"toolUseId\":\"tooluse_%s_%u\"}}}",
            p->index, p->block->name, a->id, p->block->call);
        sim_answer_event(a, "contentBlockStart", out);
    }
    begin_delta(a, p->index);
    ADD(&a->scratch, "%s", opening[p->block->kind][0]);
    sim_content_write(&a->content, a->now, &a->scratch);
    ADD(&a->scratch, "%s", opening[p->block->kind][1]);
    send_delta(a, out);
    if (p->is_last && p->block->kind == SIM_CONTENT_THINKING) {
        begin_delta(a, p->index);
        ADD(&a->scratch, "\"reasoningContent\":{\"signature\":\"%s\"}", SIM_CONTENT_SIGNATURE);
        send_delta(a, out);
    }
    if (p->is_last) {
        ADD(&a->scratch, "{\"contentBlockIndex\":%u,\"p\":\"abcdef\"}", p->index);
        sim_answer_event(a, "contentBlockStop", out);
    }
}

static void write_end(struct sim_answer *a, struct buf *out)
{
    if (!a->script.no_finish) {
        ADD(&a->scratch, "{\"p\":\"abcd\",\"stopReason\":\"%s\"}", stop_reason(a));
        sim_answer_event(a, "messageStop", out);
    }
    for (int i = 0; i < sim_answer_usage_times(a); i++) {
        ADD(&a->scratch, "{\"metrics\":{\"latencyMs\":412},\"p\":\"abcdefgh\",");
        add_usage(a, &a->scratch);
        ADD(&a->scratch, "}");
        sim_answer_event(a, "metadata", out);
    }
}

static void write_break(struct sim_answer *a, const struct sim_error *e, struct buf *out)
{
    write_error(e, &a->scratch);
    buf_clear(&a->framed);
    sim_frame_exception(&a->framed, e->words.code, buf_str(&a->scratch));
    sim_answer_send(a, buf_str(&a->framed), out);
    buf_clear(&a->scratch);
}

static void write_block(struct sim_answer *a, const struct sim_content_piece *p, struct buf *json)
{
    struct str arguments;

    switch (p->block->kind) {
    case SIM_CONTENT_THINKING:
        ADD(json, "{\"reasoningContent\":{\"reasoningText\":{\"signature\":\"%s\",\"text\":\"",
            SIM_CONTENT_SIGNATURE);
        sim_content_write_block(&a->content, a->now, json);
        ADD(json, "\"}}}");
        return;
    case SIM_CONTENT_REDACTED_THINKING:
        ADD(json, "{\"reasoningContent\":{\"redactedContent\":\"");
        sim_content_write_block(&a->content, a->now, json);
        ADD(json, "\"}}");
        return;
    case SIM_CONTENT_TEXT:
        ADD(json, "{\"text\":\"");
        sim_content_write_block(&a->content, a->now, json);
        ADD(json, "\"}");
        return;
    case SIM_CONTENT_CALL:
        ADD(json, "{\"toolUse\":{\"input\":");
        arguments = sim_content_take_arguments(&a->content);
        (void)!buf_add_str(json, arguments);
        ADD(json, ",\"name\":\"%s\",\"toolUseId\":\"tooluse_%s_%u\"}}", p->block->name, a->id,
            p->block->call);
        return;
    }
}

static void write_whole(struct sim_answer *a, struct buf *json)
{
    struct sim_content_piece p;

    ADD(json, "{\"metrics\":{\"latencyMs\":412},\"output\":{\"message\":{\"content\":[");
    while (sim_content_next(&a->content, &p)) {
        if (p.index > 0)
            ADD(json, ",");
        write_block(a, &p, json);
    }
    ADD(json, "],\"role\":\"assistant\"}}");
    if (!a->script.no_finish)
        ADD(json, ",\"stopReason\":\"%s\"", stop_reason(a));
    for (int i = 0; i < sim_answer_usage_times(a); i++) {
        ADD(json, ",");
        add_usage(a, json);
    }
    ADD(json, "}");
}

const struct sim_dialect sim_bedrock = {
    .name = "bedrock",
    .frame = SIM_FRAME_AWS,
    .stream_type = "application/vnd.amazon.eventstream",
    .id_header = "x-amzn-RequestId",
    .error_header = "x-amzn-ErrorType",
    .errors = errors,
    .read = read,
    .write_error = write_error,
    .write_start = write_start,
    .write_piece = write_piece,
    .write_end = write_end,
    .write_break = write_break,
    .write_whole = write_whole,
};
