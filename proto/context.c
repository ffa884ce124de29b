#include "proto/context.h"

#include "base/json_write.h"
#include "proto/fields.h"

#include <stddef.h>

enum buf_result context_encode_request(const struct context_request *r, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "model", r->model);
    json_write_member_str(&w, "dialect", r->dialect);
    json_write_member_str(&w, "mode", r->mode);
    json_write_member_str(&w, "session", r->session);
    json_write_member_str(&w, "tenant", r->tenant);
    json_write_member_str(&w, "key", r->key);
    json_write_member_u64(&w, "budget_tokens", r->budget_tokens);
    json_write_key(&w, "high_water");
    json_write_double(&w, r->high_water);
    json_write_key(&w, "low_water");
    json_write_double(&w, r->low_water);
    json_write_member_u64(&w, "keep_last", r->keep_last);
    json_write_member_u64(&w, "deadline_us", r->deadline);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

bool context_decode_request(struct arena *a, struct str json, struct context_request *ret)
{
    const struct json_value *o = fields_parse(a, json);
    struct context_request r = {.model = STR_EMPTY,
                                .dialect = STR_EMPTY,
                                .mode = STR_EMPTY,
                                .session = STR_EMPTY,
                                .tenant = STR_EMPTY,
                                .key = STR_EMPTY};

    if (!o || !fields_str(a, o, "model", &r.model) || !fields_str(a, o, "dialect", &r.dialect) ||
        !fields_str(a, o, "mode", &r.mode) || !fields_str(a, o, "session", &r.session) ||
        !fields_str(a, o, "tenant", &r.tenant) || !fields_str(a, o, "key", &r.key) ||
        !fields_u64(o, "budget_tokens", &r.budget_tokens) ||
        !fields_double(o, "high_water", &r.high_water) ||
        !fields_double(o, "low_water", &r.low_water) || !fields_u32(o, "keep_last", &r.keep_last) ||
        !fields_u64(o, "deadline_us", &r.deadline))
        return false;
    if (r.model.len == 0 || r.dialect.len == 0)
        return false;
    *ret = r;
    return true;
}

enum buf_result context_encode_reply(const struct context_reply *r, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_u64(&w, "tokens_before", r->tokens_before);
    json_write_member_u64(&w, "tokens_after", r->tokens_after);
    json_write_member_bool(&w, "exact", r->exact);
    json_write_key(&w, "margin");
    json_write_double(&w, r->margin);
    json_write_member_str(&w, "method", r->method);
    json_write_member_str(&w, "outcome", r->outcome);
    json_write_member_str(&w, "stages", r->stages);
    json_write_member_str(&w, "session", r->session);
    json_write_member_u64(&w, "epoch", r->epoch);
    json_write_member_u64(&w, "omitted", r->omitted);
    json_write_member_str(&w, "message", r->message);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

bool context_decode_reply(struct arena *a, struct str json, struct context_reply *ret)
{
    const struct json_value *o = fields_parse(a, json);
    struct context_reply r = {.method = STR_EMPTY,
                              .outcome = STR_EMPTY,
                              .stages = STR_EMPTY,
                              .session = STR_EMPTY,
                              .message = STR_EMPTY};

    if (!o || !fields_u64(o, "tokens_before", &r.tokens_before) ||
        !fields_u64(o, "tokens_after", &r.tokens_after) || !fields_bool(o, "exact", &r.exact) ||
        !fields_double(o, "margin", &r.margin) || !fields_str(a, o, "method", &r.method) ||
        !fields_str(a, o, "outcome", &r.outcome) || !fields_str(a, o, "stages", &r.stages) ||
        !fields_str(a, o, "session", &r.session) || !fields_u64(o, "epoch", &r.epoch) ||
        !fields_u64(o, "omitted", &r.omitted) || !fields_str(a, o, "message", &r.message))
        return false;
    if (r.outcome.len == 0)
        return false;
    *ret = r;
    return true;
}
