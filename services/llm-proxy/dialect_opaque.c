#include "base/json_skim.h"
#include "dialect_openai.h"
#include "variant.h"

/* A form with another model in it: the rest is the caller's bytes. */
static enum dialect_result forward_form(struct arena *a, const struct dialect_request *r,
                                        struct dialect_call *ret)
{
    const struct chat_request *asked = r->asked;
    struct str model = str_from(r->model), body = asked->body;
    size_t before = (size_t)(asked->form_model.data - body.data);
    size_t behind = before + asked->form_model.len;

    ret->content_type = asked->content_type;
    ret->body[0] = (struct str){body.data, before};
    ret->body[1] = model;
    ret->body[2] = (struct str){body.data + behind, body.len - behind};
    ret->n_body = 3;
    ret->path = variant_path(a, r->provider, r->model, ret->path);
    return ret->path ? DIALECT_OK : DIALECT_FULL;
}

static enum dialect_result forward(struct arena *a, const struct dialect_request *r,
                                   struct dialect_call *ret)
{
    ret->path = r->asked->path;
    return r->asked->form_model.data ? forward_form(a, r, ret) : dialect_openai_forward(a, r, ret);
}

static int64_t count_at(const struct json_value *usage, const char *const *paths)
{
    int64_t n = 0;

    for (; *paths; paths++)
        if (json_int(json_at(usage, *paths), &n) && n >= 0)
            return n;
    return 0;
}

/* Tokens, under one of the names in use; what is billed by the second or the picture has none. */
static void read_usage(const struct json_value *usage, struct chat_events *ret)
{
    static const char *const inputs[] = {"input_tokens", "prompt_tokens", "total_tokens", NULL};
    static const char *const outputs[] = {"output_tokens", "completion_tokens", NULL};
    static const char *const cached[] = {"input_tokens_details.cached_tokens",
                                         "prompt_tokens_details.cached_tokens", NULL};

    if (!json_get(usage, "input_tokens") && !json_get(usage, "prompt_tokens") &&
        !json_get(usage, "total_tokens"))
        return;
    chat_event_add(ret, CHAT_USAGE)->usage = (struct chat_usage){
        .input = count_at(usage, inputs),
        .output = count_at(usage, outputs),
        .cached = count_at(usage, cached),
    };
}

/* Pictures may be many megabytes: they are passed over. */
static bool read_answer(struct str body, struct chat_events *ret)
{
    const struct json_value *root;
    struct str usage;
    size_t offset;

    if (!json_skim_is_whole(body))
        return false;
    if (json_skim_member(body, "usage", &usage) &&
        json_parse(ret->arena, usage, &root, &offset) == JSON_OK)
        read_usage(root, ret);
    chat_event_add(ret, CHAT_FINISH);
    chat_event_add(ret, CHAT_DONE);
    return true;
}

/* Streams are relayed without a look at what they say: passthrough.h. */
static bool read_event(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret)
{
    (void)s, (void)name, (void)data, (void)ret;
    return false;
}

const struct dialect dialect_opaque = {
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
