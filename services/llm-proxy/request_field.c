#include "request_field.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_MESSAGE 512
#define MAX_NAME    64 /* of a field that nobody knows */

bool request_field_fail(const struct request_field *f, const char *param, const char *format, ...)
{
    char text[MAX_MESSAGE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    f->fault->message = arena_copy(f->arena, str_from(text));
    f->fault->param = param ? arena_printf(f->arena, "%s%s", f->at ? f->at : "", param) : NULL;
    return false;
}

static bool must_be(const struct request_field *f, const char *key, const char *what)
{
    return request_field_fail(f, key, "'%s%s' must be %s.", f->at ? f->at : "", key, what);
}

static const struct json_value *find(const struct json_value *object, const char *key)
{
    return chat_request_field(object, key);
}

bool request_field_text(const struct request_field *f, const struct json_value *object,
                        const char *key, struct str *ret)
{
    const struct json_value *v = find(object, key);

    if (!v)
        return true;
    if (v->type != JSON_STRING)
        return must_be(f, key, "a string");
    if (json_string(v, f->arena, ret))
        return true;
    f->fault->message = NULL;
    return false;
}

bool request_field_bool(const struct request_field *f, const struct json_value *object,
                        const char *key, bool *ret)
{
    const struct json_value *v = find(object, key);

    return !v || json_bool(v, ret) || must_be(f, key, "true or false");
}

bool request_field_count(const struct request_field *f, const struct json_value *object,
                         const char *key, int64_t max, int64_t *ret)
{
    const struct json_value *v = find(object, key);
    int64_t n;

    if (!v)
        return true;
    if (!json_int(v, &n) || n < 0 || n > max)
        return request_field_fail(f, key, "'%s%s' must be a whole number from 0 to %lld.",
                                  f->at ? f->at : "", key, (long long)max);
    *ret = n;
    return true;
}

bool request_field_number(const struct request_field *f, const struct json_value *object,
                          const char *key, struct str *ret)
{
    const struct json_value *v = find(object, key);
    double d;

    if (!v)
        return true;
    if (!json_number(v, &d))
        return must_be(f, key, "a number");
    *ret = v->raw;
    return true;
}

static bool of_type(const struct request_field *f, const struct json_value *object, const char *key,
                    enum json_type type, const struct json_value **ret)
{
    const struct json_value *v = find(object, key);

    *ret = v;
    if (!v || v->type == type)
        return true;
    return must_be(f, key, type == JSON_OBJECT ? "an object" : "an array");
}

bool request_field_object(const struct request_field *f, const struct json_value *object,
                          const char *key, const struct json_value **ret)
{
    return of_type(f, object, key, JSON_OBJECT, ret);
}

bool request_field_array(const struct request_field *f, const struct json_value *object,
                         const char *key, const struct json_value **ret)
{
    return of_type(f, object, key, JSON_ARRAY, ret);
}

static bool is_among(struct str key, const char *const known[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(key, known[i]))
            return true;
    return false;
}

bool request_field_all_known(const struct request_field *f, const struct json_value *object,
                             const char *const known[], size_t n)
{
    for (const struct json_value *v = object->child; v; v = v->next) {
        if (v->type == JSON_NULL || is_among(v->key, known, n))
            continue;
        struct str shown = {v->key.data, v->key.len < MAX_NAME ? v->key.len : MAX_NAME};
        const char *name = arena_copy(f->arena, shown);
        if (!name) {
            f->fault->message = NULL;
            return false;
        }
        return request_field_fail(f, name, "'%s%s' cannot be carried over to this provider.",
                                  f->at ? f->at : "", name);
    }
    return true;
}
