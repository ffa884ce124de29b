#include "proto/load.h"

#include "base/json_write.h"
#include "proto/fields.h"

#include <assert.h>

enum buf_result load_encode(const struct load *l, struct buf *out)
{
    struct json_write w;

    assert(l->n <= WORKERS_MAX);
    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_u64(&w, "proxy", l->proxy);
    json_write_member_u64(&w, "active_requests", l->active_requests);
    json_write_member_str(&w, "node", l->node);
    json_write_member_u64(&w, "heard", l->heard);
    json_write_key(&w, "providers");
    json_write_begin(&w, '[');
    for (size_t i = 0; i < l->n; i++) {
        json_write_begin(&w, '{');
        json_write_member_str(&w, "name", l->of[i].provider);
        json_write_member_u64(&w, "in_flight", l->of[i].in_flight);
        json_write_end(&w, '}');
    }
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

bool load_decode(struct arena *a, struct str json, struct load *ret)
{
    const struct json_value *o = fields_parse(a, json);
    const struct json_value *list = json_get(o, "providers");

    ret->proxy = ret->active_requests = ret->heard = 0;
    ret->node = STR_EMPTY;
    ret->n = 0;
    if (!o || !fields_u64(o, "proxy", &ret->proxy) ||
        !fields_u64(o, "active_requests", &ret->active_requests) ||
        !fields_str(a, o, "node", &ret->node) || !fields_u64(o, "heard", &ret->heard) ||
        !json_is(list, JSON_ARRAY) || list->n_children > WORKERS_MAX)
        return false;
    for (const struct json_value *v = list->child; v; v = v->next, ret->n++) {
        ret->of[ret->n].provider = STR_EMPTY;
        ret->of[ret->n].in_flight = 0;
        if (!json_is(v, JSON_OBJECT) || !fields_str(a, v, "name", &ret->of[ret->n].provider) ||
            !fields_u64(v, "in_flight", &ret->of[ret->n].in_flight) ||
            ret->of[ret->n].provider.len == 0)
            return false;
    }
    return ret->proxy != 0;
}
