#include "inbound_responses.h"

#include "inbound_frame.h"
#include "tokens/estimate.h"
#include "variant.h"

#define MAX_COUNT   INT32_MAX
#define MAX_SCRATCH (64u << 20)

/* ---- the request ---- */

/* Nothing is kept here between two requests, and two requests may go to different providers. */
static bool check_stateless(const struct request_field *f, const struct json_value *root)
{
    bool is_background = false;

    if (chat_request_field(root, "previous_response_id"))
        return request_field_fail(f, "previous_response_id",
                                  "'previous_response_id' refers to a stored response: nothing is "
                                  "stored here, send the whole conversation as 'input'.");
    if (chat_request_field(root, "conversation"))
        return request_field_fail(f, "conversation",
                                  "'conversation' refers to a stored conversation: nothing is "
                                  "stored here, send the whole of it as 'input'.");
    if (!request_field_bool(f, root, "background", &is_background))
        return false;
    return !is_background ||
           request_field_fail(f, "background",
                              "'background' needs a stored response: nothing is stored here.");
}

static bool read_request(struct arena *a, struct chat_request *ret, struct inbound_fault *reterr)
{
    struct request_field f = {.arena = a, .fault = reterr};
    const struct json_value *input = chat_request_field(ret->root, "input");

    if (!check_stateless(&f, ret->root) ||
        !request_field_count(&f, ret->root, "max_output_tokens", MAX_COUNT, &ret->max_tokens))
        return false;
    if (!json_is(input, JSON_STRING) && !json_is(input, JSON_ARRAY) &&
        !chat_request_field(ret->root, "prompt"))
        return request_field_fail(&f, "input", "'input' must be a text or a list of items.");
    ret->messages = json_is(input, JSON_ARRAY) && input->child ? input : NULL;
    ret->wants_usage = true; /* it is in the last event, always */
    ret->prompt_tokens = estimate_request_sampled(ret->root);
    return true;
}

static bool read_tool(const struct request_field *f, const struct json_value *v,
                      struct chat_tool *ret)
{
    static const char *const known[] = {"type", "name", "description", "parameters", "strict"};
    const struct json_value *parameters;
    struct str type = STR_EMPTY;

    if (!json_is(v, JSON_OBJECT) || !request_field_text(f, v, "type", &type) ||
        !str_is(type, "function"))
        return request_field_fail(
            f, "type", "'%stype': only functions can be carried over to this provider.", f->at);
    if (!request_field_all_known(f, v, known, 5) || !request_field_text(f, v, "name", &ret->name) ||
        !request_field_text(f, v, "description", &ret->description) ||
        !request_field_object(f, v, "parameters", &parameters) ||
        !request_field_bool(f, v, "strict", &ret->is_strict))
        return false;
    if (ret->name.len == 0)
        return request_field_fail(f, "name", "'%sname' is missing.", f->at);
    if (parameters)
        ret->schema = parameters->raw;
    return true;
}

static bool full(const struct request_field *f)
{
    f->fault->message = NULL;
    return false;
}

static bool read_tools(const struct request_field *f, const struct json_value *root,
                       struct chat *ret)
{
    const struct json_value *tools;
    struct chat_tool *last = NULL;
    size_t n = 0;

    if (!request_field_array(f, root, "tools", &tools))
        return false;
    if (tools && tools->n_children > CHAT_MAX_TOOLS)
        return request_field_fail(f, "tools", "'tools' must be at most %d.", CHAT_MAX_TOOLS);
    for (const struct json_value *v = tools ? tools->child : NULL; v; v = v->next) {
        struct request_field inner = *f;
        struct chat_tool *tool = arena_alloc(f->arena, sizeof(*tool));
        inner.at = arena_printf(f->arena, "tools[%zu].", n++);
        if (!tool || !inner.at)
            return full(f);
        if (!read_tool(&inner, v, tool))
            return false;
        if (last)
            last->next = tool;
        else
            ret->tools = tool;
        last = tool;
    }
    return true;
}

static bool read_tool_choice(const struct request_field *f, const struct json_value *root,
                             struct chat *ret)
{
    const struct json_value *v = chat_request_field(root, "tool_choice");
    struct str word = STR_EMPTY;

    if (!v)
        return true;
    if (json_is(v, JSON_OBJECT)) {
        struct request_field inner = {f->arena, f->fault, "tool_choice."};
        if (!request_field_text(&inner, v, "type", &word) ||
            !request_field_text(&inner, v, "name", &ret->tool_choice_name))
            return false;
        ret->tool_choice = CHAT_CHOICE_NAMED;
        return (str_is(word, "function") && ret->tool_choice_name.len > 0) ||
               request_field_fail(f, "tool_choice",
                                  "'tool_choice': only a function can be chosen of this provider.");
    }
    if (!request_field_text(f, root, "tool_choice", &word))
        return false;
    if (str_is(word, "auto"))
        ret->tool_choice = CHAT_CHOICE_AUTO;
    else if (str_is(word, "none"))
        ret->tool_choice = CHAT_CHOICE_NONE;
    else if (str_is(word, "required"))
        ret->tool_choice = CHAT_CHOICE_ANY;
    else
        return request_field_fail(f, "tool_choice",
                                  "'tool_choice' must be auto, none, required or a function.");
    return true;
}

static bool read_schema(const struct request_field *f, const struct json_value *format,
                        struct chat *ret)
{
    static const char *const known[] = {"type", "name", "schema", "strict", "description"};
    const struct json_value *schema;

    ret->format = CHAT_FORMAT_SCHEMA;
    if (!request_field_all_known(f, format, known, 5) ||
        !request_field_text(f, format, "name", &ret->format_name) ||
        !request_field_object(f, format, "schema", &schema) ||
        !request_field_bool(f, format, "strict", &ret->is_format_strict))
        return false;
    if (!schema)
        return request_field_fail(f, "schema", "'text.format.schema' is missing.");
    ret->format_schema = schema->raw;
    return true;
}

static bool read_text_config(const struct request_field *f, const struct json_value *root,
                             struct chat *ret)
{
    static const char *const known[] = {"format", "verbosity"};
    struct request_field in_text = {f->arena, f->fault, "text."};
    struct request_field in_format = {f->arena, f->fault, "text.format."};
    const struct json_value *text, *format;
    struct str type = STR("text");

    if (!request_field_object(f, root, "text", &text))
        return false;
    if (!text)
        return true;
    if (!request_field_all_known(&in_text, text, known, 2) ||
        !request_field_text(&in_text, text, "verbosity", &ret->verbosity) ||
        !request_field_object(&in_text, text, "format", &format))
        return false;
    if (format && !request_field_text(&in_format, format, "type", &type))
        return false;
    if (str_is(type, "json_schema"))
        return read_schema(&in_format, format, ret);
    if (str_is(type, "json_object"))
        ret->format = CHAT_FORMAT_JSON;
    else if (!str_is(type, "text"))
        return request_field_fail(&in_format, "type",
                                  "'text.format.type' must be text, json_object or json_schema.");
    return true;
}

static bool read_reasoning(const struct request_field *f, const struct json_value *root,
                           struct chat *ret)
{
    static const char *const known[] = {"effort", "summary", "generate_summary"};
    struct request_field inner = {f->arena, f->fault, "reasoning."};
    const struct json_value *reasoning;

    if (!request_field_object(f, root, "reasoning", &reasoning))
        return false;
    return !reasoning || (request_field_all_known(&inner, reasoning, known, 3) &&
                          request_field_text(&inner, reasoning, "effort", &ret->effort));
}

/* What is encrypted here comes always; the rest belongs to tools that are refused anyway. */
static bool read_include(const struct request_field *f, const struct json_value *root,
                         struct chat *ret)
{
    const struct json_value *include;

    if (!request_field_array(f, root, "include", &include))
        return false;
    for (const struct json_value *v = include ? include->child : NULL; v; v = v->next) {
        struct str word;
        if (!json_string(v, f->arena, &word))
            return request_field_fail(f, "include", "'include' must hold texts.");
        if (str_is(word, "message.output_text.logprobs"))
            ret->wants_logprobs = true;
    }
    return true;
}

static bool read_sampling(const struct request_field *f, const struct json_value *root,
                          struct chat *ret)
{
    bool is_parallel = false;

    if (!request_field_number(f, root, "temperature", &ret->temperature) ||
        !request_field_number(f, root, "top_p", &ret->top_p) ||
        !request_field_count(f, root, "top_logprobs", 20, &ret->top_logprobs) ||
        !request_field_count(f, root, "max_output_tokens", MAX_COUNT, &ret->max_tokens) ||
        !request_field_bool(f, root, "parallel_tool_calls", &is_parallel))
        return false;
    if (chat_request_field(root, "parallel_tool_calls"))
        ret->parallel_tool_calls = is_parallel ? CHAT_YES : CHAT_NO;
    return true;
}

static bool read_rest(const struct request_field *f, const struct json_value *root,
                      struct chat *ret)
{
    const struct json_value *metadata;
    struct str truncation = STR("disabled"), user = STR_EMPTY;

    if (!request_field_object(f, root, "metadata", &metadata) ||
        !request_field_text(f, root, "truncation", &truncation) ||
        !request_field_text(f, root, "service_tier", &ret->service_tier) ||
        !request_field_text(f, root, "safety_identifier", &ret->user) ||
        !request_field_text(f, root, "user", &user))
        return false;
    if (user.len > 0)
        ret->user = user;
    if (metadata)
        ret->metadata = metadata->raw;
    return str_is(truncation, "disabled") ||
           request_field_fail(f, "truncation",
                              "'truncation' cannot be carried over to this provider: only "
                              "'disabled' can.");
}

static bool read_chat(struct arena *a, const struct json_value *root, struct chat *ret,
                      struct inbound_fault *reterr)
{
    static const char *const known[] = {
        "model",
        "input",
        "instructions",
        "stream",
        "stream_options",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_logprobs",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "text",
        "reasoning",
        "include",
        "metadata",
        "user",
        "safety_identifier",
        "service_tier",
        "truncation",
        "background", /* false: read_request saw to it */
        /* harmless: docs/API.md */
        "store",
        "max_tool_calls",
        "prompt_cache_key",
        "prompt_cache_retention",
    };
    struct request_field f = {.arena = a, .fault = reterr};

    *ret = (struct chat){.n = 1, .thinking_tokens = -1, .wants_usage = true};
    return request_field_all_known(&f, root, known, sizeof(known) / sizeof(known[0])) &&
           request_field_bool(&f, root, "stream", &ret->is_stream) &&
           inbound_responses_input_read(&f, root, ret) && read_tools(&f, root, ret) &&
           read_tool_choice(&f, root, ret) && read_text_config(&f, root, ret) &&
           read_reasoning(&f, root, ret) && read_include(&f, root, ret) &&
           read_sampling(&f, root, ret) && read_rest(&f, root, ret);
}

static const char *field_of(enum chat_feature feature)
{
    static const char *const fields[CHAT_FEATURES] = {
        [CHAT_FEATURE_LOGPROBS] = "include",
        [CHAT_FEATURE_TEMPERATURE] = "temperature",
        [CHAT_FEATURE_TOP_P] = "top_p",
        [CHAT_FEATURE_TOOLS] = "tools",
        [CHAT_FEATURE_TOOL_CHOICE] = "tool_choice",
        [CHAT_FEATURE_PARALLEL_TOOL_CALLS] = "parallel_tool_calls",
        [CHAT_FEATURE_FORMAT] = "text.format",
        [CHAT_FEATURE_REASONING] = "reasoning",
        [CHAT_FEATURE_VERBOSITY] = "text.verbosity",
        [CHAT_FEATURE_SERVICE_TIER] = "service_tier",
        [CHAT_FEATURE_IMAGE] = "input",
        [CHAT_FEATURE_AUDIO] = "input",
        [CHAT_FEATURE_FILE] = "input",
        [CHAT_FEATURE_TOOL_RESULT] = "input",
    };

    return fields[feature];
}

/* ---- the answer ---- */

/* A whole answer is what its stream would have come to. */
static enum buf_result write_answer(const struct inbound_answer *answer,
                                    const struct chat_event *events, struct arena *a,
                                    struct buf *out)
{
    CLEANUP(inbound_stream_done) struct inbound_stream s;
    CLEANUP(buf_done) struct buf unsaid;
    struct json_write w;
    enum buf_result full = BUF_OK;

    (void)a;
    inbound_stream_init(&s, answer);
    buf_init(&unsaid, MAX_SCRATCH);
    for (const struct chat_event *e = events; e && full == BUF_OK; e = e->next) {
        full = inbound_responses_stream_event(&s, e, &unsaid);
        buf_clear(&unsaid);
    }
    if (full != BUF_OK || inbound_responses_stream_close(&s, &unsaid) != BUF_OK)
        return BUF_FULL;
    json_write_init(&w, out);
    inbound_responses_object_write(&w, &s, true);
    return json_write_finish(&w);
}

static enum buf_result write_error(enum refusal r, const char *message, const char *param,
                                   const char *request_id, struct buf *out)
{
    (void)request_id;
    return refusal_write(r, message, param, out);
}

const struct inbound inbound_responses = {
    .route = "/v1/responses",
    .api = "responses",
    .dialect = DIALECT_OPENAI,
    .native = &dialect_responses,
    .conversation = "responses",
    .needs = VARIANT_HAS_RESPONSES,
    .read_request = read_request,
    .read_chat = read_chat,
    .field_of = field_of,
    .write_answer = write_answer,
    .write_event = inbound_responses_stream_event,
    .write_end = inbound_responses_stream_end,
    .write_error = write_error,
    .error_event = "error",
};
