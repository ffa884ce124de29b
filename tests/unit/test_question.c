/* From what was asked to what is answered, over HTTP and over the bus, without either. */
#include "answer.h"
#include "question.h"
#include "tokens/estimate.h"

#include "check.h"

#include <string.h>

#define HELLO "[{\"role\":\"user\",\"content\":\"hello\"}]"

static const struct turn_means means = {.counter = NULL};

struct scene {
    struct arena arena;
    struct question question;
    struct answer answer;
    struct fault_detail detail;
    struct buf text;
};

static void open_scene(struct scene *s)
{
    *s = (struct scene){.detail = {NULL, NULL}};
    arena_init(&s->arena, 1 << 20);
    buf_init(&s->text, 1 << 20);
}

static void close_scene(struct scene *s)
{
    arena_done(&s->arena);
    buf_done(&s->text);
}

static enum fault ask(struct scene *s, enum question_op op, const char *body)
{
    return question_read_http(&s->arena, op, str_from(body), &s->question, &s->detail);
}

static void a_wrong_field_is_named(void **state)
{
    static const struct {
        enum question_op op;
        const char *body;
        enum fault fault;
        const char *param;
    } cases[] = {
        {QUESTION_COUNT, "", FAULT_INVALID_JSON, NULL},
        {QUESTION_COUNT, "{\"text\":\"\\ud800\"}", FAULT_INVALID_JSON, NULL},
        {QUESTION_COUNT, "[]", FAULT_INVALID_REQUEST, NULL},
        {QUESTION_COUNT, "{}", FAULT_INVALID_REQUEST, "messages"},
        {QUESTION_COUNT, "{\"messages\":1}", FAULT_INVALID_REQUEST, "messages"},
        {QUESTION_COUNT, "{\"text\":1}", FAULT_INVALID_REQUEST, "text"},
        {QUESTION_COUNT, "{\"model\":1,\"text\":\"x\"}", FAULT_INVALID_REQUEST, "model"},
        {QUESTION_COUNT, "{\"text\":\"x\"}", FAULT_NONE, NULL},
        {QUESTION_COUNT, "{\"messages\":[]}", FAULT_NONE, NULL},
        {QUESTION_CONDENSE, "{\"budget_tokens\":5}", FAULT_INVALID_REQUEST, "messages"},
        {QUESTION_CONDENSE, "{\"messages\":" HELLO "}", FAULT_INVALID_REQUEST, "budget_tokens"},
        {QUESTION_CONDENSE, "{\"messages\":" HELLO ",\"budget_tokens\":0}", FAULT_INVALID_REQUEST,
         "budget_tokens"},
        {QUESTION_CONDENSE, "{\"messages\":" HELLO ",\"budget_tokens\":1.5}", FAULT_INVALID_REQUEST,
         "budget_tokens"},
        {QUESTION_CONDENSE, "{\"messages\":" HELLO ",\"budget_tokens\":9,\"mode\":\"x\"}",
         FAULT_INVALID_REQUEST, "mode"},
        {QUESTION_CONDENSE, "{\"messages\":" HELLO ",\"budget_tokens\":9,\"mode\":\"lossless\"}",
         FAULT_NONE, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        open_scene(&s);
        CHECK_INT(ask(&s, cases[i].op, cases[i].body), cases[i].fault);
        if (cases[i].param)
            CHECK_TEXT(s.detail.param, cases[i].param);
        else
            CHECK(s.detail.param == NULL);
        close_scene(&s);
    }
}

static void a_count_says_how_far_it_may_be_off(void **state)
{
    struct scene s;

    (void)state;
    open_scene(&s);
    CHECK_INT(ask(&s, QUESTION_COUNT, "{\"model\":\"m\",\"text\":\"hello world\"}"), FAULT_NONE);
    CHECK_INT(answer_find(&s.arena, &means, &s.question, &s.answer, &s.detail), FAULT_NONE);
    CHECK(s.answer.count.tokens > 0 && s.answer.count.tokens < 12);
    CHECK_INT(answer_write(&s.question, &s.answer, &s.text), BUF_OK);
    CHECK(strstr(s.text.data, "\"exact\":false,\"method\":\"estimate\",\"margin\":0.35}"));
    close_scene(&s);
}

static void a_conversation_costs_the_sum_of_its_messages(void **state)
{
    struct arena a;
    const struct json_value *messages;
    size_t at;
    uint64_t sum = counter_overhead(NULL);

    (void)state;
    arena_init(&a, 1 << 20);
    CHECK_INT(
        json_parse(&a,
                   STR("[{\"role\":\"system\",\"content\":\"Be kind.\"},"
                       "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},"
                       "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
                       "\"a\"}]},{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"\"}]"),
                   &messages, &at),
        JSON_OK);
    for (const struct json_value *m = messages->child; m; m = m->next)
        sum += counter_message(NULL, m);
    CHECK_U64(counter_messages(NULL, messages), sum);
    /* and never less than the estimate of the whole, which rounds once */
    uint64_t whole = estimate_messages(messages) + counter_overhead(NULL);
    CHECK(sum >= whole && sum < whole + messages->n_children);
    arena_done(&a);
}

static void what_was_left_out_is_listed_with_key_and_preview(void **state)
{
    struct scene s;

    (void)state;
    open_scene(&s);
    CHECK_INT(
        ask(&s, QUESTION_CONDENSE,
            "{\"messages\":[{\"role\":\"user\",\"content\":\"forget \\u00e4ll of this please, "
            "it is long and says little of any importance to anybody who might ever read "
            "it\"},{\"role\":\"user\",\"content\":\"b\"}],\"budget_tokens\":25}"),
        FAULT_NONE);
    s.question.turn.options.mode = CONDENSE_MASK;
    s.question.turn.options.keep_last = 1;
    CHECK_INT(answer_find(&s.arena, &means, &s.question, &s.answer, &s.detail), FAULT_NONE);
    CHECK_INT(answer_write(&s.question, &s.answer, &s.text), BUF_OK);
    CHECK(strstr(s.text.data, "{\"messages\":[{\"role\":\"user\",\"content\":\"b\"}],"));
    CHECK(strstr(s.text.data, "\"stages\":[\"drop\"],\"omitted\":[{\"key\":\""));
    CHECK(strstr(s.text.data, "\"preview\":\"forget \xc3\xa4ll of this"));
    CHECK(!strstr(s.text.data, "anybody"));
    CHECK(strstr(s.text.data, "\"epoch\":0"));

    struct context_reply reply;
    answer_fill_reply(&s.arena, &s.question, &s.answer, &reply);
    CHECK_STR(reply.outcome, "condensed");
    CHECK_STR(reply.stages, "drop");
    CHECK(reply.tokens_before > reply.tokens_after);
    close_scene(&s);
}

static void what_cannot_fit_is_an_answer_with_numbers(void **state)
{
    struct scene s;

    (void)state;
    open_scene(&s);
    CHECK_INT(ask(&s, QUESTION_CONDENSE, "{\"messages\":" HELLO ",\"budget_tokens\":1}"),
              FAULT_NONE);
    CHECK_INT(answer_find(&s.arena, &means, &s.question, &s.answer, &s.detail),
              FAULT_CONTEXT_LENGTH_EXCEEDED);
    CHECK(strstr(s.detail.message, "the budget is 1."));
    CHECK_INT(fault_write(FAULT_CONTEXT_LENGTH_EXCEEDED, &s.detail, &s.text), BUF_OK);
    CHECK(strstr(s.text.data, "\"code\":\"context_length_exceeded\",\"param\":\"messages\""));

    struct context_reply reply;
    answer_fill_reply(&s.arena, &s.question, &s.answer, &reply);
    CHECK_STR(reply.outcome, "too_large");
    close_scene(&s);
}

static void the_bus_asks_with_the_messages_beside_the_request(void **state)
{
    struct context_request r = {.model = STR("m"),
                                .dialect = STR("openai"),
                                .mode = STR("mask"),
                                .budget_tokens = 1000,
                                .keep_last = 2};
    struct scene s;

    (void)state;
    open_scene(&s);
    CHECK_INT(
        question_read_bus(&s.arena, QUESTION_CONDENSE, &r, STR(HELLO), &s.question, &s.detail),
        FAULT_NONE);
    CHECK_INT(answer_find(&s.arena, &means, &s.question, &s.answer, &s.detail), FAULT_NONE);
    CHECK_STR(s.answer.turn.report.messages, HELLO);

    CHECK_INT(question_read_bus(&s.arena, QUESTION_COUNT, &r, STR("{}"), &s.question, &s.detail),
              FAULT_INVALID_REQUEST);
    CHECK_INT(question_read_bus(&s.arena, QUESTION_COUNT, &r, STR("["), &s.question, &s.detail),
              FAULT_INVALID_JSON);
    r.mode = STR("off");
    CHECK_INT(
        question_read_bus(&s.arena, QUESTION_CONDENSE, &r, STR(HELLO), &s.question, &s.detail),
        FAULT_INVALID_REQUEST);
    r.mode = STR("mask");
    r.dialect = STR("klingon");
    CHECK_INT(
        question_read_bus(&s.arena, QUESTION_CONDENSE, &r, STR(HELLO), &s.question, &s.detail),
        FAULT_NONE);
    CHECK_INT(answer_find(&s.arena, &means, &s.question, &s.answer, &s.detail),
              FAULT_INVALID_REQUEST);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_field_is_named),
        cmocka_unit_test(a_count_says_how_far_it_may_be_off),
        cmocka_unit_test(a_conversation_costs_the_sum_of_its_messages),
        cmocka_unit_test(what_was_left_out_is_listed_with_key_and_preview),
        cmocka_unit_test(what_cannot_fit_is_an_answer_with_numbers),
        cmocka_unit_test(the_bus_asks_with_the_messages_beside_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
