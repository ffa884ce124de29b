#include "sim_ollama.h"

#include "sim_answer.h"

#include <inttypes.h>

#define ADD        sim_answer_add
#define CREATED_AT "2023-11-14T22:13:20.123456Z"

static const struct sim_note_param params[] = {
    {"options.num_predict", "max_tokens"},
    {"options.temperature", "temperature"},
    {"options.top_p", "top_p"},
    {"options.top_k", "top_k"},
    {"options.min_p", "min_p"},
    {"options.seed", "seed"},
    {"options.num_ctx", "num_ctx"},
    {"options.presence_penalty", "presence_penalty"},
    {"options.frequency_penalty", "frequency_penalty"},
    {"options.repeat_penalty", "repeat_penalty"},
    {"keep_alive", "keep_alive"},
    {"truncate", "truncate"},
    {"shift", "shift"},
    {"think", "thinking"},
    {"logprobs", "logprobs"},
    {"top_logprobs", "top_logprobs"},
};
#define N_PARAMS (sizeof(params) / sizeof(params[0]))

static const struct sim_error_words errors[SIM_ERROR_KINDS] = {
    [SIM_ERROR_NONE] = {200, "", NULL, ""},
    [SIM_ERROR_INVALID] = {400, "", NULL, "invalid options"},
    [SIM_ERROR_CONTEXT] = {400, "", NULL, "the input length exceeds the context length"},
    [SIM_ERROR_AUTH] = {401, "", NULL, "unauthorized"},
    [SIM_ERROR_QUOTA] = {402, "", NULL, "you have reached your usage limit"},
    [SIM_ERROR_FORBIDDEN] = {403, "", NULL, "forbidden"},
    [SIM_ERROR_MISSING] = {404, "", NULL, "model 'sim' not found"},
    [SIM_ERROR_TOO_LARGE] = {413, "", NULL, "request body too large"},
    [SIM_ERROR_RATE] = {429, "", NULL, "too many requests"},
    [SIM_ERROR_SERVER] = {500, "", NULL, "model runner has unexpectedly stopped"},
    [SIM_ERROR_OVERLOADED] = {503, "", NULL,
                              "server busy, please try again.  maximum pending requests exceeded"},
    [SIM_ERROR_TIMEOUT] = {504, "", NULL, "timed out waiting for llama runner to start"},
};

static void write_error(const struct sim_error *e, struct buf *json)
{
    ADD(json, "{\"error\":\"");
    sim_content_escape(json, e->message);
    ADD(json, "\"}");
}

/* Images come without their type: the first bytes tell. */
static struct str media_type(struct str base64)
{
    if (str_has_prefix(base64, "iVBOR"))
        return STR("image/png");
    if (str_has_prefix(base64, "/9j/"))
        return STR("image/jpeg");
    if (str_has_prefix(base64, "R0lG"))
        return STR("image/gif");
    return str_has_prefix(base64, "UklG") ? STR("image/webp") : STR("image");
}

static void read_images(struct sim_note *n, const struct json_value *images)
{
    if (!json_is(images, JSON_ARRAY))
        return;
    for (const struct json_value *i = images->child; i; i = i->next)
        sim_note_file(n, media_type(sim_note_spelled(i)), sim_note_spelled(i));
}

static bool read_calls(struct sim_note *n, const struct json_value *calls)
{
    if (!json_is(calls, JSON_ARRAY))
        return true;
    for (const struct json_value *c = calls->child; c; c = c->next) {
        if (!json_is(json_at(c, "function.arguments"), JSON_OBJECT))
            return sim_note_refuse(n, "json: cannot unmarshal string into Go struct field "
                                      ".messages.tool_calls.function.arguments");
        sim_note_call(n, json_get(c, "id"), json_at(c, "function.name"),
                      json_at(c, "function.arguments"), NULL);
    }
    return true;
}

static bool read_message(struct sim_note *n, const struct json_value *m)
{
    static const char *const roles[] = {"system", "user", "assistant", "tool"};
    struct str role = sim_note_spelled(json_get(m, "role"));
    const struct json_value *content = json_get(m, "content");
    const char *name = NULL;

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (str_is(role, roles[i]))
            name = roles[i];
    if (!name)
        return sim_note_refuse(n, "invalid role: %.*s", STR_ARG(role));
    if (content && !json_is(content, JSON_STRING))
        return sim_note_refuse(n, "json: cannot unmarshal array into Go struct field "
                                  ".messages.content of type string");
    sim_note_message(n, name);
    if (str_is(role, "tool"))
        sim_note_result(n, json_get(m, "tool_call_id"), json_get(m, "tool_name"), false);
    sim_note_words(n, "thinking", json_get(m, "thinking"), NULL);
    if (sim_note_spelled(content).len > 0)
        sim_note_text(n, content);
    read_images(n, json_get(m, "images"));
    if (!read_calls(n, json_get(m, "tool_calls")))
        return false;
    if (str_is(role, "tool"))
        sim_note_result_end(n);
    sim_note_message_end(n);
    return true;
}

static void read_tools(struct sim_note *n)
{
    const struct json_value *tools = json_get(n->root, "tools");

    sim_note_tools(n);
    if (json_is(tools, JSON_ARRAY))
        for (const struct json_value *t = tools->child; t; t = t->next)
            sim_note_tool(n, json_at(t, "function.name"), json_at(t, "function.description"),
                          json_at(t, "function.parameters"));
    sim_note_tools_end(n, NULL, NULL);
}

static bool read_head(struct sim_note *n)
{
    if (!sim_note_body(n))
        return false;
    if (!json_string(json_get(n->root, "model"), n->arena, &n->chat->model))
        return sim_note_refuse(n, "model is required");
    n->chat->is_stream = !json_is(json_get(n->root, "stream"), JSON_FALSE);
    n->chat->wants_usage = true;
    sim_note_head(n);
    sim_note_messages(n);
    return true;
}

static void read_rest(struct sim_note *n, const char *const *known)
{
    const struct json_value *format = json_get(n->root, "format");

    sim_note_messages_end(n);
    read_tools(n);
    sim_note_stops(n, json_at(n->root, "options.stop"));
    if (json_is(format, JSON_OBJECT))
        sim_note_format(n, "schema", NULL, format);
    else if (str_is(sim_note_spelled(format), "json"))
        sim_note_format(n, "json", NULL, NULL);
    sim_note_params(n, params, N_PARAMS);
    (void)!sim_note_unknown(n, known, params, N_PARAMS);
}

/* Without a question a model is loaded, or unloaded when it shall be kept for no time. */
static void say_only(struct sim_note *n)
{
    const struct json_value *keep = json_get(n->root, "keep_alive");
    bool is_zero = keep && (str_is(keep->raw, "0") || str_has_prefix(keep->raw, "\"0"));

    n->chat->only_reason = is_zero ? "unload" : "load";
}

static bool read(struct sim_note *n)
{
    static const char *const known[] = {"model",  "messages", "stream", "tools",
                                        "format", "options",  NULL};
    const struct json_value *messages;

    if (!read_head(n))
        return false;
    messages = json_get(n->root, "messages");
    if (!json_is(messages, JSON_ARRAY) || !messages->child)
        say_only(n);
    else
        for (const struct json_value *m = messages->child; m; m = m->next)
            if (!read_message(n, m))
                return false;
    read_rest(n, known);
    return true;
}

static bool read_generate(struct sim_note *n)
{
    static const char *const known[] = {"model",    "prompt", "suffix",  "system",
                                        "images",   "stream", "format",  "options",
                                        "template", "raw",    "context", NULL};
    const struct json_value *prompt, *system;

    if (!read_head(n))
        return false;
    prompt = json_get(n->root, "prompt");
    system = json_get(n->root, "system");
    if (sim_note_spelled(prompt).len == 0)
        say_only(n);
    if (system) {
        sim_note_message(n, "system");
        sim_note_text(n, system);
        sim_note_message_end(n);
    }
    sim_note_message(n, "user");
    sim_note_text(n, prompt);
    read_images(n, json_get(n->root, "images"));
    sim_note_message_end(n);
    read_rest(n, known);
    return true;
}

static bool is_chat(const struct sim_answer *a)
{
    return a->dialect == &sim_ollama;
}

static void begin(struct sim_answer *a, struct buf *json)
{
    ADD(json, "{\"model\":\"");
    sim_content_escape(json, str_from(a->model));
    ADD(json, "\",\"created_at\":\"" CREATED_AT "\",");
    if (is_chat(a))
        ADD(json, "\"message\":{\"role\":\"assistant\",");
}

/* Calls come whole, one a line; text and thoughts piece by piece. */
static void write_piece(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    struct buf *json = &a->scratch;
    bool is_thinking = p->block->kind == SIM_CONTENT_THINKING;

    if (p->block->kind == SIM_CONTENT_REDACTED_THINKING) {
        sim_content_write(&a->content, a->now, json);
        buf_clear(json);
        return;
    }
    begin(a, json);
    if (p->block->kind == SIM_CONTENT_CALL) {
        struct str arguments = sim_content_take_arguments(&a->content);
        ADD(json,
            "\"content\":\"\",\"tool_calls\":[{\"function\":{\"index\":%u,\"name\":\"%s\","
            "\"arguments\":",
            p->block->call, p->block->name);
        (void)!buf_add_str(json, arguments);
        ADD(json, "}}]");
    } else {
        const char *key = is_chat(a) ? "content" : "response";
        if (is_thinking)
            ADD(json, "\"%s\":\"\",\"thinking\":\"", key);
        else
            ADD(json, "\"%s\":\"", key);
        sim_content_write(&a->content, a->now, json);
        ADD(json, "\"");
    }
    ADD(json, is_chat(a) ? "},\"done\":false}" : ",\"done\":false}");
    sim_answer_event(a, NULL, out);
}

static const char *done_reason(const struct sim_answer *a)
{
    if (a->only_reason)
        return a->only_reason;
    return sim_answer_finish(a) == SIM_SCRIPT_FINISH_LENGTH ? "length" : "stop";
}

static void add_end(const struct sim_answer *a, struct buf *json)
{
    struct sim_answer_usage u = sim_answer_usage(a);

    if (!a->script.no_finish)
        ADD(json, ",\"done\":true,\"done_reason\":\"%s\"", done_reason(a));
    if (!a->script.no_usage)
        ADD(json,
            ",\"total_duration\":5191566416,\"load_duration\":2154458,\"prompt_eval_count\":"
            "%" PRIu64 ",\"prompt_eval_duration\":383809000,\"eval_count\":%" PRIu64
            ",\"eval_duration\":4799921000",
            u.input, u.output);
    ADD(json, "}");
}

static void write_end(struct sim_answer *a, struct buf *out)
{
    if (a->script.no_finish)
        return;
    begin(a, &a->scratch);
    ADD(&a->scratch, is_chat(a) ? "\"content\":\"\"}" : "\"response\":\"\"");
    add_end(a, &a->scratch);
    sim_answer_event(a, NULL, out);
}

static void write_break(struct sim_answer *a, const struct sim_error *e, struct buf *out)
{
    write_error(e, &a->scratch);
    sim_answer_event(a, NULL, out);
}

static void write_calls(struct sim_answer *a, struct buf *json)
{
    struct sim_content_piece p;

    for (const char *comma = ",\"tool_calls\":["; sim_content_next(&a->content, &p); comma = ",") {
        ADD(json, "%s{\"function\":{\"index\":%u,\"name\":\"%s\",\"arguments\":", comma,
            p.block->call, p.block->name);
        struct str arguments = sim_content_take_arguments(&a->content);
        (void)!buf_add_str(json, arguments);
        ADD(json, "}}");
    }
    if (a->content.n_calls > 0)
        ADD(json, "]");
}

static void write_whole(struct sim_answer *a, struct buf *json)
{
    const char *key = is_chat(a) ? "content" : "response";
    struct sim_content_piece p;
    const char *comma = "";
    bool has_text = false;

    begin(a, json);
    while (sim_content_next(&a->content, &p) && p.block->kind != SIM_CONTENT_CALL) {
        size_t before = json->len;
        has_text = has_text || p.block->kind == SIM_CONTENT_TEXT;
        ADD(json, "%s\"%s\":\"", comma, p.block->kind == SIM_CONTENT_TEXT ? key : "thinking");
        sim_content_write_block(&a->content, a->now, json);
        ADD(json, "\"");
        if (p.block->kind == SIM_CONTENT_REDACTED_THINKING)
            json->len = before;
        else
            comma = ",";
    }
    if (!has_text)
        ADD(json, "%s\"%s\":\"\"", comma, key);
    write_calls(a, json);
    if (is_chat(a))
        ADD(json, "}");
    add_end(a, json);
}

#define SHARED                                                                                     \
    .frame = SIM_FRAME_LINES, .stream_type = "application/x-ndjson", .id_header = "x-request-id",  \
    .errors = errors, .write_error = write_error, .write_piece = write_piece,                      \
    .write_end = write_end, .write_break = write_break, .write_whole = write_whole

const struct sim_dialect sim_ollama = {.name = "ollama", .read = read, SHARED};
const struct sim_dialect sim_ollama_generate = {
    .name = "ollama generate", .read = read_generate, SHARED};
