#include "cue.h"

#include "check.h"

static void a_report_of_an_error_is_told_from_talk_of_one(void **state)
{
    static const struct {
        const char *line;
        unsigned strength;
    } cases[] = {
        {"error: no such file", 2},
        {"src/a.c:3:5: error: expected ';'", 2},
        {"error[E0308]: mismatched types", 2},
        {"ValueError: invalid literal", 2},
        {"[ERROR] connection lost", 2},
        {"src/a.ts(4,7): error TS2322: Type", 2},
        {"error at line 12: no", 1},
        {"FAILED tests/test_x.py::test_y", 2},
        {"make: *** [all] Error 2", 1},
        {"process exited with status 127", 2},
        {"exit code: 1", 2},
        {"{\"error\": \"quota exceeded\"}", 2},
        {"\xd0\x9e\xd1\x88\xd0\xb8\xd0\xb1\xd0\xba\xd0\xb0: x", 0}, /* cases of ASCII only */
        {"\xd0\xbe\xd1\x88\xd0\xb8\xd0\xb1\xd0\xba\xd0\xb0: \xd0\xbd\xd0\xb5\xd1\x82", 2},
        {"exit code 0", 0},
        {"    except ValueError:", 1},
        {"FETCH_TIMEOUT,", 1},
        {"    case LIFECYCLE_FAILED:", 1},
        {"if (error)", 1},
        {"the quick brown fox", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (cue_error(str_from(cases[i].line)) != cases[i].strength) {
            print_error("%s: %u\n", cases[i].line, cue_error(str_from(cases[i].line)));
            CHECK_INT((int)cue_error(str_from(cases[i].line)), (int)cases[i].strength);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_of_an_error_is_told_from_talk_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
