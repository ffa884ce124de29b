#include "count.h"

void count_messages(struct counter *c, const struct json_value *messages, struct count *ret)
{
    counter_describe(c, counter_messages(c, messages), ret);
}

void count_body(struct counter *c, const struct json_value *body, struct count *ret)
{
    const struct json_value *text = json_get(body, "text");
    uint64_t tokens =
        json_is(text, JSON_STRING) ? counter_string(c, text) : counter_request(c, body, UINT64_MAX);

    counter_describe(c, tokens, ret);
}
