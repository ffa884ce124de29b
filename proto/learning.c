#include "proto/learning.h"

#include "base/json_write.h"
#include "proto/fields.h"

enum buf_result learning_encode(const struct learning *l, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "model", l->model);
    json_write_key(&w, "numbers");
    json_write_begin(&w, '[');
    for (unsigned i = 0; i < l->n_numbers; i++)
        json_write_double(&w, l->numbers[i]);
    json_write_end(&w, ']');
    json_write_key(&w, "tokens");
    json_write_double(&w, l->tokens);
    json_write_key(&w, "margin");
    json_write_double(&w, l->margin);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

static bool decode_numbers(const struct json_value *list, struct learning *l)
{
    if (!json_is(list, JSON_ARRAY) || list->n_children > LEARNING_MAX_NUMBERS)
        return false;
    for (const struct json_value *e = list->child; e; e = e->next)
        if (!json_number(e, &l->numbers[l->n_numbers++]) || l->numbers[l->n_numbers - 1] < 0)
            return false;
    return true;
}

bool learning_decode(struct arena *a, struct str json, struct learning *ret)
{
    const struct json_value *o = fields_parse(a, json);
    struct learning l = {.model = STR_EMPTY};

    if (!o || !fields_str(a, o, "model", &l.model) || l.model.len == 0 ||
        !fields_double(o, "tokens", &l.tokens) || !fields_double(o, "margin", &l.margin) ||
        !decode_numbers(json_get(o, "numbers"), &l))
        return false;
    *ret = l;
    return true;
}
