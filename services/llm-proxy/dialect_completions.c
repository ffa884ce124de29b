#include "dialect_openai.h"

static void read_choice(const struct json_value *c, struct chat_events *ret)
{
    uint32_t choice = dialect_openai_index(c, CHAT_MAX_CHOICES);
    const struct json_value *reason = chat_request_field(c, "finish_reason");
    struct str text = json_text(json_get(c, "text"), ret->arena);

    chat_event_add(ret, CHAT_START)->choice = choice;
    if (text.len > 0)
        chat_event_add_text(ret, CHAT_TEXT, text)->choice = choice;
    if (!reason)
        return;
    struct chat_event *e = chat_event_add(ret, CHAT_FINISH);
    e->choice = choice;
    e->finish = dialect_openai_finish(json_text(reason, ret->arena));
}

static void read_choices(const struct json_value *choices, struct chat_events *ret)
{
    for (const struct json_value *c = choices->child; c; c = c->next)
        read_choice(c, ret);
}

static bool read_event(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret)
{
    const struct json_value *root;

    (void)s, (void)name;
    if (!dialect_openai_open(data, &root, ret))
        return false;
    if (!root) /* said already: an error, or the end mark */
        return true;
    const struct json_value *choices = json_get(root, "choices");
    if (json_is(choices, JSON_ARRAY))
        read_choices(choices, ret);
    dialect_openai_read_usage(root, ret);
    return json_is(choices, JSON_ARRAY) || ret->first;
}

static bool read_answer(struct str body, struct chat_events *ret)
{
    const struct json_value *root;
    size_t offset;

    if (json_parse(ret->arena, body, &root, &offset) != JSON_OK)
        return false;
    const struct json_value *choices = json_get(root, "choices");
    if (!json_is(choices, JSON_ARRAY) || choices->n_children == 0)
        return false;
    read_choices(choices, ret);
    dialect_openai_read_usage(root, ret);
    chat_event_add(ret, CHAT_DONE);
    return true;
}

static enum dialect_result forward(struct arena *a, const struct dialect_request *r,
                                   struct dialect_call *ret)
{
    ret->path = "/completions";
    return dialect_openai_forward(a, r, ret);
}

/* Answers to /completions. Chats of other APIs are never written as completions. */
const struct dialect dialect_completions = {
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
