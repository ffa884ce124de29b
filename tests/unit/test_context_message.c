/* What llm-proxy and context-service say to each other, against the golden vectors. */
#include "proto/context.h"

#include "vectors.h"

static void check_request(struct fixture *f, const char *name, enum message_type type,
                          const struct context_request *expected)
{
    struct vector v = load(f, name);
    struct context_request r;

    CHECK_INT(v.header.type, type);
    CHECK(context_decode_request(&f->arena, v.body, &r));
    check_text(r.model, expected->model);
    check_text(r.dialect, expected->dialect);
    check_text(r.mode, expected->mode);
    check_text(r.session, expected->session);
    check_text(r.tenant, expected->tenant);
    check_text(r.key, expected->key);
    CHECK(r.high_water == expected->high_water && r.low_water == expected->low_water);
    CHECK_U64(r.budget_tokens, expected->budget_tokens);
    CHECK_U64(r.keep_last, expected->keep_last);
    CHECK_U64(r.deadline, expected->deadline);
    CHECK(v.frame.len > 0);
    CHECK_INT(context_encode_request(expected, &f->out), BUF_OK);
    check_text(buf_str(&f->out), v.body);
}

static void context_requests_match_their_vectors(void **state)
{
    struct context_request count = {
        STR("gpt-5"), STR("openai"), STR_EMPTY, STR_EMPTY, STR("key_1"), STR_EMPTY, 0, 0, 0, 0,
        200000};
    struct context_request condense = {STR("claude-sonnet"),
                                       STR("anthropic"),
                                       STR("mask"),
                                       STR("s-42"),
                                       STR("key_2"),
                                       STR_EMPTY,
                                       8192,
                                       0.8,
                                       0.4,
                                       4,
                                       150000};
    struct context_request retrieve = {STR("gpt-5"),
                                       STR("openai"),
                                       STR_EMPTY,
                                       STR("s-42"),
                                       STR("key_2"),
                                       STR("9f86d081884c7d65"),
                                       0,
                                       0,
                                       0,
                                       0,
                                       200000};

    check_request(*state, "count_request", MESSAGE_COUNT, &count);
    check_request(*state, "condense_request", MESSAGE_CONDENSE, &condense);
    check_request(*state, "retrieve_request", MESSAGE_RETRIEVE, &retrieve);
}

static void check_reply(struct fixture *f, const char *name, enum message_type type,
                        const struct context_reply *expected)
{
    struct vector v = load(f, name);
    struct context_reply r;

    CHECK_INT(v.header.type, type);
    CHECK(v.header.correlation_id != 0);
    CHECK(context_decode_reply(&f->arena, v.body, &r));
    CHECK_U64(r.tokens_before, expected->tokens_before);
    CHECK_U64(r.tokens_after, expected->tokens_after);
    CHECK(r.exact == expected->exact);
    CHECK(r.margin == expected->margin);
    check_text(r.method, expected->method);
    check_text(r.outcome, expected->outcome);
    check_text(r.stages, expected->stages);
    check_text(r.session, expected->session);
    CHECK_U64(r.epoch, expected->epoch);
    CHECK_U64(r.omitted, expected->omitted);
    check_text(r.message, expected->message);
    CHECK_INT(context_encode_reply(expected, &f->out), BUF_OK);
    check_text(buf_str(&f->out), v.body);
}

static void context_replies_match_their_vectors(void **state)
{
    struct context_reply reply = {.tokens_before = 12000,
                                  .tokens_after = 7900,
                                  .margin = 0.25,
                                  .method = STR("estimate"),
                                  .outcome = STR("condensed"),
                                  .stages = STR("lossless,mask"),
                                  .session = STR("s-42"),
                                  .epoch = 3,
                                  .omitted = 12};
    struct context_reply found = {.outcome = STR("found"), .session = STR("s-42")};
    struct context_reply error = {.method = STR_EMPTY,
                                  .outcome = STR("error"),
                                  .stages = STR_EMPTY,
                                  .message = STR("the \"messages\" frame is no array")};

    check_reply(*state, "context_reply", MESSAGE_CONTEXT_REPLY, &reply);
    check_reply(*state, "context_error", MESSAGE_CONTEXT_ERROR, &error);
    check_reply(*state, "retrieve_reply", MESSAGE_CONTEXT_REPLY, &found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_requests_match_their_vectors),
        cmocka_unit_test(context_replies_match_their_vectors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
