#include "inbound_messages.h"

#include "base/json.h"
#include "base/json_write.h"
#include "tokens/estimate.h"

static const char *check_messages(struct arena *a, struct chat_request *c)
{
    c->messages = json_get(c->root, "messages");
    if (!json_is(c->messages, JSON_ARRAY) || c->messages->n_children == 0)
        return "'messages' must be an array of at least one message.";

    for (const struct json_value *m = c->messages->child; m; m = m->next) {
        struct str role;
        if (!json_is(m, JSON_OBJECT) || !json_string(json_get(m, "role"), a, &role))
            return "Each of 'messages' must be an object with a 'role'.";
    }
    return NULL;
}

bool inbound_messages_read_messages(struct arena *a, struct chat_request *ret,
                                    struct inbound_fault *reterr)
{
    const char *wrong = check_messages(a, ret);

    if (wrong)
        *reterr = (struct inbound_fault){wrong, "messages"};
    return !wrong;
}

static bool read_request(struct arena *a, struct chat_request *ret, struct inbound_fault *reterr)
{
    if (!inbound_messages_read_messages(a, ret, reterr))
        return false;
    /* 0 asks the provider to fill its cache and say nothing */
    if (!json_int(json_get(ret->root, "max_tokens"), &ret->max_tokens) || ret->max_tokens < 0) {
        *reterr = (struct inbound_fault){
            "'max_tokens' is required: the most tokens to generate, a whole number.", "max_tokens"};
        return false;
    }
    ret->wants_usage = true;
    ret->prompt_tokens = estimate_request_sampled(ret->root);
    return true;
}

static const char *field_of(enum chat_feature f)
{
    static const char *const names[CHAT_FEATURES] = {
        [CHAT_FEATURE_TEMPERATURE] = "temperature",
        [CHAT_FEATURE_TOP_P] = "top_p",
        [CHAT_FEATURE_TOP_K] = "top_k",
        [CHAT_FEATURE_STOP] = "stop_sequences",
        [CHAT_FEATURE_TOOLS] = "tools",
        [CHAT_FEATURE_TOOL_CHOICE] = "tool_choice",
        [CHAT_FEATURE_PARALLEL_TOOL_CALLS] = "tool_choice.disable_parallel_tool_use",
        [CHAT_FEATURE_FORMAT] = "output_config.format",
        [CHAT_FEATURE_REASONING] = "thinking",
        [CHAT_FEATURE_SERVICE_TIER] = "service_tier",
        [CHAT_FEATURE_IMAGE] = "messages[].content[].image",
        [CHAT_FEATURE_FILE] = "messages[].content[].document",
        [CHAT_FEATURE_TOOL_RESULT] = "messages[].content[].tool_result",
    };

    return names[f];
}

/* Of the API's own list, by the status that the refusal has. */
static const char *error_type(enum refusal r)
{
    static const struct {
        int status;
        const char *type;
    } table[] = {
        {401, "authentication_error"},
        {402, "billing_error"},
        {403, "permission_error"},
        {404, "not_found_error"},
        {413, "request_too_large"},
        {429, "rate_limit_error"},
        {502, "api_error"},
        {503, "overloaded_error"},
        {504, "timeout_error"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (refusal_status(r) == table[i].status)
            return table[i].type;
    return refusal_status(r) >= 500 ? "api_error" : "invalid_request_error";
}

static enum buf_result write_error(enum refusal r, const char *message, const char *param,
                                   const char *request_id, struct buf *out)
{
    struct json_write w;

    (void)param; /* the message names it */
    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member(&w, "type", "error");
    json_write_key(&w, "error");
    json_write_begin(&w, '{');
    json_write_member(&w, "type", error_type(r));
    json_write_member(&w, "message", message ? message : refusal_message(r));
    json_write_end(&w, '}');
    json_write_member(&w, "request_id", request_id);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

static const char *const passed_on[] = {"anthropic-version", "anthropic-beta", NULL};

const struct inbound inbound_messages = {
    .route = "/v1/messages",
    .api = "messages",
    .dialect = DIALECT_ANTHROPIC,
    .native = &dialect_anthropic,
    .conversation = "anthropic",
    .read_request = read_request,
    .read_chat = inbound_messages_chat_read,
    .field_of = field_of,
    .write_answer = inbound_messages_answer_write,
    .write_event = inbound_messages_stream_write,
    .write_end = inbound_messages_stream_end,
    .write_error = write_error,
    .error_event = "error",
    .passes_on = passed_on,
    .id_header = "request-id",
};
