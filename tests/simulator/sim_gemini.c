#include "sim_gemini.h"

#include "sim_answer.h"
#include "sim_route.h"

#include <inttypes.h>
#include <string.h>

#define ADD sim_answer_add

static const struct sim_note_param params[] = {
    {"generationConfig.maxOutputTokens", "max_tokens"},
    {"generationConfig.temperature", "temperature"},
    {"generationConfig.topP", "top_p"},
    {"generationConfig.topK", "top_k"},
    {"generationConfig.candidateCount", "n"},
    {"generationConfig.seed", "seed"},
    {"generationConfig.presencePenalty", "presence_penalty"},
    {"generationConfig.frequencyPenalty", "frequency_penalty"},
    {"generationConfig.responseLogprobs", "logprobs"},
    {"generationConfig.logprobs", "top_logprobs"},
    {"generationConfig.thinkingConfig.includeThoughts", "include_thoughts"},
    {"generationConfig.thinkingConfig.thinkingBudget", "thinking_budget"},
    {"generationConfig.thinkingConfig.thinkingLevel", "effort"},
    {"safetySettings", "safety"},
    {"cachedContent", "cached_content"},
    {"labels", "metadata"},
    {"serviceTier", "service_tier"},
};
#define N_PARAMS (sizeof(params) / sizeof(params[0]))

/* `code` is the reason in the error's details. */
static const struct sim_error_words errors[SIM_ERROR_KINDS] = {
    [SIM_ERROR_NONE] = {200, "", NULL, ""},
    [SIM_ERROR_INVALID] = {400, "INVALID_ARGUMENT", NULL, "Request contains an invalid argument."},
    [SIM_ERROR_CONTEXT] = {400, "INVALID_ARGUMENT", NULL,
                           "The input token count (1048577) exceeds the maximum number of tokens "
                           "allowed (1048576)."},
    [SIM_ERROR_AUTH] = {400, "INVALID_ARGUMENT", "API_KEY_INVALID",
                        "API key not valid. Please pass a valid API key."},
    [SIM_ERROR_QUOTA] = {429, "RESOURCE_EXHAUSTED", NULL,
                         "You exceeded your current quota, please check your plan and billing "
                         "details."},
    [SIM_ERROR_FORBIDDEN] = {403, "PERMISSION_DENIED", NULL,
                             "The caller does not have permission."},
    [SIM_ERROR_MISSING] = {404, "NOT_FOUND", NULL,
                           "models/sim is not found for API version v1beta, or is not supported "
                           "for generateContent."},
    [SIM_ERROR_TOO_LARGE] = {413, "INVALID_ARGUMENT", NULL,
                             "Request payload size exceeds the limit: 20971520 bytes."},
    [SIM_ERROR_RATE] = {429, "RESOURCE_EXHAUSTED", NULL,
                        "Resource has been exhausted (e.g. check quota)."},
    [SIM_ERROR_SERVER] = {500, "INTERNAL", NULL, "An internal error has occurred."},
    [SIM_ERROR_OVERLOADED] = {503, "UNAVAILABLE", NULL,
                              "The model is overloaded. Please try again later."},
    [SIM_ERROR_TIMEOUT] = {504, "DEADLINE_EXCEEDED", NULL,
                           "Deadline expired before operation could complete."},
};

static void write_error(const struct sim_error *e, struct buf *json)
{
    ADD(json, "{\"error\":{\"code\":%d,\"message\":\"", e->words.status);
    sim_content_escape(json, e->message);
    ADD(json, "\",\"status\":\"%s\"", e->words.type);
    if (e->words.code)
        ADD(json,
            ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
            "\"reason\":\"%s\",\"domain\":\"googleapis.com\"}]",
            e->words.code);
    else if (e->kind == SIM_ERROR_RATE && e->retry_after[0])
        ADD(json,
            ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
            "\"retryDelay\":\"%ss\"}]",
            e->retry_after);
    ADD(json, "}}");
}

struct str sim_gemini_model(struct arena *a, const struct sim_http_request *request)
{
    struct str path = request->path;
    const char *from = memmem(path.data, path.len, "/models/", 8);
    const char *to = memrchr(path.data, ':', path.len);

    if (!from || !to || to < from + 8)
        return STR_EMPTY;
    return sim_http_decode(a, (struct str){from + 8, (size_t)(to - from) - 8});
}

static const struct json_value *no_such(struct sim_note *n, const struct json_value *object,
                                        const char *const *known)
{
    if (!json_is(object, JSON_OBJECT))
        return NULL;
    for (const struct json_value *v = object->child; v; v = v->next) {
        const char *const *name = known;
        while (*name && !str_is(v->key, *name))
            name++;
        if (*name)
            continue;
        sim_note_refuse(n,
                        "Invalid JSON payload received. Unknown name \"%.*s\": Cannot find "
                        "field.",
                        STR_ARG(v->key));
        return v;
    }
    return NULL;
}

/* Gemini's own schemas are a closed subset of OpenAPI's. */
static bool check_schema(struct sim_note *n, const struct json_value *schema)
{
    static const char *const known[] = {
        "type",     "format",        "title",         "description",      "nullable",  "enum",
        "maxItems", "minItems",      "properties",    "required",         "minLength", "maxLength",
        "pattern",  "example",       "anyOf",         "default",          "items",     "minimum",
        "maximum",  "minProperties", "maxProperties", "propertyOrdering", NULL};
    const struct json_value *properties = json_get(schema, "properties");
    const struct json_value *any = json_get(schema, "anyOf");

    if (no_such(n, schema, known))
        return false;
    if (json_is(properties, JSON_OBJECT))
        for (const struct json_value *p = properties->child; p; p = p->next)
            if (!check_schema(n, p))
                return false;
    if (json_is(any, JSON_ARRAY))
        for (const struct json_value *s = any->child; s; s = s->next)
            if (!check_schema(n, s))
                return false;
    return !json_get(schema, "items") || check_schema(n, json_get(schema, "items"));
}

static void read_response(struct sim_note *n, const struct json_value *response)
{
    static const char *const names[] = {"result", "output", "content", "error"};
    const struct json_value *value = json_get(response, "response"), *text = NULL;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (json_is(json_get(value, names[i]), JSON_STRING))
            text = json_get(value, names[i]);
    sim_note_result(n, json_get(response, "id"), json_get(response, "name"),
                    json_get(value, "error") != NULL);
    if (text)
        sim_note_text(n, text);
    else
        sim_note_json(n, value);
    sim_note_result_end(n);
}

static bool read_part(struct sim_note *n, const struct json_value *part)
{
    static const char *const known[] = {
        "text",         "thought",          "thoughtSignature", "inlineData",      "fileData",
        "functionCall", "functionResponse", "videoMetadata",    "mediaResolution", NULL};
    const struct json_value *data = json_get(part, "inlineData");
    const struct json_value *file = json_get(part, "fileData");
    const struct json_value *call = json_get(part, "functionCall");
    const struct json_value *signature = json_get(part, "thoughtSignature");

    if (no_such(n, part, known))
        return false;
    if (json_is(json_get(part, "thought"), JSON_TRUE))
        sim_note_words(n, "thinking", json_get(part, "text"), signature);
    else if (data)
        sim_note_file(n, sim_note_spelled(json_get(data, "mimeType")),
                      sim_note_spelled(json_get(data, "data")));
    else if (file)
        sim_note_url(n, sim_note_spelled(json_get(file, "mimeType")), json_get(file, "fileUri"));
    else if (call)
        sim_note_call(n, json_get(call, "id"), json_get(call, "name"), json_get(call, "args"),
                      signature);
    else if (json_get(part, "functionResponse"))
        read_response(n, json_get(part, "functionResponse"));
    else if (signature)
        sim_note_signed_text(n, json_get(part, "text"), signature);
    else
        sim_note_text(n, json_get(part, "text"));
    return true;
}

static bool read_content(struct sim_note *n, const struct json_value *content, const char *role)
{
    const struct json_value *parts = json_get(content, "parts");

    if (!json_is(parts, JSON_ARRAY) || !parts->child)
        return sim_note_refuse(n, "* GenerateContentRequest.contents[0].parts: contents.parts must "
                                  "not be empty.");
    sim_note_message(n, role);
    for (const struct json_value *p = parts->child; p; p = p->next)
        if (!read_part(n, p))
            return false;
    sim_note_message_end(n);
    return true;
}

static bool read_contents(struct sim_note *n)
{
    const struct json_value *system = json_get(n->root, "systemInstruction");
    const struct json_value *contents = json_get(n->root, "contents");

    if (!json_is(contents, JSON_ARRAY) || !contents->child)
        return sim_note_refuse(n, "* GenerateContentRequest.contents: contents is not specified");
    if (system && !read_content(n, system, "system"))
        return false;
    for (const struct json_value *c = contents->child; c; c = c->next) {
        struct str role = sim_note_spelled(json_get(c, "role"));
        if (role.len > 0 && !str_is(role, "user") && !str_is(role, "model"))
            return sim_note_refuse(n, "Please use a valid role: user, model.");
        if (!read_content(n, c, str_is(role, "model") ? "assistant" : "user"))
            return false;
    }
    return true;
}

static bool read_declarations(struct sim_note *n, const struct json_value *declarations)
{
    if (!json_is(declarations, JSON_ARRAY))
        return true;
    for (const struct json_value *d = declarations->child; d; d = d->next) {
        const struct json_value *schema = json_get(d, "parametersJsonSchema");
        const struct json_value *own = json_get(d, "parameters");
        if (own && !check_schema(n, own))
            return false;
        sim_note_tool(n, json_get(d, "name"), json_get(d, "description"), schema ? schema : own);
    }
    return true;
}

static bool read_tools(struct sim_note *n)
{
    const struct json_value *tools = json_get(n->root, "tools");
    const struct json_value *config = json_at(n->root, "toolConfig.functionCallingConfig");
    struct str mode = sim_note_spelled(json_get(config, "mode"));
    const struct json_value *name = json_at(config, "allowedFunctionNames.0");

    sim_note_tools(n);
    if (json_is(tools, JSON_ARRAY))
        for (const struct json_value *t = tools->child; t; t = t->next)
            if (!read_declarations(n, json_get(t, "functionDeclarations")))
                return false;
    sim_note_tools_end(n,
                       str_is(mode, "ANY")    ? name ? "named" : "required"
                       : str_is(mode, "NONE") ? "none"
                       : mode.len > 0         ? "auto"
                                              : NULL,
                       name);
    return true;
}

static bool read_format(struct sim_note *n, const struct json_value *config)
{
    const struct json_value *own = json_get(config, "responseSchema");
    const struct json_value *schema = json_get(config, "responseJsonSchema");
    bool is_json =
        str_is(sim_note_spelled(json_get(config, "responseMimeType")), "application/json");

    if ((own || schema) && !is_json)
        return sim_note_refuse(n, "Response schema needs the response mime type application/json");
    if (own && !check_schema(n, own))
        return false;
    if (is_json)
        sim_note_format(n, own || schema ? "schema" : "json", NULL, schema ? schema : own);
    return true;
}

static bool read(struct sim_note *n)
{
    static const char *const known[] = {"contents",
                                        "systemInstruction",
                                        "tools",
                                        "toolConfig",
                                        "generationConfig",
                                        "safetySettings",
                                        "cachedContent",
                                        "labels",
                                        "serviceTier",
                                        "model",
                                        NULL};
    static const char *const config_known[] = {"maxOutputTokens",
                                               "temperature",
                                               "topP",
                                               "topK",
                                               "candidateCount",
                                               "seed",
                                               "presencePenalty",
                                               "frequencyPenalty",
                                               "responseLogprobs",
                                               "logprobs",
                                               "thinkingConfig",
                                               "stopSequences",
                                               "responseMimeType",
                                               "responseSchema",
                                               "responseJsonSchema",
                                               "responseModalities",
                                               "speechConfig",
                                               "mediaResolution",
                                               "imageConfig",
                                               NULL};

    if (!sim_note_body(n))
        return false;
    const struct json_value *config = json_get(n->root, "generationConfig");
    n->chat->model = sim_gemini_model(n->arena, n->request);
    n->chat->is_stream = sim_route_ends_with(n->request->path, ":streamGenerateContent");
    n->chat->is_array = n->chat->is_stream && !str_is(sim_http_query(n->request, "alt"), "sse");
    n->chat->wants_usage = true;
    if (no_such(n, n->root, known) || no_such(n, config, config_known))
        return false;
    sim_note_head(n);
    sim_note_messages(n);
    if (!read_contents(n))
        return false;
    sim_note_messages_end(n);
    if (!read_tools(n))
        return false;
    sim_note_stops(n, json_get(config, "stopSequences"));
    if (!read_format(n, config))
        return false;
    sim_note_params(n, params, N_PARAMS);
    (void)!sim_note_unknown(n, known, params, N_PARAMS);
    return true;
}

static const char *finish_reason(const struct sim_answer *a)
{
    switch (sim_answer_finish(a)) {
    case SIM_SCRIPT_FINISH_LENGTH:
        return "MAX_TOKENS";
    case SIM_SCRIPT_FINISH_FILTER:
    case SIM_SCRIPT_FINISH_REFUSAL:
        return "SAFETY";
    case SIM_SCRIPT_FINISH_TOOLS:
    case SIM_SCRIPT_FINISH_SEQUENCE:
    case SIM_SCRIPT_FINISH_TRUE:
    case SIM_SCRIPT_FINISH_STOP:
        break;
    }
    return "STOP";
}

/* Thoughts are counted beside the candidates. */
static void add_usage(const struct sim_answer *a, struct buf *json)
{
    struct sim_answer_usage u = sim_answer_usage(a);

    ADD(json, ",\"usageMetadata\":{\"promptTokenCount\":%" PRIu64, u.input);
    if (u.output > u.reasoning)
        ADD(json, ",\"candidatesTokenCount\":%" PRIu64, u.output - u.reasoning);
    if (u.cached > 0)
        ADD(json, ",\"cachedContentTokenCount\":%" PRIu64, u.cached);
    if (u.reasoning > 0)
        ADD(json, ",\"thoughtsTokenCount\":%" PRIu64, u.reasoning);
    ADD(json, ",\"totalTokenCount\":%" PRIu64 "}", u.input + u.output);
}

static void end_response(const struct sim_answer *a, struct buf *json)
{
    if (!a->script.no_usage)
        add_usage(a, json);
    ADD(json, ",\"modelVersion\":\"");
    sim_content_escape(json, str_from(a->model));
    ADD(json, "\",\"responseId\":\"%s\"}", a->id);
}

/* The signature of the thoughts stands on the first part behind them. */
static bool is_signed(const struct sim_answer *a, const struct sim_content_piece *p)
{
    return p->index > 0 && p->is_first && a->content.block[p->index - 1].kind != SIM_CONTENT_TEXT &&
           a->content.block[p->index - 1].kind != SIM_CONTENT_CALL &&
           a->content.block[0].kind == SIM_CONTENT_THINKING;
}

/* One piece, or (`is_whole`) the whole block as one part. */
static void add_part(struct sim_answer *a, const struct sim_content_piece *p, struct buf *json,
                     bool is_whole)
{
    if (p->block->kind == SIM_CONTENT_CALL) {
        struct str arguments = sim_content_take_arguments(&a->content);
        ADD(json, "{\"functionCall\":{\"name\":\"%s\",\"args\":", p->block->name);
        (void)!buf_add_str(json, arguments);
        ADD(json, "}");
    } else {
        ADD(json, "{\"text\":\"");
        if (is_whole)
            sim_content_write_block(&a->content, a->now, json);
        else
            sim_content_write(&a->content, a->now, json);
        ADD(json, p->block->kind == SIM_CONTENT_THINKING ? "\",\"thought\":true" : "\"");
    }
    if (is_signed(a, p))
        ADD(json, ",\"thoughtSignature\":\"%s\"", SIM_CONTENT_SIGNATURE);
    ADD(json, "}");
}

/* There is no redacted thinking in this dialect. */
static bool skip_redacted(struct sim_answer *a, const struct sim_content_piece *p)
{
    if (p->block->kind != SIM_CONTENT_REDACTED_THINKING)
        return false;
    size_t before = a->scratch.len;
    sim_content_write(&a->content, a->now, &a->scratch);
    a->scratch.len = before;
    return true;
}

static void write_piece(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    if (skip_redacted(a, p))
        return;
    ADD(&a->scratch, "{\"candidates\":[{\"content\":{\"parts\":[");
    add_part(a, p, &a->scratch, false);
    ADD(&a->scratch, "],\"role\":\"model\"},\"index\":0}]");
    end_response(a, &a->scratch);
    sim_answer_event(a, NULL, out);
}

static void write_end(struct sim_answer *a, struct buf *out)
{
    if (a->script.no_finish)
        return;
    ADD(&a->scratch,
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},"
        "\"finishReason\":\"%s\",\"index\":0}]",
        finish_reason(a));
    end_response(a, &a->scratch);
    sim_answer_event(a, NULL, out);
}

static void write_break(struct sim_answer *a, const struct sim_error *e, struct buf *out)
{
    write_error(e, &a->scratch);
    sim_answer_event(a, NULL, out);
}

static void write_whole(struct sim_answer *a, struct buf *json)
{
    struct sim_content_piece p;

    ADD(json, "{\"candidates\":[{\"content\":{\"parts\":[");
    for (const char *comma = ""; sim_content_next(&a->content, &p);) {
        if (skip_redacted(a, &p))
            continue;
        ADD(json, "%s", comma);
        add_part(a, &p, json, true);
        comma = ",";
    }
    ADD(json, "],\"role\":\"model\"}");
    if (!a->script.no_finish)
        ADD(json, ",\"finishReason\":\"%s\"", finish_reason(a));
    ADD(json, ",\"index\":0}]");
    end_response(a, json);
}

const struct sim_dialect sim_gemini = {
    .name = "gemini",
    .frame = SIM_FRAME_SSE_CRLF,
    .stream_type = "text/event-stream",
    .id_header = "x-request-id",
    .errors = errors,
    .read = read,
    .write_error = write_error,
    .write_piece = write_piece,
    .write_end = write_end,
    .write_break = write_break,
    .write_whole = write_whole,
};
