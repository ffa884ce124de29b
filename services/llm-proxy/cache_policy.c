#include "cache_policy.h"

#include "base/parse.h"

#define MAX_TTL (USEC_PER_SEC * 3600 * 24 * 30) /* a caller may ask for */

static bool has_directive(struct str header, const char *directive)
{
    struct str part;

    while (header.data && str_cut(&header, ',', &part))
        if (str_is_nocase(str_trim(part), directive))
            return true;
    return false;
}

static bool is_claimed(struct str header)
{
    return header.data && !str_is(header, "0") && !str_is_nocase(header, "false");
}

/* Seconds, or a duration with its unit. */
static bool parse_ttl(struct str text, usec_t *ret)
{
    uint64_t seconds;

    if (!text.data)
        return false;
    if (parse_u64(text, &seconds))
        *ret = seconds < MAX_TTL / USEC_PER_SEC ? seconds * USEC_PER_SEC : MAX_TTL;
    else if (!parse_duration(text, ret))
        return false;
    if (*ret > MAX_TTL)
        *ret = MAX_TTL;
    return true;
}

static bool is_given(const struct json_value *body, const char *name)
{
    const struct json_value *v = json_get(body, name);

    return v && v->type != JSON_NULL && v->type != JSON_FALSE;
}

/* What is kept at the provider's, or goes on there, is more than an answer; and one of several
 * alternatives is no answer to give twice. */
static bool has_side_effects(const struct json_value *body)
{
    static const char *const marks[] = {"store", "background", "previous_response_id",
                                        "conversation", "container"};
    const struct json_value *n = json_get(body, "n");
    double alternatives;

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (is_given(body, marks[i]))
            return true;
    return n && n->type != JSON_NULL && !(json_number(n, &alternatives) && alternatives == 1);
}

static bool is_deterministic(const struct json_value *body)
{
    double temperature;

    return json_number(json_get(body, "temperature"), &temperature) && temperature == 0;
}

struct cache_policy cache_policy_decide(const struct cache_policy_request *r)
{
    struct cache_policy p = {.ttl = r->model->ttl, .may_keep_tool_calls = r->model->tool_calls};
    usec_t wanted = 0;

    bool has_ttl = parse_ttl(r->ttl, &wanted);
    bool is_wanted = r->model->when == CACHE_ALWAYS || has_ttl || is_deterministic(r->body);
    if (r->model->when == CACHE_NEVER || !is_wanted || has_side_effects(r->body))
        return p;
    if (is_claimed(r->no_cache) || has_directive(r->cache_control, "no-store"))
        return p;
    if (has_ttl)
        p.ttl = wanted;
    p.may_keep = !has_ttl || wanted > 0;
    p.may_look = !has_directive(r->cache_control, "no-cache");
    return p;
}
