#include "request_table.h"

#define MAX_NAME 64 /* of a field that nobody knows */

static const char *read_row(struct request_table *r, const struct request_table_row *rows, size_t n,
                            const char *unknown)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(r->value->key, rows[i].name))
            return rows[i].read(r, (char *)r->chat + rows[i].to);
    return unknown;
}

bool request_table_read(struct request_table *r, const struct json_value *root,
                        const struct request_table_row *rows, size_t n, const char *unknown)
{
    *r->fault = (struct inbound_fault){NULL, NULL};
    for (const struct json_value *v = root->child; v; v = v->next) {
        r->value = v;
        const char *wrong = v->type == JSON_NULL ? NULL : read_row(r, rows, n, unknown);
        if (!wrong)
            continue;
        if (*wrong) {
            int len = v->key.len < MAX_NAME ? (int)v->key.len : MAX_NAME;
            r->fault->param = arena_printf(r->arena, "%.*s", len, v->key.data);
            r->fault->message = arena_printf(r->arena, "'%.*s': %s", len, v->key.data, wrong);
        }
        return false;
    }
    return true;
}

const char *request_table_number(struct request_table *r, void *to)
{
    double number;

    if (!json_number(r->value, &number))
        return "It must be a number.";
    *(struct str *)to = r->value->raw;
    return NULL;
}

const char *request_table_bool(struct request_table *r, void *to)
{
    return json_bool(r->value, to) ? NULL : "It must be true or false.";
}

const char *request_table_harmless(struct request_table *r, void *to)
{
    (void)r, (void)to;
    return NULL;
}

const char *request_table_tools(struct request_table *r,
                                const char *(*read)(struct request_table *r, struct chat_tool *t))
{
    const struct json_value *list = r->value;
    const struct chat_tool **at = &r->chat->tools;
    const char *wrong = NULL;

    if (!json_is(list, JSON_ARRAY))
        return "It must be an array.";
    for (r->value = list->child; r->value && !wrong; r->value = r->value->next) {
        struct chat_tool *t = arena_alloc(r->arena, sizeof(*t));
        wrong = t ? read(r, t) : "";
        if (!wrong) {
            *at = t;
            at = &t->next;
        }
    }
    return wrong;
}
