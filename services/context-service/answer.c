#include "answer.h"

#include "base/json_write.h"

#include <inttypes.h>
#include <string.h>

static enum fault condense(struct arena *a, const struct question *q, struct answer *ret,
                           struct fault_detail *reterr)
{
    ret->outcome = condense_run(a, q->messages, &q->options, &ret->report);
    counter_describe(q->options.counter, ret->report.tokens_after, &ret->count);
    switch (ret->outcome) {
    case CONDENSE_UNCHANGED:
    case CONDENSE_CONDENSED:
        return FAULT_NONE;
    case CONDENSE_TOO_LARGE:
        *reterr = (struct fault_detail){
            arena_printf(a,
                         "The conversation has about %" PRIu64
                         " tokens, what must stay about %" PRIu64 ", the budget is %" PRIu64 ".",
                         ret->report.tokens_before, ret->report.tokens_after,
                         q->options.budget_tokens),
            "messages"};
        return FAULT_CONTEXT_LENGTH_EXCEEDED;
    case CONDENSE_INVALID:
        *reterr = (struct fault_detail){"messages must be an array, not empty, of messages whose "
                                        "roles the dialect knows.",
                                        "messages"};
        return FAULT_INVALID_REQUEST;
    case CONDENSE_TOO_BIG:
        return FAULT_REQUEST_TOO_LARGE;
    }
    return FAULT_INVALID_REQUEST;
}

enum fault answer_find(struct arena *a, struct counter *counter, struct question *q,
                       struct answer *ret, struct fault_detail *reterr)
{
    *ret = (struct answer){.outcome = CONDENSE_INVALID};
    q->options.counter = counter;
    if (q->op == QUESTION_CONDENSE)
        return condense(a, q, ret, reterr);
    if (q->body)
        count_body(counter, q->body, &ret->count);
    else
        count_messages(counter, q->messages, &ret->count);
    return FAULT_NONE;
}

static void write_omitted(const struct condense_omitted *omitted, struct json_write *w)
{
    json_write_begin(w, '{');
    json_write_member(w, "key", omitted->key);
    json_write_member_int(w, "tokens", (int64_t)omitted->tokens);
    json_write_member_str(w, "preview", omitted->preview);
    json_write_end(w, '}');
}

static void write_condensed(const struct answer *answer, struct json_write *w)
{
    const struct condense_report *r = &answer->report;

    json_write_key(w, "messages");
    json_write_raw(w, r->messages);
    json_write_member_int(w, "tokens_before", (int64_t)r->tokens_before);
    json_write_member_int(w, "tokens_after", (int64_t)r->tokens_after);
    json_write_key(w, "stages");
    json_write_begin(w, '[');
    for (size_t i = 0; i < r->n_stages; i++)
        json_write_text(w, r->stage[i]);
    json_write_end(w, ']');
    json_write_key(w, "omitted");
    json_write_begin(w, '[');
    for (size_t i = 0; i < r->n_omitted; i++)
        write_omitted(&r->omitted[i], w);
    json_write_end(w, ']');
    json_write_member_int(w, "epoch", 0);
}

enum buf_result answer_write(enum question_op op, const struct answer *answer, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    if (op == QUESTION_COUNT)
        json_write_member_int(&w, "tokens", (int64_t)answer->count.tokens);
    else
        write_condensed(answer, &w);
    json_write_member_bool(&w, "exact", answer->count.exact);
    json_write_member(&w, "method", answer->count.method);
    json_write_key(&w, "margin");
    json_write_double(&w, answer->count.margin);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

static struct str list_stages(struct arena *a, const struct condense_report *r)
{
    const char *list = "";

    for (size_t i = 0; list && i < r->n_stages; i++)
        list = arena_printf(a, "%s%s%s", list, i ? "," : "", r->stage[i]);
    return str_from(list);
}

void answer_fill_reply(struct arena *a, enum question_op op, const struct answer *answer,
                       struct context_reply *ret)
{
    *ret = (struct context_reply){
        .tokens_before = answer->count.tokens,
        .tokens_after = answer->count.tokens,
        .exact = answer->count.exact,
        .margin = answer->count.margin,
        .method = str_from(answer->count.method),
        .outcome = STR("unchanged"),
        .stages = STR_EMPTY,
        .message = STR_EMPTY,
    };
    if (op == QUESTION_COUNT)
        return;
    ret->tokens_before = answer->report.tokens_before;
    ret->outcome = str_from(condense_outcome_text(answer->outcome));
    ret->stages = list_stages(a, &answer->report);
}

const char *answer_last_stage(const struct answer *answer)
{
    const struct condense_report *r = &answer->report;

    return answer->outcome == CONDENSE_CONDENSED ? r->stage[r->n_stages - 1] : "none";
}
