#include "cache_policy.h"

#include "base/parse.h"
#include "base/sse.h"

#define MAX_TTL   (30 * 24 * 3600 * USEC_PER_SEC) /* a caller may ask for */
#define MAX_EVENT (4u << 20)

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

/* ---- the answer ---- */

static bool is_tool_type(const struct json_value *type)
{
    static const char *const types[] = {
        "\"tool_use\"",         "\"server_tool_use\"", "\"mcp_tool_use\"",     "\"function_call\"",
        "\"custom_tool_call\"", "\"computer_call\"",   "\"local_shell_call\"", "\"mcp_call\""};

    for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++)
        if (str_is(type->raw, types[i]))
            return true;
    return false;
}

static bool calls_tool(const struct json_value *v)
{
    if (v->type == JSON_OBJECT) {
        const struct json_value *calls = json_get(v, "tool_calls");
        if ((json_is(calls, JSON_ARRAY) && calls->n_children > 0) ||
            json_is(json_get(v, "function_call"), JSON_OBJECT) || is_tool_type(json_get(v, "type")))
            return true;
    }
    for (const struct json_value *child = v->child; child; child = child->next)
        if (calls_tool(child))
            return true;
    return false;
}

static bool text_calls_tool(struct arena *scratch, struct str text)
{
    const struct json_value *root;
    size_t offset;

    bool is_read = json_parse(scratch, text, &root, &offset) == JSON_OK;
    return !is_read || calls_tool(root);
}

static bool on_event(void *arg, const struct sse_event *event)
{
    struct arena *scratch = arg;
    struct str data = {event->data, event->data_len};

    if (str_is(data, "[DONE]"))
        return true;
    bool is_call = text_calls_tool(scratch, data);
    arena_clear(scratch);
    return !is_call;
}

bool cache_policy_has_tool_call(struct arena *scratch, struct str answer, bool is_stream)
{
    struct sse_parser parser;

    if (!is_stream) {
        bool is_call = text_calls_tool(scratch, answer);
        arena_clear(scratch);
        return is_call;
    }
    sse_init(&parser, MAX_EVENT, on_event, scratch);
    enum sse_result r = sse_feed(&parser, answer.data, answer.len);
    sse_done(&parser);
    return r != SSE_OK;
}
