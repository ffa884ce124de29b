#include "proto/load.h"

#include "base/json_write.h"
#include "proto/fields.h"

enum buf_result load_encode(const struct load *l, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_u64(&w, "proxy", l->proxy);
    json_write_member_u64(&w, "active_requests", l->active_requests);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

bool load_decode(struct arena *a, struct str json, struct load *ret)
{
    const struct json_value *o = fields_parse(a, json);
    struct load l = {0};

    if (!o || !fields_u64(o, "proxy", &l.proxy) ||
        !fields_u64(o, "active_requests", &l.active_requests) || l.proxy == 0)
        return false;
    *ret = l;
    return true;
}
