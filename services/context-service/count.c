#include "count.h"

#include "tokens/estimate.h"

struct count count_describe(uint64_t tokens)
{
    return (struct count){
        .tokens = tokens, .exact = false, .margin = ESTIMATE_MARGIN, .method = ESTIMATE_METHOD};
}

/* A body that has nothing but these messages. */
static uint64_t estimate_bare(const struct json_value *messages)
{
    struct json_value member = *messages;

    member.key = STR("messages");
    member.next = NULL;
    const struct json_value body = {.type = JSON_OBJECT, .n_children = 1, .child = &member};
    return estimate_request(&body);
}

uint64_t count_overhead(void)
{
    const struct json_value none = {.type = JSON_ARRAY};

    return estimate_bare(&none);
}

uint64_t count_message(const struct json_value *message)
{
    struct json_value alone = *message;

    alone.next = NULL;
    const struct json_value messages = {.type = JSON_ARRAY, .n_children = 1, .child = &alone};
    return estimate_messages(&messages);
}

struct count count_messages(const struct json_value *messages)
{
    uint64_t tokens = count_overhead();

    for (const struct json_value *m = messages->child; m; m = m->next)
        tokens += count_message(m);
    return count_describe(tokens);
}

static struct count count_text(struct arena *a, struct tokenizers *tokenizers, struct str model,
                               const struct json_value *text)
{
    struct count c = {.exact = true};
    struct str plain;

    if (tokenizers && json_string(text, a, &plain) &&
        tokenizers_count(tokenizers, model, plain, &c.tokens, &c.method))
        return c;
    return count_describe(estimate_text((struct str){text->raw.data + 1, text->raw.len - 2}));
}

struct count count_body(struct arena *a, struct tokenizers *tokenizers, struct str model,
                        const struct json_value *body)
{
    const struct json_value *text = json_get(body, "text");
    const struct json_value *messages = json_get(body, "messages");

    if (json_is(text, JSON_STRING))
        return count_text(a, tokenizers, model, text);
    if (!json_is(messages, JSON_ARRAY))
        return count_describe(estimate_request(body));
    struct count c = count_messages(messages);
    c.tokens += estimate_request(body) - estimate_bare(messages); /* what stands beside them */
    return c;
}
