#include "condense.h"

#include "base/buf.h"
#include "check.h"

#include <string.h>

#define LINES 120

/* A session whose tool answered with many lines like `usual`, numbered, and `line` among them. */
static bool keeps(const char *usual, const char *line, unsigned percent)
{
    struct condense_options o = {
        .mode = CONDENSE_EXTRACT, .dialect = STR("openai"), .keep_last = 1};
    struct condense_report report;
    const struct json_value *json;
    struct arena arena;
    struct buf text;
    size_t at;

    buf_init(&text, 1 << 20);
    CHECK_INT(buf_printf(&text,
                         "[{\"role\":\"user\",\"content\":\"Look.\"},{\"role\":\"assistant\","
                         "\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
                         "\"function\":{\"name\":\"run\",\"arguments\":\"{}\"}}]},{\"role\":"
                         "\"tool\",\"tool_call_id\":\"a\",\"content\":\""),
              BUF_OK);
    for (int i = 0; i < LINES; i++) {
        if (i == LINES / 2)
            CHECK_INT(buf_printf(&text, "%s\\n", line), BUF_OK);
        CHECK_INT(buf_printf(&text, "%04d %s %d\\n", i * 7919 % 9973, usual, i * 31 % 97), BUF_OK);
    }
    CHECK_INT(buf_printf(&text, "\"},{\"role\":\"assistant\",\"content\":\"Well.\"},"
                                "{\"role\":\"user\",\"content\":\"Go on.\"}]"),
              BUF_OK);
    arena_init(&arena, 64 << 20);
    CHECK_INT(json_parse(&arena, buf_str(&text), &json, &at), JSON_OK);
    o.budget_tokens = 1 << 30;
    CHECK_INT(condense_run(&arena, json, &o, &report), CONDENSE_UNCHANGED);
    o.budget_tokens = report.tokens_before * percent / 100;
    CHECK_INT(condense_run(&arena, json, &o, &report), CONDENSE_CONDENSED);
    struct str last = str_from(strrchr(line, '\\') ? strrchr(line, '\\') + 2 : line);
    bool is_kept = memmem(report.messages.data, report.messages.len, last.data, last.len);
    arena_done(&arena);
    buf_done(&text);
    return is_kept;
}

static void a_report_of_an_error_is_kept_however_it_is_worded(void **state)
{
    static const char *const lines[] = {
        "curl: (6) Could not resolve host: kiln9021",
        "level=error ts=9021 caller=kiln.go:21 msg=halted",
        "not ok 3 - the gate of kiln9021 opens",
        "Warning  FailedScheduling  9m  scheduler  0/9 nodes for kiln9021",
        "** (MatchError) no match of right hand side value: kiln9021",
        "Request to kiln9021 timed out after 30 s",
        "error TS2322: the kind kiln9021 is not a number",
        "src/kiln9021.c:77: undefined reference to `kiln_9021'",
        "mount.nfs: access denied by server while mounting kiln9021",
        "error[E0308]: mismatched types\\n  --> src/kiln/a9021.rs:57:9",
        "ERROR: duplicate key\\nDETAIL: Key (code)=(kiln9021) is there",
        "thread 'a' panicked at src/kiln.rs:212:17:\\nnothing left of kiln9021",
        "\xe4\xbb\xbb\xe5\x8a\xa1 kiln9021 \xe6\x89\xa7\xe8\xa1\x8c\xe5\xa4\xb1\xe8\xb4\xa5",
        "\xe3\x82\xa8\xe3\x83\xa9\xe3\x83\xbc: kiln9021",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (!keeps("the boats drift along the quay", lines[i], 10))
            fail_msg("lost: %s", lines[i]);
}

static void a_flood_of_one_error_leaves_room_for_another(void **state)
{
    (void)state;
    CHECK(keeps("ERROR: no answer from the mill, once more", "ERROR: the weir 40417 is open", 12));
}

static void a_row_unlike_its_table_is_kept(void **state)
{
    (void)state;
    CHECK(keeps("| keys | weir | post |", "post of the weir has the keys 40417", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_of_an_error_is_kept_however_it_is_worded),
        cmocka_unit_test(a_flood_of_one_error_leaves_room_for_another),
        cmocka_unit_test(a_row_unlike_its_table_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
