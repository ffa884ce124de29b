#include "sim_openai.h"

#include "sim_answer.h"

#include <inttypes.h>
#include <string.h>

#define ADD sim_answer_add

static const struct sim_note_param params[] = {
    {"max_tokens", "max_tokens"},
    {"max_completion_tokens", "max_completion_tokens"},
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"top_k", "top_k"},
    {"n", "n"},
    {"seed", "seed"},
    {"frequency_penalty", "frequency_penalty"},
    {"presence_penalty", "presence_penalty"},
    {"logit_bias", "logit_bias"},
    {"logprobs", "logprobs"},
    {"top_logprobs", "top_logprobs"},
    {"parallel_tool_calls", "parallel_tool_calls"},
    {"reasoning_effort", "effort"},
    {"user", "user"},
    {"service_tier", "service_tier"},
    {"metadata", "metadata"},
    {"store", "store"},
    {"verbosity", "verbosity"},
};
#define N_PARAMS (sizeof(params) / sizeof(params[0]))

const struct sim_error_words sim_openai_errors[SIM_ERROR_KINDS] = {
    [SIM_ERROR_NONE] = {200, "", NULL, ""},
    [SIM_ERROR_INVALID] = {400, "invalid_request_error", NULL, "Invalid value in the request."},
    [SIM_ERROR_CONTEXT] = {400, "invalid_request_error", "context_length_exceeded",
                           "This model's maximum context length is 8192 tokens. However, your "
                           "messages resulted in 9001 tokens. Please reduce the length of the "
                           "messages."},
    [SIM_ERROR_AUTH] = {401, "invalid_request_error", "invalid_api_key",
                        "Incorrect API key provided."},
    [SIM_ERROR_QUOTA] = {429, "insufficient_quota", "insufficient_quota",
                         "You exceeded your current quota, please check your plan and billing "
                         "details."},
    [SIM_ERROR_FORBIDDEN] = {403, "invalid_request_error", "model_not_available",
                             "Your project does not have access to this model."},
    [SIM_ERROR_MISSING] = {404, "invalid_request_error", "model_not_found",
                           "The model does not exist or you do not have access to it."},
    [SIM_ERROR_TOO_LARGE] = {413, "invalid_request_error", NULL, "Request too large."},
    [SIM_ERROR_RATE] = {429, "requests", "rate_limit_exceeded",
                        "Rate limit reached for requests per min (RPM): Limit 3, Used 3."},
    [SIM_ERROR_SERVER] = {500, "server_error", NULL,
                          "The server had an error while processing your request."},
    [SIM_ERROR_OVERLOADED] = {503, "server_error", NULL,
                              "The engine is currently overloaded, please try again later."},
    [SIM_ERROR_TIMEOUT] = {504, "server_error", NULL, "The request timed out."},
};

void sim_openai_write_error(const struct sim_error *e, struct buf *json)
{
    ADD(json, "{\"error\":{\"message\":\"");
    sim_content_escape(json, e->message);
    ADD(json, "\",\"type\":\"%s\",\"param\":null,\"code\":", e->words.type);
    if (e->words.code)
        ADD(json, "\"%s\"}}", e->words.code);
    else
        ADD(json, "null}}");
}

static void read_part(struct sim_note *n, const struct json_value *part)
{
    struct str type = sim_note_spelled(json_get(part, "type"));

    if (str_is(type, "image_url"))
        sim_note_data_url(n, json_at(part, "image_url.url"));
    else if (str_is(type, "input_audio"))
        sim_note_file(n, STR("audio/wav"), sim_note_spelled(json_at(part, "input_audio.data")));
    else if (str_is(type, "file"))
        sim_note_data_url(n, json_at(part, "file.file_data"));
    else if (str_is(type, "refusal"))
        sim_note_words(n, "refusal", json_get(part, "refusal"), NULL);
    else
        sim_note_text(n, json_get(part, "text"));
}

static void read_content(struct sim_note *n, const struct json_value *content)
{
    sim_note_text(n, content);
    if (json_is(content, JSON_ARRAY))
        for (const struct json_value *part = content->child; part; part = part->next)
            read_part(n, part);
}

static void read_message(struct sim_note *n, const struct json_value *message)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool"};
    struct str role = sim_note_spelled(json_get(message, "role"));
    const struct json_value *calls = json_get(message, "tool_calls");
    const char *name = "unknown";

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (str_is(role, roles[i]))
            name = roles[i];
    sim_note_message(n, name);
    if (str_is(role, "tool"))
        sim_note_result(n, json_get(message, "tool_call_id"), json_get(message, "name"), false);
    sim_note_words(n, "thinking", json_get(message, "reasoning_content"), NULL);
    sim_note_words(n, "thinking", json_get(message, "reasoning"), NULL);
    read_content(n, json_get(message, "content"));
    sim_note_words(n, "refusal", json_get(message, "refusal"), NULL);
    if (json_is(calls, JSON_ARRAY))
        for (const struct json_value *c = calls->child; c; c = c->next)
            sim_note_call(n, json_get(c, "id"), json_at(c, "function.name"),
                          json_at(c, "function.arguments"), NULL);
    if (str_is(role, "tool"))
        sim_note_result_end(n);
    sim_note_message_end(n);
}

static void read_tools(struct sim_note *n)
{
    const struct json_value *tools = json_get(n->root, "tools");
    const struct json_value *choice = json_get(n->root, "tool_choice");
    struct str word = sim_note_spelled(choice);

    sim_note_tools(n);
    if (json_is(tools, JSON_ARRAY))
        for (const struct json_value *t = tools->child; t; t = t->next)
            sim_note_tool(n, json_at(t, "function.name"), json_at(t, "function.description"),
                          json_at(t, "function.parameters"));
    sim_note_tools_end(n,
                       json_is(choice, JSON_OBJECT) ? "named"
                       : str_is(word, "required")   ? "required"
                       : str_is(word, "none")       ? "none"
                       : word.len > 0               ? "auto"
                                                    : NULL,
                       json_at(choice, "function.name"));
}

static void read_format(struct sim_note *n)
{
    const struct json_value *format = json_get(n->root, "response_format");
    struct str type = sim_note_spelled(json_get(format, "type"));

    if (str_is(type, "json_schema"))
        sim_note_format(n, "schema", json_at(format, "json_schema.name"),
                        json_at(format, "json_schema.schema"));
    else if (str_is(type, "json_object"))
        sim_note_format(n, "json", NULL, NULL);
}

static bool read(struct sim_note *n)
{
    static const char *const known[] = {"model",          "messages",        "stream",
                                        "stream_options", "tools",           "tool_choice",
                                        "stop",           "response_format", NULL};

    if (!sim_note_body(n))
        return false;
    const struct json_value *model = json_get(n->root, "model");
    const struct json_value *messages = json_get(n->root, "messages");
    if (!json_string(model, n->arena, &n->chat->model) || !json_is(messages, JSON_ARRAY))
        return sim_note_refuse(n, "a chat request has a model and messages");

    n->chat->is_stream = json_is(json_get(n->root, "stream"), JSON_TRUE);
    n->chat->wants_usage =
        json_is(json_at(n->root, "stream_options.include_usage"), JSON_TRUE) || !n->chat->is_stream;
    n->chat->wants_logprobs = json_is(json_get(n->root, "logprobs"), JSON_TRUE);
    sim_note_head(n);
    sim_note_messages(n);
    for (const struct json_value *m = messages->child; m; m = m->next)
        read_message(n, m);
    sim_note_messages_end(n);
    read_tools(n);
    sim_note_stops(n, json_get(n->root, "stop"));
    read_format(n);
    sim_note_params(n, params, N_PARAMS);
    (void)!sim_note_unknown(n, known, params, N_PARAMS);
    return true;
}

static const char *finish_word(const struct sim_answer *a)
{
    switch (sim_answer_finish(a)) {
    case SIM_SCRIPT_FINISH_LENGTH:
        return "length";
    case SIM_SCRIPT_FINISH_TOOLS:
        return "tool_calls";
    case SIM_SCRIPT_FINISH_FILTER:
        return "content_filter";
    case SIM_SCRIPT_FINISH_TRUE:
    case SIM_SCRIPT_FINISH_STOP:
    case SIM_SCRIPT_FINISH_SEQUENCE:
    case SIM_SCRIPT_FINISH_REFUSAL:
        break;
    }
    return "stop";
}

static void add_usage(const struct sim_answer *a, struct buf *out)
{
    struct sim_answer_usage u = sim_answer_usage(a);

    ADD(out,
        "\"usage\":{\"prompt_tokens\":%" PRIu64 ",\"completion_tokens\":%" PRIu64
        ",\"total_tokens\":%" PRIu64,
        u.input, u.output, u.input + u.output);
    if (u.cached > 0)
        ADD(out, ",\"prompt_tokens_details\":{\"cached_tokens\":%" PRIu64 "}", u.cached);
    if (u.reasoning > 0)
        ADD(out, ",\"completion_tokens_details\":{\"reasoning_tokens\":%" PRIu64 "}", u.reasoning);
    ADD(out, "}");
}

/* The text stands in `out` already, from and up to these bytes. */
static void add_logprobs(const struct sim_answer *a, struct buf *out, const size_t text[2])
{
    struct buf copy;

    if (!a->wants_logprobs) {
        ADD(out, "\"logprobs\":null");
        return;
    }
    buf_init(&copy, text[1] - text[0] + 1);
    (void)!buf_add(&copy, out->data + text[0], text[1] - text[0]);
    ADD(out, "\"logprobs\":{\"content\":[{\"token\":\"");
    (void)!buf_add_str(out, buf_str(&copy));
    ADD(out, "\",\"logprob\":-0.25,\"bytes\":null,\"top_logprobs\":[]}],\"refusal\":null}");
    buf_done(&copy);
}

static void begin_event(struct sim_answer *a)
{
    ADD(&a->scratch,
        "{\"id\":\"chatcmpl-%s\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
        "\"model\":\"",
        a->id);
    sim_content_escape(&a->scratch, str_from(a->model));
    ADD(&a->scratch, "\",");
}

static void write_start(struct sim_answer *a, struct buf *out)
{
    if (a->script.quirk != SIM_SCRIPT_AZURE)
        return;
    begin_event(a);
    ADD(&a->scratch, "\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0,"
                     "\"content_filter_results\":{\"hate\":{\"filtered\":false,\"severity\":"
                     "\"safe\"}}}]}");
    sim_answer_event(a, NULL, out);
}

static const char *thinking_key(const struct sim_answer *a)
{
    return a->script.quirk == SIM_SCRIPT_OPENROUTER || a->script.quirk == SIM_SCRIPT_GROQ
               ? "reasoning"
               : "reasoning_content";
}

static const char *text_key(const struct sim_answer *a)
{
    return sim_answer_finish(a) == SIM_SCRIPT_FINISH_REFUSAL ? "refusal" : "content";
}

/* What goes before the piece's text, and behind it. */
static const char *open_delta(struct sim_answer *a, const struct sim_content_piece *p)
{
    struct buf *json = &a->scratch;

    switch (p->block->kind) {
    case SIM_CONTENT_THINKING:
        ADD(json, "\"%s\":\"", thinking_key(a));
        return "\"";
    case SIM_CONTENT_REDACTED_THINKING:
        ADD(json, "\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"");
        return "\"}]";
    case SIM_CONTENT_TEXT:
        ADD(json, "\"%s\":\"", text_key(a));
        return "\"";
    case SIM_CONTENT_CALL:
        ADD(json, "\"tool_calls\":[{\"index\":%u,", p->block->call);
        if (p->is_first)
            ADD(json, "\"id\":\"call_%s_%u\",\"type\":\"function\",", a->id, p->block->call);
        ADD(json, "\"function\":{");
        if (p->is_first)
            ADD(json, "\"name\":\"%s\",", p->block->name);
        ADD(json, "\"arguments\":\"");
        return "\"}}]";
    }
    return "";
}

static void write_piece(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    begin_event(a);
    ADD(&a->scratch, "\"choices\":[{\"index\":0,\"delta\":{");
    if (a->piece == 0)
        ADD(&a->scratch, "\"role\":\"assistant\",");
    const char *close = open_delta(a, p);
    size_t text[2] = {a->scratch.len, 0};
    sim_content_write(&a->content, a->now, &a->scratch);
    text[1] = a->scratch.len;
    ADD(&a->scratch, "%s},", close);
    add_logprobs(a, &a->scratch, text);
    if (a->script.quirk == SIM_SCRIPT_AZURE)
        ADD(&a->scratch, ",\"content_filter_results\":{}");
    ADD(&a->scratch, ",\"finish_reason\":null}]}");
    sim_answer_event(a, NULL, out);
}

static void write_usage(struct sim_answer *a, struct buf *out)
{
    int times = a->wants_usage ? sim_answer_usage_times(a) : 0;

    for (int i = 0; i < times; i++) {
        begin_event(a);
        ADD(&a->scratch, "\"choices\":[],");
        add_usage(a, &a->scratch);
        ADD(&a->scratch, "}");
        sim_answer_event(a, NULL, out);
    }
}

static void write_end(struct sim_answer *a, struct buf *out)
{
    const struct sim_script *s = &a->script;

    if (!s->no_finish) {
        begin_event(a);
        ADD(&a->scratch,
            "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"%s\"}]",
            finish_word(a));
        if (s->quirk == SIM_SCRIPT_GROQ && !s->no_usage) {
            ADD(&a->scratch, ",\"x_groq\":{\"id\":\"req_%s\",", a->id);
            add_usage(a, &a->scratch);
            ADD(&a->scratch, "}");
        }
        ADD(&a->scratch, "}");
        sim_answer_event(a, NULL, out);
    }
    write_usage(a, out);
    if (!s->no_done)
        sim_answer_send(a, STR("data: [DONE]\n\n"), out);
}

static void write_break(struct sim_answer *a, const struct sim_error *e, struct buf *out)
{
    sim_openai_write_error(e, &a->scratch);
    sim_answer_event(a, NULL, out);
}

/* A member of the message for each block but the calls, which are one array. Returns where the
 * text stands, for its logprobs. */
static void write_message(struct sim_answer *a, struct buf *json, size_t ret_text[2])
{
    struct sim_content_piece p;
    bool has_text = false;

    while (sim_content_next(&a->content, &p) && p.block->kind != SIM_CONTENT_CALL) {
        ADD(json, ",");
        if (p.block->kind == SIM_CONTENT_TEXT && !strcmp(text_key(a), "refusal"))
            ADD(json, "\"content\":null,");
        has_text = has_text || p.block->kind == SIM_CONTENT_TEXT;
        const char *close = open_delta(a, &p);
        ret_text[0] = json->len;
        sim_content_write_block(&a->content, a->now, json);
        ret_text[1] = json->len;
        ADD(json, "%s", close);
    }
    if (!has_text)
        ADD(json, ",\"content\":null");
    for (const char *comma = ",\"tool_calls\":["; sim_content_next(&a->content, &p); comma = ",") {
        ADD(json,
            "%s{\"id\":\"call_%s_%u\",\"type\":\"function\",\"function\":{\"name\":\"%s\","
            "\"arguments\":\"",
            comma, a->id, p.block->call, p.block->name);
        sim_content_write_block(&a->content, a->now, json);
        ADD(json, "\"}}");
    }
    if (a->content.n_calls > 0)
        ADD(json, "]");
}

static void write_whole(struct sim_answer *a, struct buf *json)
{
    size_t text[2] = {0, 0};

    ADD(json,
        "{\"id\":\"chatcmpl-%s\",\"object\":\"chat.completion\",\"created\":1700000000,"
        "\"model\":\"",
        a->id);
    sim_content_escape(json, str_from(a->model));
    ADD(json, "\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"");
    write_message(a, json, text);
    ADD(json, "},");
    add_logprobs(a, json, text);
    if (a->script.no_finish)
        ADD(json, "}]");
    else
        ADD(json, ",\"finish_reason\":\"%s\"}]", finish_word(a));
    for (int i = 0; i < sim_answer_usage_times(a); i++) {
        ADD(json, ",");
        add_usage(a, json);
    }
    ADD(json, "}");
}

const struct sim_dialect sim_openai = {
    .name = "openai",
    .frame = SIM_FRAME_SSE,
    .stream_type = "text/event-stream",
    .id_header = "x-request-id",
    .errors = sim_openai_errors,
    .read = read,
    .write_error = sim_openai_write_error,
    .write_start = write_start,
    .write_piece = write_piece,
    .write_end = write_end,
    .write_break = write_break,
    .write_whole = write_whole,
};
