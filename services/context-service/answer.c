#include "answer.h"

#include "base/json_write.h"

#include <inttypes.h>
#include <string.h>

static enum fault condense(struct arena *a, const struct turn_means *means,
                           const struct question *q, struct answer *ret,
                           struct fault_detail *reterr)
{
    const struct condense_report *report = &ret->turn.report;

    turn_take(a, means, &q->turn, &ret->turn);
    counter_describe(means->counter, report->tokens_after, &ret->count);
    switch (ret->turn.outcome) {
    case CONDENSE_UNCHANGED:
    case CONDENSE_CONDENSED:
        return FAULT_NONE;
    case CONDENSE_TOO_LARGE:
        *reterr = (struct fault_detail){arena_printf(a,
                                                     "The conversation has about %" PRIu64
                                                     " tokens, what must stay about %" PRIu64
                                                     ", the budget is %" PRIu64 ".",
                                                     report->tokens_before, report->tokens_after,
                                                     q->turn.options.budget_tokens),
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

static enum fault fault_of(enum context_store_result r, const char *missing,
                           struct fault_detail *reterr)
{
    switch (r) {
    case CONTEXT_STORE_OK:
        return FAULT_NONE;
    case CONTEXT_STORE_NONE:
        *reterr = (struct fault_detail){missing, NULL};
        return FAULT_NOT_FOUND;
    case CONTEXT_STORE_UNAVAILABLE:
        *reterr =
            (struct fault_detail){"What is kept of sessions cannot be had at the moment.", NULL};
        return FAULT_OVERLOADED;
    }
    return FAULT_NOT_FOUND;
}

static uint64_t count(struct counter *c, const struct question *q)
{
    const struct json_value *text = json_get(q->body, "text");

    if (json_is(text, JSON_STRING)) /* alone */
        return counter_string(c, text);
    return q->body ? counter_request(c, q->body, UINT64_MAX)
                   : counter_messages(c, q->turn.messages);
}

enum fault answer_find(struct arena *a, const struct turn_means *means, const struct question *q,
                       struct answer *ret, struct fault_detail *reterr)
{
    const struct context_scope *scope = &q->turn.scope;

    *ret = (struct answer){.turn = {.outcome = CONDENSE_INVALID}};
    switch (q->op) {
    case QUESTION_COUNT:
        counter_describe(means->counter, count(means->counter, q), &ret->count);
        return FAULT_NONE;
    case QUESTION_CONDENSE:
        return condense(a, means, q, ret, reterr);
    case QUESTION_RETRIEVE:
        return fault_of(context_store_take_block(means->store, a,
                                                 &(struct context_address){*scope, q->key},
                                                 &ret->block),
                        "There is no such block in this session, or no longer.", reterr);
    case QUESTION_SESSION:
        return fault_of(context_store_find_session(means->store, scope, &ret->session),
                        "There is no such session, or no longer.", reterr);
    case QUESTION_FORGET:
        return fault_of(context_store_remove_session(means->store, scope),
                        "There is no such session, or no longer.", reterr);
    }
    return FAULT_NOT_FOUND;
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
    const struct condense_report *r = &answer->turn.report;

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
    json_write_member_str(w, "session", answer->turn.session);
    json_write_member_u64(w, "epoch", answer->turn.epoch);
}

static void write_session(const struct question *q, const struct context_session *s,
                          struct json_write *w)
{
    json_write_member_str(w, "session", q->turn.scope.session);
    json_write_member_u64(w, "epoch", s->epochs);
    json_write_member_u64(w, "messages", s->n_source);
    json_write_member_u64(w, "tokens_before", s->source_tokens);
    json_write_member_u64(w, "tokens_after", s->frozen_tokens);
    json_write_member_u64(w, "omitted", s->blocks);
    json_write_member_u64(w, "bytes", s->bytes);
    json_write_member_u64(w, "created_at", s->made_at / USEC_PER_SEC);
    json_write_member_u64(w, "used_at", s->used_at / USEC_PER_SEC);
}

static void write_count(const struct answer *answer, struct json_write *w)
{
    json_write_member_bool(w, "exact", answer->count.exact);
    json_write_member(w, "method", answer->count.method);
    json_write_key(w, "margin");
    json_write_double(w, answer->count.margin);
}

static void write_members(const struct question *q, const struct answer *answer,
                          struct json_write *w)
{
    switch (q->op) {
    case QUESTION_COUNT:
        json_write_member_int(w, "tokens", (int64_t)answer->count.tokens);
        write_count(answer, w);
        return;
    case QUESTION_CONDENSE:
        write_condensed(answer, w);
        write_count(answer, w);
        return;
    case QUESTION_RETRIEVE:
        json_write_member_str(w, "session", q->turn.scope.session);
        json_write_member_str(w, "key", q->key);
        json_write_member_str(w, "content", answer->block);
        return;
    case QUESTION_SESSION:
        write_session(q, &answer->session, w);
        return;
    case QUESTION_FORGET:
        json_write_member_str(w, "session", q->turn.scope.session);
        json_write_member_bool(w, "deleted", true);
        return;
    }
}

enum buf_result answer_write(const struct question *q, const struct answer *answer, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    write_members(q, answer, &w);
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

void answer_fill_reply(struct arena *a, const struct question *q, const struct answer *answer,
                       struct context_reply *ret)
{
    *ret = (struct context_reply){
        .tokens_before = answer->count.tokens,
        .tokens_after = answer->count.tokens,
        .exact = answer->count.exact,
        .margin = answer->count.margin,
        .method = str_from(answer->count.method),
        .outcome = q->op == QUESTION_RETRIEVE ? STR("found") : STR("unchanged"),
        .stages = STR_EMPTY,
        .session = q->turn.scope.session,
        .message = STR_EMPTY,
    };
    if (q->op != QUESTION_CONDENSE)
        return;
    ret->tokens_before = answer->turn.report.tokens_before;
    ret->outcome = str_from(condense_outcome_text(answer->turn.outcome));
    ret->stages = list_stages(a, &answer->turn.report);
    ret->session = answer->turn.session;
    ret->epoch = answer->turn.epoch;
    ret->omitted = answer->turn.report.n_omitted;
}

const char *answer_last_stage(const struct answer *answer)
{
    const struct condense_report *r = &answer->turn.report;

    return answer->turn.outcome == CONDENSE_CONDENSED ? r->stage[r->n_stages - 1] : "none";
}
