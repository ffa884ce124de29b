#include "inbound_chat.h"

#include "base/json.h"
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

static const char *check_stream_options(struct arena *a, struct chat_request *c)
{
    const struct json_value *options = chat_request_field(c->root, "stream_options");

    (void)a;
    if (!options)
        return NULL;
    if (!json_is(options, JSON_OBJECT))
        return "'stream_options' must be an object.";

    const struct json_value *usage = chat_request_field(options, "include_usage");
    if (usage && !json_bool(usage, &c->wants_usage))
        return "'stream_options.include_usage' must be true or false.";
    return NULL;
}

static const char *check_max(struct chat_request *c, const char *key)
{
    const struct json_value *v = chat_request_field(c->root, key);

    if (v && (!json_int(v, &c->max_tokens) || c->max_tokens < 1))
        return "The most tokens to generate must be a whole number from 1.";
    return NULL;
}

static const char *check_max_tokens(struct arena *a, struct chat_request *c)
{
    (void)a;
    return check_max(c, "max_tokens");
}

static const char *check_max_completion_tokens(struct arena *a, struct chat_request *c)
{
    (void)a;
    return check_max(c, "max_completion_tokens");
}

static bool read_request(struct arena *a, struct chat_request *ret, struct inbound_fault *reterr)
{
    static const struct {
        const char *param;
        const char *(*check)(struct arena *a, struct chat_request *c);
    } checks[] = {
        {"messages", check_messages},
        {"stream_options", check_stream_options},
        {"max_tokens", check_max_tokens},
        {"max_completion_tokens", check_max_completion_tokens},
    };

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        const char *wrong = checks[i].check(a, ret);
        if (wrong) {
            *reterr = (struct inbound_fault){wrong, checks[i].param};
            return false;
        }
    }
    ret->prompt_tokens = estimate_request_sampled(ret->root);
    return true;
}

static const char *field_of(enum chat_feature f)
{
    static const char *const names[CHAT_FEATURES] = {
        [CHAT_FEATURE_N] = "n",
        [CHAT_FEATURE_LOGPROBS] = "logprobs",
        [CHAT_FEATURE_LOGIT_BIAS] = "logit_bias",
        [CHAT_FEATURE_TEMPERATURE] = "temperature",
        [CHAT_FEATURE_TOP_P] = "top_p",
        [CHAT_FEATURE_TOP_K] = "top_k",
        [CHAT_FEATURE_MIN_P] = "min_p",
        [CHAT_FEATURE_SEED] = "seed",
        [CHAT_FEATURE_FREQUENCY_PENALTY] = "frequency_penalty",
        [CHAT_FEATURE_PRESENCE_PENALTY] = "presence_penalty",
        [CHAT_FEATURE_REPETITION_PENALTY] = "repetition_penalty",
        [CHAT_FEATURE_STOP] = "stop",
        [CHAT_FEATURE_TOOLS] = "tools",
        [CHAT_FEATURE_TOOL_CHOICE] = "tool_choice",
        [CHAT_FEATURE_PARALLEL_TOOL_CALLS] = "parallel_tool_calls",
        [CHAT_FEATURE_FORMAT] = "response_format",
        [CHAT_FEATURE_REASONING] = "reasoning_effort",
        [CHAT_FEATURE_VERBOSITY] = "verbosity",
        [CHAT_FEATURE_SERVICE_TIER] = "service_tier",
        [CHAT_FEATURE_IMAGE] = "messages[].content[].image_url",
        [CHAT_FEATURE_AUDIO] = "messages[].content[].input_audio",
        [CHAT_FEATURE_FILE] = "messages[].content[].file",
        [CHAT_FEATURE_TOOL_RESULT] = "messages[].content",
    };

    return names[f];
}

static enum buf_result write_error(enum refusal r, const char *message, const char *param,
                                   const char *request_id, struct buf *out)
{
    (void)request_id;
    return refusal_write(r, message, param, out);
}

const struct inbound inbound_chat = {
    .route = "/v1/chat/completions",
    .api = "chat.completions",
    .dialect = DIALECT_OPENAI,
    .native = &dialect_openai,
    .conversation = "openai",
    .read_request = read_request,
    .read_chat = inbound_chat_read,
    .field_of = field_of,
    .write_answer = inbound_chat_write_answer,
    .write_event = inbound_chat_write_event,
    .write_end = inbound_chat_write_end,
    .write_error = write_error,
};
