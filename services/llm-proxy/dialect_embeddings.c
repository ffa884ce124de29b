#include "base/json_skim.h"
#include "dialect_openai.h"

static enum dialect_result forward(struct arena *a, const struct dialect_request *r,
                                   struct dialect_call *ret)
{
    ret->path = "/embeddings";
    return dialect_openai_forward(a, r, ret);
}

/* The vectors, which may be many megabytes, are passed over. */
static bool read_answer(struct str body, struct chat_events *ret)
{
    const struct json_value *root;
    struct str data, usage;
    size_t offset;

    if (!json_skim_member(body, "data", &data) || data.data[0] != '[')
        return false;
    if (json_skim_member(body, "usage", &usage) &&
        json_parse(ret->arena, usage, &root, &offset) == JSON_OK)
        dialect_openai_add_usage(root, ret);
    chat_event_add(ret, CHAT_FINISH);
    chat_event_add(ret, CHAT_DONE);
    return true;
}

/* There is no stream of embeddings. */
static bool read_event(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret)
{
    (void)s, (void)name, (void)data, (void)ret;
    return false;
}

const struct dialect dialect_embeddings = {
    .name = "openai",
    .framing = DIALECT_SSE,
    .auth_header = "authorization",
    .auth_prefix = "Bearer ",
    .probe_path = "/models",
    .forward = forward,
    .read_answer = read_answer,
    .read_event = read_event,
    .read_error = dialect_openai_read_error,
};
