#include "question.h"

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

static enum fault read_count(const struct json_value *body, struct question *q,
                             struct fault_detail *reterr)
{
    const struct json_value *text = json_get(body, "text");

    if (text ? !json_is(text, JSON_STRING) : !json_is(q->messages, JSON_ARRAY))
        return fail(reterr, "There must be messages, an array, or text, a string.",
                    text ? "text" : "messages");
    q->body = body;
    return FAULT_NONE;
}

static enum fault read_condense(struct arena *a, const struct json_value *body, struct question *q,
                                struct fault_detail *reterr)
{
    const struct json_value *mode = json_get(body, "mode");
    struct str word;
    int64_t budget;

    if (!json_is(q->messages, JSON_ARRAY))
        return fail(reterr, "There must be messages, an array.", "messages");
    if (!json_int(json_get(body, "budget_tokens"), &budget) || budget <= 0)
        return fail(reterr, "There must be budget_tokens, a whole number above 0.",
                    "budget_tokens");
    if (mode && (!json_string(mode, a, &word) || !condense_mode_parse(word, &q->options.mode)))
        return fail(reterr, "mode is one of lossless, mask, extract, summarize.", "mode");
    q->options.budget_tokens = (uint64_t)budget;
    return FAULT_NONE;
}

enum fault question_read_http(struct arena *a, enum question_op op, struct str text,
                              const struct condense_options *defaults, struct question *ret,
                              struct fault_detail *reterr)
{
    const struct json_value *body;
    enum fault f = parse(a, text, &body, reterr);

    if (f != FAULT_NONE)
        return f;
    if (!json_is(body, JSON_OBJECT))
        return fail(reterr, "The body must be a JSON object.", NULL);
    *ret = (struct question){.op = op, .options = *defaults, .model = STR_EMPTY};
    ret->messages = json_get(body, "messages");
    const struct json_value *model = json_get(body, "model");
    if (model && !json_string(model, a, &ret->model))
        return fail(reterr, "model must be a string.", "model");
    return op == QUESTION_COUNT ? read_count(body, ret, reterr)
                                : read_condense(a, body, ret, reterr);
}

enum fault question_read_bus(struct arena *a, enum question_op op,
                             const struct context_request *request, struct str messages,
                             struct question *ret, struct fault_detail *reterr)
{
    *ret = (struct question){.op = op, .model = request->model};
    ret->options = (struct condense_options){.dialect = request->dialect,
                                             .budget_tokens = request->budget_tokens,
                                             .keep_last = request->keep_last};
    if (op == QUESTION_CONDENSE && !condense_mode_parse(request->mode, &ret->options.mode))
        return fail(reterr, "mode is one of lossless, mask, extract, summarize.", "mode");
    enum fault f = parse(a, messages, &ret->messages, reterr);
    if (f == FAULT_NONE && !json_is(ret->messages, JSON_ARRAY))
        return fail(reterr, "messages must be an array.", "messages");
    return f;
}
