#include "proto/fields.h"

#include "base/parse.h"

const struct json_value *fields_parse(struct arena *a, struct str json)
{
    const struct json_value *root;
    size_t offset;

    if (json_parse(a, json, &root, &offset) != JSON_OK)
        return NULL;
    return json_is(root, JSON_OBJECT) ? root : NULL;
}

static const struct json_value *find(const struct json_value *object, const char *key)
{
    const struct json_value *v = json_get(object, key);

    return json_is(v, JSON_NULL) ? NULL : v;
}

bool fields_str(struct arena *a, const struct json_value *object, const char *key, struct str *ret)
{
    const struct json_value *v = find(object, key);

    return !v || json_string(v, a, ret);
}

bool fields_u64(const struct json_value *object, const char *key, uint64_t *ret)
{
    const struct json_value *v = find(object, key);

    return !v || (v->type == JSON_NUMBER && parse_u64(v->raw, ret));
}

bool fields_u32(const struct json_value *object, const char *key, uint32_t *ret)
{
    uint64_t n = *ret;

    if (!fields_u64(object, key, &n) || n > UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

bool fields_double(const struct json_value *object, const char *key, double *ret)
{
    const struct json_value *v = find(object, key);
    double d;

    if (!v)
        return true;
    if (!json_number(v, &d) || d < 0)
        return false;
    *ret = d;
    return true;
}

bool fields_bool(const struct json_value *object, const char *key, bool *ret)
{
    const struct json_value *v = find(object, key);

    return !v || json_bool(v, ret);
}
