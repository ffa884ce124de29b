#include "chat_request.h"

#include "tokens/estimate.h"

#define MAX_MODEL_NAME 256

static enum chat_request_result invalid(const char **reterr_message, const char **reterr_param,
                                        const char *param, const char *message)
{
    *reterr_message = message;
    *reterr_param = param;
    return CHAT_REQUEST_INVALID;
}

/* Absent and null are the same to every provider of this dialect. */
static const struct json_value *field(const struct json_value *object, const char *key)
{
    const struct json_value *v = json_get(object, key);

    return json_is(v, JSON_NULL) ? NULL : v;
}

static const char *check_model(struct arena *a, struct chat_request *c)
{
    c->model_value = json_get(c->root, "model");
    if (!json_string(c->model_value, a, &c->model))
        return "'model' must be a string.";
    if (c->model.len == 0 || c->model.len > MAX_MODEL_NAME)
        return "'model' must be 1 to 256 bytes long.";
    return NULL;
}

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

static const char *check_stream(struct chat_request *c)
{
    const struct json_value *stream = field(c->root, "stream");
    const struct json_value *options = field(c->root, "stream_options");

    if (stream && !json_bool(stream, &c->is_stream))
        return "'stream' must be true or false.";
    if (!options)
        return NULL;
    if (!json_is(options, JSON_OBJECT))
        return "'stream_options' must be an object.";

    const struct json_value *usage = field(options, "include_usage");
    if (usage && !json_bool(usage, &c->wants_usage))
        return "'stream_options.include_usage' must be true or false.";
    return NULL;
}

static const char *check_max_tokens(const struct json_value *v, int64_t *ret)
{
    if (v && (!json_int(v, ret) || *ret < 1))
        return "The most tokens to generate must be a whole number from 1.";
    return NULL;
}

enum chat_request_result chat_request_parse(struct arena *a, struct str body,
                                            struct chat_request *ret, const char **reterr_message,
                                            const char **reterr_param)
{
    struct chat_request c = {.body = body};
    size_t offset = 0;
    const char *wrong;

    enum json_result r = json_parse(a, body, &c.root, &offset);
    if (r != JSON_OK) {
        *reterr_message = arena_printf(a, "The request body is not valid JSON: %s at byte %zu.",
                                       json_result_text(r), offset);
        *reterr_param = NULL;
        return CHAT_REQUEST_NOT_JSON;
    }
    if (!json_is(c.root, JSON_OBJECT))
        return invalid(reterr_message, reterr_param, NULL, "The request must be a JSON object.");
    if ((wrong = check_model(a, &c)))
        return invalid(reterr_message, reterr_param, "model", wrong);
    if ((wrong = check_messages(a, &c)))
        return invalid(reterr_message, reterr_param, "messages", wrong);
    if ((wrong = check_stream(&c)))
        return invalid(reterr_message, reterr_param, "stream", wrong);
    if ((wrong = check_max_tokens(field(c.root, "max_tokens"), &c.max_tokens)))
        return invalid(reterr_message, reterr_param, "max_tokens", wrong);
    if ((wrong = check_max_tokens(field(c.root, "max_completion_tokens"), &c.max_tokens)))
        return invalid(reterr_message, reterr_param, "max_completion_tokens", wrong);

    c.prompt_tokens = estimate_request_sampled(c.root);
    *ret = c;
    return CHAT_REQUEST_OK;
}
