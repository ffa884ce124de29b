#include "chat_request.h"

#define MAX_MODEL_NAME 256

static enum chat_request_result invalid(const char **reterr_message, const char **reterr_param,
                                        const char *param, const char *message)
{
    *reterr_message = message;
    *reterr_param = param;
    return CHAT_REQUEST_INVALID;
}

const struct json_value *chat_request_field(const struct json_value *object, const char *key)
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
    const struct json_value *stream = chat_request_field(c.root, "stream");
    if (stream && !json_bool(stream, &c.is_stream))
        return invalid(reterr_message, reterr_param, "stream", "'stream' must be true or false.");

    *ret = c;
    return CHAT_REQUEST_OK;
}
