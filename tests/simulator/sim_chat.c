#include "sim_chat.h"

#include "base/json.h"

static struct str spelled(const struct json_value *string)
{
    return (struct str){string->raw.data + 1, string->raw.len - 2};
}

static void read_text(const struct json_value *string, struct sim_chat *c)
{
    if (!json_is(string, JSON_STRING))
        return;
    c->text = spelled(string);
    c->prompt_bytes += c->text.len;
}

static void read_message(const struct json_value *message, struct sim_chat *c)
{
    const struct json_value *content = json_get(message, "content");

    read_text(content, c);
    if (json_is(content, JSON_ARRAY))
        for (const struct json_value *part = content->child; part; part = part->next)
            read_text(json_get(part, "text"), c);
}

uint64_t sim_chat_tokens(uint64_t bytes)
{
    return (bytes + 3) / 4;
}

bool sim_chat_read(struct arena *a, struct str body, struct sim_chat *ret, const char **reterr)
{
    const struct json_value *root;
    size_t offset;
    enum json_result r = json_parse(a, body, &root, &offset);
    if (r != JSON_OK) {
        *reterr = json_result_text(r);
        return false;
    }

    const struct json_value *model = json_get(root, "model");
    const struct json_value *messages = json_get(root, "messages");
    if (!json_is(model, JSON_STRING) || !json_is(messages, JSON_ARRAY)) {
        *reterr = "a chat request has a model and messages";
        return false;
    }

    *ret = (struct sim_chat){.model = spelled(model), .text = STR_EMPTY};
    for (const struct json_value *m = messages->child; m; m = m->next)
        read_message(m, ret);
    ret->is_stream = json_is(json_get(root, "stream"), JSON_TRUE);
    ret->wants_usage =
        json_is(json_at(root, "stream_options.include_usage"), JSON_TRUE) || !ret->is_stream;
    return true;
}
