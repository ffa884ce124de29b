#include "proto/control.h"

#include "base/json_write.h"
#include "proto/fields.h"

#include <stddef.h>

enum buf_result control_encode(const struct control_request *r, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "verb", r->verb);
    json_write_member_str(&w, "object", r->object);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

bool control_decode(struct arena *a, struct str json, struct control_request *ret)
{
    const struct json_value *o = fields_parse(a, json);
    struct control_request r = {.verb = STR_EMPTY, .object = STR_EMPTY};

    if (!o || !fields_str(a, o, "verb", &r.verb) || !fields_str(a, o, "object", &r.object) ||
        r.verb.len == 0)
        return false;
    *ret = r;
    return true;
}
