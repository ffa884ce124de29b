#include "condense.h"

#include "base/buf.h"
#include "check.h"

#include <string.h>

#define RECORDS 240

/* What a session keeps whose tool answered with many records, and whose user says `last`. */
static bool keeps(const char *last, const char *value, unsigned share)
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
                         "[{\"role\":\"user\",\"content\":\"We look through the berths of the "
                         "harbour, one after the other, and say what each of them needs.\"},"
                         "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\","
                         "\"type\":\"function\",\"function\":{\"name\":\"run\",\"arguments\":"
                         "\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\""),
              BUF_OK);
    for (int i = 0; i < RECORDS; i++)
        CHECK_INT(buf_printf(&text,
                             "- berth: %s %c%c\\n  state: taken since spring\\n  keeper: Anna "
                             "of the quay\\n  length of it: %d\\n  depth at low tide: %d\\n",
                             i % 2 ? "Heron" : "Plover", 'A' + i / 16, 'b' + i % 16,
                             i * 7919 % 9973, i * 6151 % 9901),
                  BUF_OK);
    CHECK_INT(buf_printf(&text,
                         "\"},{\"role\":\"assistant\",\"content\":\"Well.\"},"
                         "{\"role\":\"user\",\"content\":\"%s\"}]",
                         last),
              BUF_OK);
    arena_init(&arena, 64 << 20);
    CHECK_INT(json_parse(&arena, buf_str(&text), &json, &at), JSON_OK);
    o.budget_tokens = 1 << 30;
    CHECK_INT(condense_run(&arena, json, &o, &report), CONDENSE_UNCHANGED);
    o.budget_tokens = report.tokens_before / share;
    CHECK_INT(condense_run(&arena, json, &o, &report), CONDENSE_CONDENSED);
    bool is_kept = memmem(report.messages.data, report.messages.len, value, strlen(value));
    arena_done(&arena);
    buf_done(&text);
    return is_kept;
}

static void a_record_is_found_by_its_name_lines_before_what_is_asked(void **state)
{
    (void)state;
    CHECK(keeps("And the depth at Heron Cg?", "depth at low tide: 9765", 8));
    CHECK(!keeps("Go on.", "depth at low tide: 9765", 8));
}

static void each_sentence_of_a_long_question_finds_its_own(void **state)
{
    static const char *const values[] = {"length of it: 2573", "depth at low tide: 9765",
                                         "length of it: 6631"};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        CHECK(keeps("How much is the length of Heron Fm? And the depth of Heron Cg, again? Then "
                    "the length of Heron Jo, please. The weather is fine, and I have all day, so "
                    "there is no hurry with any of this.",
                    values[i], 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_found_by_its_name_lines_before_what_is_asked),
        cmocka_unit_test(each_sentence_of_a_long_question_finds_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
