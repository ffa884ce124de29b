#include "base/json.h"
#include "dialect_anthropic.h"

static enum dialect_result forward(struct arena *a, const struct dialect_request *r,
                                   struct dialect_call *ret)
{
    enum dialect_result result = dialect_anthropic.forward(a, r, ret);

    ret->path = "/messages/count_tokens";
    return result;
}

static bool read_answer(struct str body, struct chat_events *ret)
{
    const struct json_value *root;
    int64_t n;
    size_t offset;

    if (json_parse(ret->arena, body, &root, &offset) != JSON_OK ||
        !json_int(json_get(root, "input_tokens"), &n))
        return false;
    chat_event_add(ret, CHAT_USAGE); /* to count costs nothing */
    chat_event_add(ret, CHAT_DONE);
    return true;
}

static struct str read_error(struct arena *a, struct str body)
{
    return dialect_anthropic.read_error(a, body);
}

/* For Anthropic's own callers, and never a stream: there is nothing to translate. */
const struct dialect dialect_anthropic_count = {
    .name = "anthropic",
    .framing = DIALECT_SSE,
    .auth_header = "x-api-key",
    .auth_prefix = "",
    .probe_path = "/models",
    .forward = forward,
    .read_answer = read_answer,
    .read_error = read_error,
};
