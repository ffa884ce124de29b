#include "sim_script.h"

#include "check.h"

#include <stdio.h>

static struct sim_script parsed(const char *text)
{
    struct sim_script s;
    struct str wrong;

    sim_script_init(&s);
    CHECK_INT(sim_script_parse(&s, str_from(text), &wrong), SIM_SCRIPT_OK);
    return s;
}

static void an_empty_script_is_the_plain_answer(void **state)
{
    struct sim_script s = parsed("");

    (void)state;
    CHECK_U64(s.status, 200);
    CHECK_U64(s.rst, SIM_SCRIPT_NEVER);
    CHECK_U64(s.delay, 0);
}

static void every_kind_of_value_is_read(void **state)
{
    struct sim_script s =
        parsed("delay=200ms, chunks=20,size=2KiB,rst=17,no-done,body=a%2Cb%25,retry-after=3");

    (void)state;
    CHECK_U64(s.delay, 200000);
    CHECK_U64(s.chunks, 20);
    CHECK_U64(s.size, 2048);
    CHECK_U64(s.rst, 17);
    CHECK(s.no_done);
    CHECK_TEXT(s.body, "a,b%");
    CHECK_TEXT(s.retry_after, "3");
}

static void a_script_lays_over_the_one_before(void **state)
{
    struct sim_script s = parsed("status=500,delay=1s");
    struct str wrong;

    (void)state;
    CHECK_INT(sim_script_parse(&s, STR("status=503"), &wrong), SIM_SCRIPT_OK);
    CHECK_U64(s.status, 503);
    CHECK_U64(s.delay, 1000000);
}

static void a_wrong_item_is_named(void **state)
{
    static const char *const wrong_items[] = {
        "dealy=1s",  "delay",       "delay=",   "delay=fast",
        "chunks=-1", "no-done=yes", "body=%zz", "body=%4",
    };
    struct sim_script s;
    struct str wrong;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong_items) / sizeof(wrong_items[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "stamp,%s", wrong_items[i]);
        sim_script_init(&s);
        CHECK_INT(sim_script_parse(&s, str_from(text), &wrong), SIM_SCRIPT_BAD);
        CHECK(str_is(wrong, wrong_items[i]));
    }
    sim_script_init(&s);
    CHECK_INT(sim_script_parse(&s, STR("status=99"), &wrong), SIM_SCRIPT_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_script_is_the_plain_answer),
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(a_script_lays_over_the_one_before),
        cmocka_unit_test(a_wrong_item_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
