#include "proto/workers.h"

#include "proto/fields.h"

#include <assert.h>

static const char *const use_texts[] = {
    [WORKERS_AWAY] = "away", [WORKERS_COLD] = "cold", [WORKERS_READY] = "ready"};

/* A word that a newer publisher knows and we do not: not to be had. */
static enum workers_use parse_use(struct str text)
{
    for (unsigned u = 0; u < sizeof(use_texts) / sizeof(use_texts[0]); u++)
        if (str_is(text, use_texts[u]))
            return (enum workers_use)u;
    return WORKERS_AWAY;
}

void workers_write_one(struct json_write *w, const struct workers_one *o)
{
    json_write_begin(w, '{');
    json_write_member_str(w, "name", o->name);
    json_write_member_str(w, "provider", o->provider);
    json_write_member_str(w, "model", o->model);
    json_write_member_str(w, "device", o->device);
    json_write_member_str(w, "state", o->state);
    json_write_member_str(w, "reason", o->reason);
    json_write_member(w, "use", use_texts[o->use]);
    json_write_member_u64(w, "since_ms", o->since_ms);
    json_write_member_u64(w, "pid", o->pid);
    json_write_member_u64(w, "restarts", o->restarts);
    json_write_member_u64(w, "in_flight", o->in_flight);
    json_write_member_u64(w, "memory_bytes", o->memory_bytes);
    json_write_end(w, '}');
}

enum buf_result workers_encode(const struct workers_list *l, struct buf *out)
{
    struct json_write w;

    assert(l->n <= WORKERS_MAX);
    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "node", l->node);
    json_write_member_u64(&w, "sequence", l->sequence);
    json_write_member_u64(&w, "at_ms", l->at_ms);
    json_write_key(&w, "workers");
    json_write_begin(&w, '[');
    for (size_t i = 0; i < l->n; i++)
        workers_write_one(&w, &l->one[i]);
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

static bool read_texts(struct arena *a, const struct json_value *o, struct workers_one *ret)
{
    return fields_str(a, o, "name", &ret->name) && fields_str(a, o, "provider", &ret->provider) &&
           fields_str(a, o, "model", &ret->model) && fields_str(a, o, "device", &ret->device) &&
           fields_str(a, o, "state", &ret->state) && fields_str(a, o, "reason", &ret->reason);
}

static bool read_one(struct arena *a, const struct json_value *o, struct workers_one *ret)
{
    struct str use = STR_EMPTY;

    *ret = (struct workers_one){STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY,
                                0,         0,         0,         0,         0,         0};
    if (!json_is(o, JSON_OBJECT) || !read_texts(a, o, ret) || !fields_str(a, o, "use", &use) ||
        !fields_u64(o, "since_ms", &ret->since_ms) || !fields_u64(o, "pid", &ret->pid) ||
        !fields_u64(o, "restarts", &ret->restarts) ||
        !fields_u64(o, "in_flight", &ret->in_flight) ||
        !fields_u64(o, "memory_bytes", &ret->memory_bytes))
        return false;
    ret->use = parse_use(use);
    return ret->name.len > 0 && ret->provider.len > 0 && ret->state.len > 0;
}

bool workers_decode(struct arena *a, struct str json, struct workers_list *ret)
{
    const struct json_value *o = fields_parse(a, json);
    const struct json_value *list = json_get(o, "workers");

    ret->node = STR_EMPTY;
    ret->sequence = ret->at_ms = 0;
    ret->n = 0;
    if (!o || !fields_str(a, o, "node", &ret->node) || !fields_u64(o, "sequence", &ret->sequence) ||
        !fields_u64(o, "at_ms", &ret->at_ms) || !json_is(list, JSON_ARRAY) ||
        list->n_children > WORKERS_MAX)
        return false;
    for (const struct json_value *v = list->child; v; v = v->next)
        if (!read_one(a, v, &ret->one[ret->n++]))
            return false;
    return true;
}
