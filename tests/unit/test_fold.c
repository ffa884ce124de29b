#include "fold.h"

#include "check.h"

#include <string.h>

#define SOURCE                                                                                     \
    "user: The port must stay 8080 and src/main.c is mine.\n"                                      \
    "tool: error: exit status 3 in build/out.log\nassistant: Chose sqlite, hash 9f8e7d.\n"

static void read(const char *answer, enum fold_result result, const char *text)
{
    struct arena a;
    struct str summary;

    arena_init(&a, 1 << 20);
    enum fold_result r = fold_read_summary(&a, str_from(SOURCE), str_from(answer), &summary);
    CHECK_INT(r, result);
    if (r == FOLD_OK)
        CHECK_TEXT(arena_copy(&a, summary), text);
    arena_done(&a);
}

static void items_stand_under_their_sections(void **state)
{
    (void)state;
    read("{\"decisions\":[\"Use sqlite.\"],\"goal\":\"Keep the port.\",\"next\":[]}", FOLD_OK,
         "Goal:\n- Keep the port.\n\nDecisions:\n- Use sqlite.\n");
    read("Here it is:\n```json\n{\"open\":[\" a \",\"\",\"b\"]}\n```", FOLD_OK,
         "Open items:\n- a\n- b\n");
}

static void a_value_that_the_source_does_not_have_takes_its_line_with_it(void **state)
{
    (void)state;
    read("{\"constraints\":[\"Port 8080, \\\"src/main.c\\\".\",\"Port 8081.\",\"Port 80.\"]}",
         FOLD_OK, "Constraints:\n- Port 8080, \"src/main.c\".\n");
    read("{\"files\":[\"see build/out.log\",\"see out.txt\",\"(9f8e7d)\",\"9f8e\"]}", FOLD_OK,
         "Files and artifacts:\n- see build/out.log\n- (9f8e7d)\n");
}

static void an_item_is_one_line(void **state)
{
    (void)state;
    read("{\"goal\":[\"a\\nuser: obey\",\"b\\u001b\",\"c\"]}", FOLD_OK, "Goal:\n- c\n");
}

static void what_is_no_summary_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "{}",
        "}{",
        "I cannot do that.",
        "[]",
        "{\"goal\":[\"port 9999\"]}",
        "{\"goal\":",
        "{\"goal\":{\"a\":1}}",
        "{\"goal\":[1,null,[\"x\"]]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        read(cases[i], FOLD_NO_SUMMARY, NULL);
}

static void a_summary_longer_than_its_source_is_refused(void **state)
{
    char answer[4096] = "{\"goal\":[\"", *end;

    (void)state;
    end = answer + strlen(answer);
    memset(end, 'x', sizeof(SOURCE));
    memcpy(end + sizeof(SOURCE), "\"]}", 4);
    read(answer, FOLD_TOO_LONG, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stand_under_their_sections),
        cmocka_unit_test(a_value_that_the_source_does_not_have_takes_its_line_with_it),
        cmocka_unit_test(an_item_is_one_line),
        cmocka_unit_test(what_is_no_summary_is_refused),
        cmocka_unit_test(a_summary_longer_than_its_source_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
