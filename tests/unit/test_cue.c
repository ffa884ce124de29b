#include "cue.h"

#include "check.h"

static void a_report_of_an_error_is_told_from_talk_of_one(void **state)
{
    static const struct {
        const char *line;
        bool is_report;
    } cases[] = {
        {"error: no such file", true},
        {"src/a.c:3:5: error: expected ';'", true},
        {"error[E0308]: mismatched types", true},
        {"ValueError: invalid literal", true},
        {"[ERROR] connection lost", true},
        {"src/a.ts(4,7): error TS2322: Type", true},
        {"error at line 12: no", false},
        {"FAILED tests/test_x.py::test_y", true},
        {"make: *** [all] Error 2", true},
        {"NoMethodError: no x", true},
        {"a.rb:3: undefined method (NoMethodError)", true},
        {"rm: cannot remove: busy", true},
        {"Note: cannot be so", false},
        {"thread main panicked at a.rs:3", true},
        {"process exited with status 127", true},
        {"exit code: 1", true},
        {"{\"error\": \"quota exceeded\"}", true},
        {"\xd0\x9e\xd1\x88\xd0\xb8\xd0\xb1\xd0\xba\xd0\xb0: x", false}, /* cases of ASCII only */
        {"\xd0\xbe\xd1\x88\xd0\xb8\xd0\xb1\xd0\xba\xd0\xb0: \xd0\xbd\xd0\xb5\xd1\x82", true},
        {"level=error ts=2026-03-04T04:21:00Z msg=\"compaction aborted\"", true},
        {"{\"severity\": \"ERROR\", \"msg\": \"x\"}", true},
        {"level=info msg=\"no error\"", false},
        {"exit code 0", false},
        {"    except ValueError:", false},
        {"FETCH_TIMEOUT,", false},
        {"    case LIFECYCLE_FAILED:", false},
        {"if (error)", false},
        {"the quick brown fox", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (cue_is_error(str_from(cases[i].line)) != cases[i].is_report)
            fail_msg("%s", cases[i].line);
}

static void some_reports_begin_like_nothing_else(void **state)
{
    (void)state;
    CHECK(cue_begins_error(STR("ok 1 - reads\nnot ok 2 - writes")));
    CHECK(cue_begins_error(STR("  ** (MatchError) no match of right hand side value")));
    CHECK(cue_begins_error(STR("Warning  FailedScheduling  9m  default-scheduler  0/9 nodes")));
    CHECK(cue_begins_error(STR("Error in lm.fit(x, y) : NA in 'x'")));
    CHECK(cue_begins_error(STR("SIGSEGV: segmentation violation")));
    CHECK(!cue_begins_error(STR("ok 2 - not ok is written")));
    CHECK(!cue_begins_error(STR("Warning: deprecated")));
    CHECK(!cue_begins_error(STR_EMPTY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_of_an_error_is_told_from_talk_of_one),
        cmocka_unit_test(some_reports_begin_like_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
