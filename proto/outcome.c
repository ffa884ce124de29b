#include "proto/outcome.h"

#include "base/json_write.h"
#include "proto/fields.h"

#include <stddef.h>

static const char *const kind_texts[] = {
    [OUTCOME_OK] = "ok",
    [OUTCOME_CONNECT] = "connect",
    [OUTCOME_TIMEOUT] = "timeout",
    [OUTCOME_HTTP_4XX] = "http_4xx",
    [OUTCOME_HTTP_429] = "http_429",
    [OUTCOME_HTTP_5XX] = "http_5xx",
    [OUTCOME_INVALID] = "invalid",
    [OUTCOME_TRUNCATED] = "truncated",
    [OUTCOME_CANCELLED] = "cancelled",
};

const char *outcome_kind_text(enum outcome_kind k)
{
    return kind_texts[k];
}

static bool parse_kind(struct str text, enum outcome_kind *ret)
{
    for (unsigned k = 0; k < sizeof(kind_texts) / sizeof(kind_texts[0]); k++) {
        if (str_is(text, kind_texts[k])) {
            *ret = (enum outcome_kind)k;
            return true;
        }
    }
    return false;
}

enum buf_result outcome_encode(const struct outcome *o, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "provider", o->provider);
    json_write_member_str(&w, "model", o->model);
    json_write_member(&w, "kind", outcome_kind_text(o->kind));
    json_write_member_int(&w, "status", o->status);
    json_write_member_u64(&w, "duration_us", o->duration_us);
    json_write_member_u64(&w, "in_flight", o->in_flight);
    json_write_member_u64(&w, "count", o->count);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

bool outcome_decode(struct arena *a, struct str json, struct outcome *ret)
{
    const struct json_value *o = fields_parse(a, json);
    struct outcome r = {.provider = STR_EMPTY, .model = STR_EMPTY, .count = 1};
    struct str kind = STR_EMPTY;
    uint32_t status = 0;

    if (!o || !fields_str(a, o, "provider", &r.provider) || !fields_str(a, o, "model", &r.model) ||
        !fields_str(a, o, "kind", &kind) || !fields_u32(o, "status", &status) ||
        !fields_u64(o, "duration_us", &r.duration_us) ||
        !fields_u64(o, "in_flight", &r.in_flight) || !fields_u64(o, "count", &r.count))
        return false;
    if (r.provider.len == 0 || !parse_kind(kind, &r.kind) || status > 999 || r.count == 0)
        return false;
    r.status = (int)status;
    *ret = r;
    return true;
}
