#include "logprobs.h"

#define MAX_TEXT (16u << 20)

void logprobs_init(struct logprobs *l, struct arena *a, const char *number)
{
    *l = (struct logprobs){.arena = a, .number = number};
    buf_init(&l->text, MAX_TEXT);
    json_write_init(&l->w, &l->text);
    json_write_begin(&l->w, '{');
    json_write_key(&l->w, "content");
    json_write_begin(&l->w, '[');
}

void logprobs_done(struct logprobs *l)
{
    buf_done(&l->text);
}

static void write_token(struct logprobs *l, const struct json_value *item)
{
    const struct json_value *number = json_get(item, l->number);
    struct str token;

    if (!json_string(json_get(item, "token"), l->arena, &token))
        token = STR_EMPTY;
    json_write_member_str(&l->w, "token", token);
    json_write_key(&l->w, "logprob");
    json_write_raw(&l->w, json_is(number, JSON_NUMBER) ? number->raw : STR("0"));
    json_write_key(&l->w, "bytes");
    json_write_begin(&l->w, '[');
    for (size_t i = 0; i < token.len; i++)
        json_write_u64(&l->w, (unsigned char)token.data[i]);
    json_write_end(&l->w, ']');
}

void logprobs_add(struct logprobs *l, const struct json_value *chosen,
                  const struct json_value *likeliest)
{
    json_write_begin(&l->w, '{');
    write_token(l, chosen);
    json_write_key(&l->w, "top_logprobs");
    json_write_begin(&l->w, '[');
    if (json_is(likeliest, JSON_ARRAY))
        for (const struct json_value *item = likeliest->child; item; item = item->next) {
            json_write_begin(&l->w, '{');
            write_token(l, item);
            json_write_end(&l->w, '}');
        }
    json_write_end(&l->w, ']');
    json_write_end(&l->w, '}');
}

bool logprobs_finish(struct logprobs *l, struct str *ret)
{
    json_write_end(&l->w, ']');
    json_write_key(&l->w, "refusal");
    json_write_null(&l->w);
    json_write_end(&l->w, '}');
    if (json_write_finish(&l->w) != BUF_OK)
        return false;
    *ret = (struct str){arena_copy(l->arena, buf_str(&l->text)), l->text.len};
    return ret->data != NULL;
}
