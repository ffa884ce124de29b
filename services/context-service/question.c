#include "question.h"

#include "base/digest.h"

#define MAX_NAME  128 /* bytes of a session's name; a longer one is named by its digest */
#define MAX_QUERY 65536

static enum fault fail(struct fault_detail *reterr, const char *message, const char *param)
{
    *reterr = (struct fault_detail){message, param};
    return FAULT_INVALID_REQUEST;
}

static enum fault parse(struct arena *a, struct str text, const struct json_value **ret,
                        struct fault_detail *reterr)
{
    size_t at = 0;
    enum json_result r = json_parse(a, text, ret, &at);

    if (r == JSON_OK)
        return FAULT_NONE;
    if (r == JSON_TOO_BIG)
        return FAULT_REQUEST_TOO_LARGE;
    reterr->message = arena_printf(a, "Not valid JSON at byte %zu: %s.", at, json_result_text(r));
    return FAULT_INVALID_JSON;
}

/* False when it is there and no string. */
static bool read_text(struct arena *a, const struct json_value *body, const char *key,
                      struct str *ret)
{
    const struct json_value *v = json_get(body, key);

    return !v || json_is(v, JSON_NULL) || json_string(v, a, ret);
}

static struct str name_session(struct arena *a, struct str name)
{
    uint8_t digest[DIGEST_SIZE];
    char digits[2 * DIGEST_SIZE + 1];

    if (name.len <= MAX_NAME)
        return name;
    digest_sha256(name, digest);
    digest_hex(digest, DIGEST_SIZE, digits);
    return str_from(arena_printf(a, "sha256-%s", digits));
}

static enum fault read_count(const struct json_value *body, struct question *q,
                             struct fault_detail *reterr)
{
    const struct json_value *text = json_get(body, "text");

    if (text ? !json_is(text, JSON_STRING) : !json_is(q->turn.messages, JSON_ARRAY))
        return fail(reterr, "There must be messages, an array, or text, a string.",
                    text ? "text" : "messages");
    q->body = body;
    return FAULT_NONE;
}

static enum fault read_scope(struct arena *a, const struct json_value *body, struct question *q,
                             struct fault_detail *reterr)
{
    struct context_scope *scope = &q->turn.scope;

    if (!read_text(a, body, "session", &scope->session))
        return fail(reterr, "session must be a string.", "session");
    if (!read_text(a, body, "tenant", &scope->tenant) || scope->tenant.len > MAX_NAME)
        return fail(reterr, "tenant must be a string of at most 128 bytes.", "tenant");
    scope->session = name_session(a, scope->session);
    return FAULT_NONE;
}

static enum fault read_mode(struct arena *a, const struct json_value *body, struct question *q,
                            struct fault_detail *reterr)
{
    const struct json_value *mode = json_get(body, "mode");
    struct str word;

    q->has_mode = mode != NULL;
    if (mode && (!json_string(mode, a, &word) || !condense_mode_parse(word, &q->turn.options.mode)))
        return fail(reterr, "mode is one of lossless, mask, extract, summarize.", "mode");
    return FAULT_NONE;
}

static bool read_size(const struct json_value *body, const char *key, int64_t least, int64_t *ret)
{
    const struct json_value *v = json_get(body, key);

    return !v || (json_int(v, ret) && *ret >= least);
}

static enum fault read_options(struct arena *a, const struct json_value *body, struct question *q,
                               struct fault_detail *reterr)
{
    struct condense_options *o = &q->turn.options;
    int64_t budget = 0, target = 0, keep_last = (int64_t)o->keep_last;

    if (!read_size(body, "budget_tokens", 1, &budget) || budget == 0)
        return fail(reterr, "There must be budget_tokens, a whole number above 0.",
                    "budget_tokens");
    if (!read_size(body, "target_tokens", 1, &target))
        return fail(reterr, "target_tokens is a whole number above 0.", "target_tokens");
    if (!read_size(body, "keep_last", 0, &keep_last))
        return fail(reterr, "keep_last is a whole number.", "keep_last");
    if (!read_text(a, body, "query", &o->query) || o->query.len > MAX_QUERY)
        return fail(reterr, "query must be a string of at most 64 KiB.", "query");
    if (!read_text(a, body, "dialect", &o->dialect))
        return fail(reterr, "dialect must be a string.", "dialect");
    o->pin = json_get(body, "pin");
    if (o->pin && !json_is(o->pin, JSON_ARRAY))
        return fail(reterr, "pin must be an array of numbers and texts.", "pin");
    o->budget_tokens = (uint64_t)budget;
    o->target_tokens = (uint64_t)target;
    o->keep_last = (size_t)keep_last;
    q->has_keep_last = json_get(body, "keep_last") != NULL;
    return FAULT_NONE;
}

static enum fault read_condense(struct arena *a, const struct json_value *body, struct question *q,
                                struct fault_detail *reterr)
{
    if (!json_is(q->turn.messages, JSON_ARRAY))
        return fail(reterr, "There must be messages, an array.", "messages");
    enum fault f = read_options(a, body, q, reterr);
    if (f == FAULT_NONE)
        f = read_mode(a, body, q, reterr);
    if (f == FAULT_NONE)
        f = read_scope(a, body, q, reterr);
    q->turn.is_stateful = q->turn.scope.session.len > 0;
    return f;
}

static enum fault read_retrieve(struct arena *a, const struct json_value *body, struct question *q,
                                struct fault_detail *reterr)
{
    if (!read_text(a, body, "key", &q->key) || q->key.len == 0)
        return fail(reterr, "There must be key, a string.", "key");
    return read_scope(a, body, q, reterr);
}

enum fault question_read_http(struct arena *a, enum question_op op, struct str text,
                              struct question *ret, struct fault_detail *reterr)
{
    const struct json_value *body;
    enum fault f = parse(a, text, &body, reterr);

    if (f != FAULT_NONE)
        return f;
    if (!json_is(body, JSON_OBJECT))
        return fail(reterr, "The body must be a JSON object.", NULL);
    *ret = (struct question){.op = op};
    ret->turn.options.dialect = STR("openai");
    ret->turn.messages = json_get(body, "messages");
    if (!read_text(a, body, "model", &ret->turn.model))
        return fail(reterr, "model must be a string.", "model");
    switch (op) {
    case QUESTION_COUNT:
        return read_count(body, ret, reterr);
    case QUESTION_CONDENSE:
        return read_condense(a, body, ret, reterr);
    case QUESTION_RETRIEVE:
        return read_retrieve(a, body, ret, reterr);
    case QUESTION_SESSION:
    case QUESTION_FORGET:
        return read_scope(a, body, ret, reterr);
    }
    return FAULT_NOT_FOUND;
}

enum fault question_read_bus(struct arena *a, enum question_op op,
                             const struct context_request *request, struct str messages,
                             struct question *ret, struct fault_detail *reterr)
{
    *ret = (struct question){.op = op, .has_mode = true, .has_keep_last = true};
    ret->key = request->key;
    ret->turn = (struct turn_request){
        .model = request->model,
        .options = {.dialect = request->dialect,
                    .budget_tokens = request->budget_tokens,
                    .keep_last = request->keep_last},
        .scope = {request->tenant, name_session(a, request->session)},
        .is_stateful = request->high_water > 0,
        .high_water = request->high_water,
        .low_water = request->low_water,
    };
    if (op == QUESTION_RETRIEVE)
        return FAULT_NONE;
    if (op == QUESTION_CONDENSE && !condense_mode_parse(request->mode, &ret->turn.options.mode))
        return fail(reterr, "mode is one of lossless, mask, extract, summarize.", "mode");
    enum fault f = parse(a, messages, &ret->turn.messages, reterr);
    if (f == FAULT_NONE && !json_is(ret->turn.messages, JSON_ARRAY))
        return fail(reterr, "messages must be an array.", "messages");
    return f;
}

static enum condense_mode mode_of(enum settings_context_mode m)
{
    switch (m) {
    case CONTEXT_LOSSLESS:
        return CONDENSE_LOSSLESS;
    case CONTEXT_EXTRACT:
        return CONDENSE_EXTRACT;
    case CONTEXT_SUMMARIZE:
        return CONDENSE_SUMMARIZE;
    case CONTEXT_OFF: /* who asks nonetheless gets the plain one */
    case CONTEXT_MASK:
        return CONDENSE_MASK;
    }
    return CONDENSE_MASK;
}

void question_apply_rules(struct question *q, const struct settings_context_rules *rules)
{
    if (!q->has_mode)
        q->turn.options.mode = mode_of(rules->mode);
    if (!q->has_keep_last)
        q->turn.options.keep_last = rules->keep_last;
    if (!q->turn.is_stateful || q->turn.high_water > 0)
        return;
    q->turn.high_water = rules->high_water;
    q->turn.low_water = rules->low_water;
}
