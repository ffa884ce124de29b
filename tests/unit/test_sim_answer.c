#include "sim_answer.h"

#include "check.h"
#include "sim_openai.h"

#include <stdio.h>
#include <string.h>

static struct sim_script script_of(const char *text)
{
    struct sim_script s;
    struct str wrong;

    sim_script_init(&s);
    CHECK_INT(sim_script_parse(&s, str_from(text), &wrong), SIM_SCRIPT_OK);
    return s;
}

static struct sim_chat chat(bool is_stream)
{
    return (struct sim_chat){.model = STR("m"),
                             .text = STR("hello world"),
                             .prompt_bytes = 11,
                             .is_stream = is_stream,
                             .wants_usage = true};
}

/* The whole answer of a script that never waits. */
static enum sim_answer_result run(const char *script, bool is_stream, struct buf *out)
{
    struct sim_script s = script_of(script);
    struct sim_chat c = chat(is_stream);
    struct sim_answer a;
    enum sim_answer_result r;

    buf_init(out, 1 << 20);
    sim_answer_init(&a);
    sim_answer_begin(&a, &s, 7, 0);
    sim_answer_chat(&a, &sim_openai, &c);
    do {
        r = sim_answer_next(&a, 0, out);
    } while (r == SIM_ANSWER_MORE);
    sim_answer_done(&a);
    return r;
}

static bool has(const struct buf *b, const char *text)
{
    return b->len > 0 && memmem(b->data, b->len, text, strlen(text)) != NULL;
}

static void the_echo_and_its_usage_follow_the_rule(void **state)
{
    struct buf out;

    (void)state;
    CHECK_INT(run("", false, &out), SIM_ANSWER_OK);
    CHECK(has(&out, "\"content\":\"echo: hello world\""));
    CHECK(has(&out, "\"prompt_tokens\":3,\"completion_tokens\":5,\"total_tokens\":8"));
    buf_done(&out);
}

static void a_stream_sends_a_word_an_event_and_ends_in_done(void **state)
{
    struct buf out;

    (void)state;
    CHECK_INT(run("", true, &out), SIM_ANSWER_OK);
    CHECK(has(&out, "\"content\":\"echo:\""));
    CHECK(has(&out, "\"content\":\" hello\""));
    CHECK(has(&out, "\"content\":\" world\""));
    CHECK(has(&out, "\"finish_reason\":\"stop\""));
    CHECK(has(&out, "\"completion_tokens\":5"));
    CHECK(has(&out, "data: [DONE]\n\n\r\n0\r\n\r\n"));
    buf_done(&out);
}

static void a_cut_comes_after_exactly_n_bytes(void **state)
{
    struct buf whole, part;

    (void)state;
    CHECK_INT(run("chunks=3", true, &whole), SIM_ANSWER_OK);
    for (size_t n = 0; n < whole.len; n++) {
        char text[64];
        snprintf(text, sizeof(text), "chunks=3,rst=%zu", n);
        CHECK_INT(run(text, true, &part), SIM_ANSWER_RESET);
        CHECK_U64(part.len, n);
        CHECK(n == 0 || memcmp(part.data, whole.data, n) == 0);
        buf_done(&part);
    }
    CHECK_INT(run("chunks=3,fin=100000", true, &part), SIM_ANSWER_CLOSE);
    CHECK_U64(part.len, whole.len);
    buf_done(&part);
    buf_done(&whole);
}

static void the_parts_are_due_when_the_script_says(void **state)
{
    struct sim_script s = script_of("delay=100us,first=10us,chunks=3,interval=5us");
    struct sim_chat c = chat(true);
    static const usec_t due[] = {1100, 1110, 1115, 1120};
    struct sim_answer a;
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    sim_answer_init(&a);
    sim_answer_begin(&a, &s, 7, 1000);
    sim_answer_chat(&a, &sim_openai, &c);
    for (size_t i = 0; i < 4; i++) {
        CHECK_INT(sim_answer_next(&a, due[i] - 1, &out), SIM_ANSWER_WAIT);
        CHECK_U64(a.due, due[i]);
        CHECK_INT(sim_answer_next(&a, due[i], &out), SIM_ANSWER_MORE);
    }
    CHECK_INT(sim_answer_next(&a, 1120, &out), SIM_ANSWER_MORE);
    CHECK_INT(sim_answer_next(&a, 1120, &out), SIM_ANSWER_OK);
    sim_answer_done(&a);
    buf_done(&out);
}

static void what_is_left_out_is_left_out(void **state)
{
    struct buf out;

    (void)state;
    CHECK_INT(run("no-done,no-finish,no-usage", true, &out), SIM_ANSWER_OK);
    CHECK(!has(&out, "[DONE]"));
    CHECK(!has(&out, "stop"));
    CHECK(!has(&out, "usage"));
    buf_done(&out);
    CHECK_INT(run("stall=1,chunks=2", true, &out), SIM_ANSWER_SILENT);
    CHECK(has(&out, "w1"));
    CHECK(!has(&out, "w2"));
    buf_done(&out);
    CHECK_INT(run("silence", false, &out), SIM_ANSWER_SILENT);
    CHECK_U64(out.len, 0);
    buf_done(&out);
}

static void a_size_is_the_size_of_the_text(void **state)
{
    struct buf small, large;

    (void)state;
    CHECK_INT(run("size=1000", false, &small), SIM_ANSWER_OK);
    CHECK_INT(run("size=3000,chunks=7", false, &large), SIM_ANSWER_OK);
    CHECK_U64(large.len - small.len, 2000);
    buf_done(&small);
    buf_done(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_echo_and_its_usage_follow_the_rule),
        cmocka_unit_test(a_stream_sends_a_word_an_event_and_ends_in_done),
        cmocka_unit_test(a_cut_comes_after_exactly_n_bytes),
        cmocka_unit_test(the_parts_are_due_when_the_script_says),
        cmocka_unit_test(what_is_left_out_is_left_out),
        cmocka_unit_test(a_size_is_the_size_of_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
