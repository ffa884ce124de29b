/* read_conversation.h -- a conversation of made_conversation.h read back, after condensing or
 * before. */
#pragma once

#include "base/json.h"

#include "check.h"

#include <stdbool.h>
#include <string.h>

#define MAX_MESSAGES 256

/* A conversation read back. */
struct reader {
    const struct json_value *array;
    const struct json_value *message[MAX_MESSAGES];
    unsigned n;
};

static inline void read_messages(struct reader *r, struct arena *a, struct str text)
{
    size_t at;

    CHECK_INT(json_parse(a, text, &r->array, &at), JSON_OK);
    r->n = 0;
    for (const struct json_value *v = r->array->child; v; v = v->next) {
        CHECK(r->n < MAX_MESSAGES);
        r->message[r->n++] = v;
    }
}

static inline bool holds(struct str text, const char *what)
{
    return memmem(text.data, text.len, what, strlen(what)) != NULL;
}

static inline bool role_is(const struct json_value *message, const char *role)
{
    struct str raw = json_get(message, "role")->raw;

    return str_is((struct str){raw.data + 1, raw.len - 2}, role);
}

static inline bool is_system(const struct json_value *message)
{
    return role_is(message, "system") || role_is(message, "developer");
}

static inline bool has_results(const struct json_value *message)
{
    const struct json_value *content = json_get(message, "content");

    if (role_is(message, "tool"))
        return true;
    if (!role_is(message, "user") || !json_is(content, JSON_ARRAY))
        return false;
    for (const struct json_value *b = content->child; b; b = b->next)
        if (json_get(b, "tool_use_id"))
            return true;
    return false;
}

/* The service's own messages have no number. */
static inline bool is_made(const struct json_value *message)
{
    return !json_get(message, "n");
}

static inline unsigned number_of(const struct json_value *message)
{
    int64_t n;

    CHECK(json_int(json_get(message, "n"), &n));
    return (unsigned)n;
}

static inline bool same(const struct json_value *a, const struct json_value *b)
{
    return str_equal(a->raw, b->raw);
}
