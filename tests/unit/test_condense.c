#include "condense.h"

#include "base/buf.h"
#include "tokens/counter.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SYSTEM       "{\"role\":\"system\",\"content\":\"Be brief.\"}"
#define USER(t)      "{\"role\":\"user\",\"content\":\"" t "\"}"
#define SAYS(t)      "{\"role\":\"assistant\",\"content\":\"" t "\"}"
#define CALLS(id)    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"" id "\"}]}"
#define GIVES(id, t) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"" t "\"}"
#define TEN(t)       t t t t t t t t t t
#define LONG         TEN("; the quick brown fox jumps over the lazy dog")
#define KEY_OF_LONG  "78fe7ecc764a892e"

struct run {
    struct arena arena;
    struct condense_report report;
    enum condense_outcome outcome;
};

static uint64_t tokens_in(const char *messages)
{
    struct arena a;
    const struct json_value *json;
    size_t at;

    arena_init(&a, 64 << 20);
    CHECK_INT(json_parse(&a, str_from(messages), &json, &at), JSON_OK);
    uint64_t tokens = counter_messages(NULL, json);
    arena_done(&a);
    return tokens;
}

static struct run condense_as(const char *dialect, const char *messages, enum condense_mode mode,
                              uint64_t budget, size_t keep_last)
{
    struct run r;
    const struct json_value *json;
    size_t at;
    const struct condense_options options = {.dialect = str_from(dialect),
                                             .mode = mode,
                                             .budget_tokens = budget,
                                             .keep_last = keep_last};

    arena_init(&r.arena, 256 << 20);
    CHECK_INT(json_parse(&r.arena, str_from(messages), &json, &at), JSON_OK);
    r.outcome = condense_run(&r.arena, json, &options, &r.report);
    return r;
}

static struct run condense(const char *messages, enum condense_mode mode, uint64_t budget,
                           size_t keep_last)
{
    return condense_as("openai", messages, mode, budget, keep_last);
}

static void expect(struct run r, enum condense_outcome outcome, const char *messages)
{
    CHECK_INT(r.outcome, outcome);
    if (messages) {
        CHECK_U64(r.report.messages.len, strlen(messages));
        assert_memory_equal(r.report.messages.data, messages, strlen(messages));
    }
    arena_done(&r.arena);
}

static void what_fits_is_the_same_bytes(void **state)
{
    const char *text = "[ " SYSTEM " ,\n" USER("hi") " ]";

    (void)state;
    expect(condense(text, CONDENSE_MASK, tokens_in(text), 4), CONDENSE_UNCHANGED, text);
}

static void blanks_at_line_ends_and_runs_of_blank_lines_go_first(void **state)
{
    (void)state;
    const char *text = "[" USER("u") "," CALLS("a") "," GIVES(
        "a", "x   \\t\\n\\n\\n\\n\\n  y  ") "," SAYS("s") "," USER("v") "]";
    expect(
        condense(text, CONDENSE_LOSSLESS, tokens_in(text) - 1, 1), CONDENSE_CONDENSED,
        "[" USER("u") "," CALLS("a") "," GIVES("a", "x\\n\\n  y") "," SAYS("s") "," USER("v") "]");
}

static void the_newest_copy_of_a_repeated_result_stays(void **state)
{
    const char *text = "[" USER("u") "," CALLS("a") "," GIVES("a", LONG) "," SAYS("s") "," USER(
        "v") "," CALLS("b") "," GIVES("b", LONG) "," USER("w") "]";

    (void)state;
    expect(
        condense(text, CONDENSE_LOSSLESS, tokens_in(text) - 50, 1), CONDENSE_CONDENSED,
        "[" USER("u") "," CALLS("a") "," GIVES(
            "a",
            "[same as the result of b; key=" KEY_OF_LONG
            "]") "," SAYS("s") "," USER("v") "," CALLS("b") "," GIVES("b", LONG) "," USER("w") "]");
}

static void old_tool_output_becomes_a_marker_that_says_how_much_it_was(void **state)
{
    const char *text = "[" SYSTEM "," USER("u") "," CALLS("a") "," GIVES(
        "a", "one\\ntwo " LONG "\\nerror: no such file\\nlast") "," SAYS("s") "," USER("v") "]";
    struct run r = condense(text, CONDENSE_MASK, tokens_in(text) - 50, 1);
    char marked[4096];

    (void)state;
    CHECK_INT(r.outcome, CONDENSE_CONDENSED);
    CHECK_U64(r.report.n_stages, 1);
    CHECK_TEXT(r.report.stage[0], "mask");
    CHECK_U64(r.report.n_omitted, 1);
    snprintf(marked, sizeof(marked), "%.*s", STR_ARG(r.report.messages));
    CHECK(strstr(marked, "\"content\":\"[tool result omitted: 4 lines, "));
    CHECK(strstr(marked, "]\\none\\nerror: no such file\\nlast\""));
    CHECK(!strstr(marked, "quick"));
    CHECK(strstr(marked, r.report.omitted[0].key));
    CHECK_TEXT(arena_copy(&r.arena, r.report.omitted[0].bytes),
               "one\ntwo " LONG "\nerror: no such file\nlast");
    CHECK_TEXT(arena_copy(&r.arena, r.report.omitted[0].preview),
               "one\ntwo ; the quick brown fox jumps over the lazy dog; the quick brown fox jumps");
    CHECK_U64(r.report.tokens_after, tokens_in(marked));
    arena_done(&r.arena);
}

static void a_part_keeps_what_stands_beside_its_text(void **state)
{
    const char *text = "[" USER("u") "," CALLS(
        "a") ",{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":[{\"type\":"
             "\"text\",\"text\":\"" LONG
             "\",\"cache_control\":{\"type\":\"ephemeral\"}}]}," USER("v") "]";
    struct run r = condense(text, CONDENSE_MASK, tokens_in(text) - 50, 1);
    char marked[4096];

    (void)state;
    CHECK_INT(r.outcome, CONDENSE_CONDENSED);
    snprintf(marked, sizeof(marked), "%.*s", STR_ARG(r.report.messages));
    CHECK(strstr(marked, "]\",\"cache_control\":{\"type\":\"ephemeral\"}}]}"));
    arena_done(&r.arena);
}

static void the_oldest_turns_are_dropped_whole(void **state)
{
    const char *text =
        "[" SYSTEM "," USER("1 " LONG) "," SAYS("2") "," USER("3") "," SAYS("4") "," USER("5") "]";

    (void)state;
    /* The answer to what was dropped goes with it, though it would fit. */
    expect(condense(text, CONDENSE_MASK, tokens_in(text) - 1, 1), CONDENSE_CONDENSED,
           "[" SYSTEM "," USER("3") "," SAYS("4") "," USER("5") "]");
}

static void a_call_and_its_results_go_together(void **state)
{
    const char *text = "[" USER("u") "," CALLS("a") "," GIVES("a", "x") "," GIVES(
        "b", LONG) "," SAYS("s") "," USER("v") "," SAYS("w") "]";

    (void)state;
    expect(condense(text, CONDENSE_MASK, tokens_in("[" USER("v") "," SAYS("w") "]"), 1),
           CONDENSE_CONDENSED, "[" USER("v") "," SAYS("w") "]");
}

#define USES(id)                                                                                   \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"" id                     \
    "\",\"name\":\"f\",\"input\":{}}]}"
#define RESULTS(id, content, more)                                                                 \
    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"" id              \
    "\",\"content\":" content "}" more "]}"
#define PARTS(t)                                                                                   \
    "[{\"type\":\"image\"},{\"type\":\"text\",\"text\":\"2" t                                      \
    "\"},{\"type\":\"text\",\"text\":\"3" t "\"}]"

static void results_in_messages_of_the_user_stay_with_their_call(void **state)
{
    const char *text = "[" USER("u") "," USES("a") "," RESULTS(
        "a", "\"" LONG "\"", ",{\"type\":\"text\"}") "," SAYS("s") "," USER("v") "," SAYS("w") "]";

    (void)state;
    expect(condense_as("anthropic", text, CONDENSE_MASK, tokens_in("[" USER("v") "," SAYS("w") "]"),
                       1),
           CONDENSE_CONDENSED, "[" USER("v") "," SAYS("w") "]");
    expect(condense_as("anthropic", "[" GIVES("a", LONG) "]", CONDENSE_MASK, 1, 1),
           CONDENSE_INVALID, NULL);
}

static void each_result_in_a_message_of_the_user_is_masked(void **state)
{
    const char *text = "[" USER("u") "," USES("a") "," RESULTS(
        "a", "\"" LONG "\"",
        ",{\"type\":\"tool_result\",\"tool_use_id\":7,\"content\":" PARTS(
            LONG) "}") "," USER("v") "]";
    struct run r = condense_as("anthropic", text, CONDENSE_MASK, tokens_in(text) - 200, 1);
    char marked[4096];

    (void)state;
    CHECK_INT(r.outcome, CONDENSE_CONDENSED);
    CHECK_U64(r.report.n_omitted, 3);
    snprintf(marked, sizeof(marked), "%.*s", STR_ARG(r.report.messages));
    CHECK(strstr(marked, "\"tool_use_id\":\"a\",\"content\":\"[tool result omitted"));
    CHECK(
        strstr(marked, "{\"type\":\"image\"},{\"type\":\"text\",\"text\":\"[tool result omitted"));
    arena_done(&r.arena);
}

#define THINKS "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"c2VjcmV0\"}"
#define DOES(id)                                                                                   \
    "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"f\",\"arguments\":\"{}\"}"
#define COMES(id, t)                                                                               \
    "{\"type\":\"function_call_output\",\"call_id\":\"" id "\",\"output\":\"" t "\"}"

static void items_of_responses_that_belong_together_go_together(void **state)
{
    const char *turn = THINKS "," DOES("a") "," DOES("b") "," COMES("b", "x") "," COMES("a", "y");
    const char *end = "{\"type\":\"message\","
                      "\"role\":\"user\",\"content\":[{\"type\":"
                      "\"input_text\",\"text\":\"v\"}]}," THINKS "," SAYS("w");
    char text[4096], kept[4096];

    (void)state;
    snprintf(text, sizeof(text), "[" USER("u " LONG) ",%s," SAYS("s") ",%s]", turn, end);
    snprintf(kept, sizeof(kept), "[%s]", end);
    for (uint64_t budget = tokens_in(text) - 1; budget > tokens_in(kept); budget--) {
        struct run r = condense_as("responses", text, CONDENSE_MASK, budget, 1);
        CHECK_INT(r.outcome, CONDENSE_CONDENSED);
        size_t len = r.report.messages.len;
        CHECK(memmem(r.report.messages.data, len, turn, strlen(turn)) ||
              !memmem(r.report.messages.data, len, "call_id", 7));
        arena_done(&r.arena);
    }
    expect(condense_as("responses", text, CONDENSE_MASK, tokens_in(kept), 1), CONDENSE_CONDENSED,
           kept);
}

static void outputs_of_responses_are_masked_and_extracted_from(void **state)
{
    const char *text = "[" USER("u") "," DOES("a") "," COMES(
        "a", "first\\n" LONG "\\nerror: disk full\\n" LONG) "," SAYS("s") "," USER("v") "]";
    struct run r = condense_as("responses", text, CONDENSE_MASK, tokens_in(text) - 50, 1);
    char found[4096];

    (void)state;
    CHECK_INT(r.outcome, CONDENSE_CONDENSED);
    snprintf(found, sizeof(found), "%.*s", STR_ARG(r.report.messages));
    CHECK(strstr(found, "\"output\":\"[tool result omitted: 4 lines"));
    arena_done(&r.arena);
    r = condense_as("responses", text, CONDENSE_EXTRACT, tokens_in(text) - 100, 1);
    CHECK_INT(r.outcome, CONDENSE_CONDENSED);
    snprintf(found, sizeof(found), "%.*s", STR_ARG(r.report.messages));
    CHECK(strstr(found, "error: disk full"));
    arena_done(&r.arena);
    expect(condense_as("responses", "[{\"type\":\"item_reference\",\"id\":\"x\"}]", CONDENSE_MASK,
                       1, 1),
           CONDENSE_INVALID, NULL);
}

#define PICTURE                                                                                    \
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64," TEN(                 \
        "iVBORw0KGgoA") "\"}"
#define SHOWS(t, more)                                                                             \
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"" t "\"}," PICTURE more "}]}"
#define SIGHT(t)                                                                                   \
    "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"                  \
    "png\",\"data\":\"" t TEN("iVBORw0KGgoA") "\"}}"

static void old_pictures_go_first_and_can_be_had_back(void **state)
{
    static const enum condense_mode modes[] = {CONDENSE_MASK, CONDENSE_EXTRACT};
    const char *cached = ",\"cache_control\":{\"type\":\"ephemeral\"}";
    char text[8192];

    (void)state;
    snprintf(text, sizeof(text), "[" SHOWS("a", "%s") "," SAYS("s") "," SHOWS("b", "") "]", cached);
    for (size_t i = 0; i < 2; i++) {
        struct run r = condense_as("openai", text, modes[i], tokens_in(text) - 1, 1);
        char found[8192];
        CHECK_INT(r.outcome, CONDENSE_CONDENSED);
        CHECK_U64(r.report.n_omitted, 1);
        CHECK_STR(r.report.omitted[0].bytes,
                  PICTURE ",\"cache_control\":{\"type\":\"ephemeral\"}}");
        snprintf(
            found, sizeof(found),
            "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
            "\"text\",\"text\":\"[image omitted; key=%s]\"%s}]}," SAYS("s") "," SHOWS("b", "") "]",
            r.report.omitted[0].key, cached);
        CHECK_TEXT(r.report.stage[0], "image");
        expect(r, CONDENSE_CONDENSED, found);
    }
}

static void a_picture_in_a_result_does_not_hide_its_texts(void **state)
{
    const char *text = "[" USER("u") "," USES("a") "," RESULTS(
        "a", "[" SIGHT("x") ",{\"type\":\"text\",\"text\":\"" LONG "\"}," SIGHT("y") "]",
        "") "," SAYS("s") "," USER("v") "]";
    struct run r = condense_as("anthropic", text, CONDENSE_MASK, 110, 1);
    char found[8192];

    (void)state;
    CHECK_INT(r.outcome, CONDENSE_CONDENSED);
    snprintf(found, sizeof(found), "%.*s", STR_ARG(r.report.messages));
    CHECK(!strstr(found, "base64"));
    CHECK(strstr(found, "[tool result omitted: 1 lines"));
    CHECK(strstr(found, KEY_OF_LONG));
    CHECK_U64(r.report.n_omitted, 3);
    CHECK_STR(r.report.omitted[0].bytes, SIGHT("x"));
    CHECK_STR(r.report.omitted[1].bytes, SIGHT("y"));
    CHECK_STR(r.report.omitted[2].bytes, LONG);
    arena_done(&r.arena);
}

static void the_question_that_the_last_messages_answer_stays(void **state)
{
    const char *text = "[" USER("0 " LONG) "," SAYS("1") "," USER("2") "," CALLS("a") "," GIVES(
        "a", "x") "," SAYS("s") "," USER("t") "," SAYS("z") "]";

    (void)state;
    expect(condense(text, CONDENSE_MASK, tokens_in(text) - 1, 4), CONDENSE_CONDENSED,
           "[" USER("2") "," CALLS("a") "," GIVES("a", "x") "," SAYS("s") "," USER("t") "," SAYS(
               "z") "]");
}

static void the_running_turn_is_touched_only_when_nothing_older_is_left(void **state)
{
    const char *turn = USER("task") "," CALLS("a") "," GIVES("a", "A" LONG) "," CALLS(
        "b") "," GIVES("b", "B" LONG) "," CALLS("c") "," GIVES("c", "short");
    char text[20000], kept[20000];
    struct run r;

    (void)state;
    snprintf(text, sizeof(text), "[" USER("old " LONG) "," SAYS("s") ",%s]", turn);
    snprintf(kept, sizeof(kept), "[%s]", turn);
    expect(condense(text, CONDENSE_MASK, tokens_in(text) - 1, 2), CONDENSE_CONDENSED, kept);

    r = condense(text, CONDENSE_MASK, tokens_in(kept) - 1, 2);
    CHECK_INT(r.outcome, CONDENSE_CONDENSED);
    snprintf(text, sizeof(text), "%.*s", STR_ARG(r.report.messages));
    CHECK(strstr(text, USER("task") "," CALLS("a") ","
                                                   "{\"role\":\"tool\",\"tool_call_id\":\"a\","
                                                   "\"content\":\"[tool result omitted: "));
    CHECK(strstr(text, GIVES("b", "B" LONG)));
    arena_done(&r.arena);
}

static void what_must_stay_and_does_not_fit_is_named_with_numbers(void **state)
{
    const char *text = "[" SYSTEM "," USER("u") "," SAYS("s") "," USER("v " LONG) "]";
    struct run r = condense(text, CONDENSE_MASK, 50, 1);

    (void)state;
    CHECK_INT(r.outcome, CONDENSE_TOO_LARGE);
    CHECK_U64(r.report.tokens_before, tokens_in(text));
    CHECK_U64(r.report.tokens_after, tokens_in("[" SYSTEM "," USER("v " LONG) "]"));
    CHECK_U64(r.report.messages.len, 0);
    arena_done(&r.arena);
}

static void lossless_never_drops(void **state)
{
    const char *text = "[" USER("u " LONG) "," SAYS("s") "," USER("v") "]";

    (void)state;
    expect(condense(text, CONDENSE_LOSSLESS, tokens_in(text) - 1, 1), CONDENSE_TOO_LARGE, NULL);
}

static void what_is_no_conversation_is_refused(void **state)
{
    static const char *const cases[] = {
        "{}",    "[]", "[1]", "[{\"role\":1}]", "[{\"role\":\"oracle\"}]", "[{\"content\":\"x\"}]",
        "\"x\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(condense(cases[i], CONDENSE_MASK, 1, 1), CONDENSE_INVALID, NULL);
}

static void the_arenas_ceiling_is_an_outcome(void **state)
{
    const char *text = "[" USER("u " LONG) "," SAYS("s") "," USER("v") "]";
    struct arena parsed, small;
    const struct json_value *json;
    size_t at;
    struct condense_report report;
    const struct condense_options options = {
        .dialect = STR("openai"), .mode = CONDENSE_MASK, .budget_tokens = 40, .keep_last = 1};
    enum condense_outcome outcome = CONDENSE_TOO_BIG;

    (void)state;
    arena_init(&parsed, 1 << 20);
    CHECK_INT(json_parse(&parsed, str_from(text), &json, &at), JSON_OK);
    for (size_t max = 1; outcome == CONDENSE_TOO_BIG; max += 64) {
        CHECK(max < 1 << 20);
        arena_init(&small, max);
        outcome = condense_run(&small, json, &options, &report);
        arena_done(&small);
    }
    CHECK_INT(outcome, CONDENSE_CONDENSED);
    arena_done(&parsed);
}

/* An attacker's shapes must cost what their bytes cost: each of these is a second or less. */
struct shape {
    const char *dialect, *begin, *again, *end; /* `again` so many times; %d is which */
    int n;
};

static void add_times(struct buf *text, const struct shape *s)
{
    const char *mark = strstr(s->again, "%d");

    CHECK_INT(buf_add_str(text, str_from(s->begin)), BUF_OK);
    for (int n = 0; n < s->n; n++) {
        if (!mark) {
            CHECK_INT(buf_add_str(text, str_from(s->again)), BUF_OK);
            continue;
        }
        CHECK_INT(buf_add(text, s->again, (size_t)(mark - s->again)), BUF_OK);
        CHECK_INT(buf_printf(text, "%d%s", n, mark + 2), BUF_OK);
    }
    CHECK_INT(buf_add_str(text, str_from(s->end)), BUF_OK);
}

#define CALL(id) "{\"id\":\"" id "\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"
#define OLD_TURN "[" USER("u") ","
#define NEW_TURN "," SAYS("s") "," USER("v") "]"

static void adversarial_shapes_take_linear_time(void **state)
{
    static const struct shape shapes[] = {
        {"openai", "[" USER("u"), "," SAYS(""), "," USER("v") "]", 100000},
        {"openai", "[" USER("u"), "," USER(""), "," USER("v") "]", 100000},
        {"anthropic", "[" USER("u"), "," SAYS("") "," USER(""), "]", 50000},
        {"openai", "[" USER("u"), "," GIVES("a", TEN("same same ") TEN("same same ")),
         "," USER("v") "]", 20000},
        {"openai", "[" USER("u"), "," CALLS("a") "," GIVES("a", TEN("\\n \\n ") TEN("\\t\\n  ")),
         "," USER("v") "]", 20000},
        /* 10^4 calls at once */
        {"openai", OLD_TURN "{\"role\":\"assistant\",\"tool_calls\":[" CALL("x"), "," CALL("c%d"),
         "]}" NEW_TURN, 10000},
        {"openai", "[" USER("u"), "," GIVES("c%d", "one\\ntwo\\nthree and more of it"), NEW_TURN,
         10000},
        {"anthropic", OLD_TURN USES("x") ",{\"role\":\"user\",\"content\":[{\"type\":\"text\"}",
         ",{\"type\":\"tool_result\",\"tool_use_id\":\"c%d\",\"content\":\"one\\ntwo\"}",
         "]}" NEW_TURN, 10000},
        /* lines of a megabyte, of one letter, of signs, of nothing, of words all different */
        {"openai", OLD_TURN CALLS("a") ",{\"role\":\"tool\",\"content\":\"", "word, another ",
         "\"}" NEW_TURN, 70000},
        {"openai", OLD_TURN CALLS("a") ",{\"role\":\"tool\",\"content\":\"", "a", "\"}" NEW_TURN,
         1000000},
        {"openai", OLD_TURN "{\"role\":\"assistant\",\"content\":\"", "a", "\"}," USER("v") "]",
         100000},
        {"openai", OLD_TURN CALLS("a") ",{\"role\":\"tool\",\"content\":\"",
         "\xf0\x9f\x91\xa9\xe2\x80\x8d", "\"}" NEW_TURN, 100000},
        {"openai", OLD_TURN CALLS("a") ",{\"role\":\"tool\",\"content\":\"", "\\n", "x\"}" NEW_TURN,
         500000},
        {"openai", OLD_TURN CALLS("a") ",{\"role\":\"tool\",\"content\":\"", "w%d ", "\"}" NEW_TURN,
         200000},
        {"openai", OLD_TURN CALLS("a") ",{\"role\":\"tool\",\"content\":\"", "error: %d\\n",
         "\"}" NEW_TURN, 100000},
        {"openai", OLD_TURN CALLS("a") ",{\"role\":\"tool\",\"content\":\"[", "[1, 2],\\n ",
         "1]\"}" NEW_TURN, 100000},
    };
    static const enum condense_mode modes[] = {CONDENSE_MASK, CONDENSE_EXTRACT};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(shapes) / sizeof(shapes[0]); i++) {
        const struct shape *s = &shapes[i / 2];
        struct buf text;
        buf_init(&text, 64 << 20);
        add_times(&text, s);
        clock_t from = clock();
        expect(condense_as(s->dialect, text.data, modes[i % 2], 300, 1), CONDENSE_CONDENSED, NULL);
        double seconds = (double)(clock() - from) / CLOCKS_PER_SEC;
        if (getenv("SOAK"))
            printf("%zu %s: %.3f s, %zu bytes\n", i / 2, condense_mode_text(modes[i % 2]), seconds,
                   text.len);
        CHECK(seconds < 8.0); /* a sanitizer's slowness included */
        buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_the_same_bytes),
        cmocka_unit_test(blanks_at_line_ends_and_runs_of_blank_lines_go_first),
        cmocka_unit_test(the_newest_copy_of_a_repeated_result_stays),
        cmocka_unit_test(old_tool_output_becomes_a_marker_that_says_how_much_it_was),
        cmocka_unit_test(a_part_keeps_what_stands_beside_its_text),
        cmocka_unit_test(the_oldest_turns_are_dropped_whole),
        cmocka_unit_test(a_call_and_its_results_go_together),
        cmocka_unit_test(results_in_messages_of_the_user_stay_with_their_call),
        cmocka_unit_test(each_result_in_a_message_of_the_user_is_masked),
        cmocka_unit_test(items_of_responses_that_belong_together_go_together),
        cmocka_unit_test(outputs_of_responses_are_masked_and_extracted_from),
        cmocka_unit_test(old_pictures_go_first_and_can_be_had_back),
        cmocka_unit_test(a_picture_in_a_result_does_not_hide_its_texts),
        cmocka_unit_test(the_question_that_the_last_messages_answer_stays),
        cmocka_unit_test(the_running_turn_is_touched_only_when_nothing_older_is_left),
        cmocka_unit_test(what_must_stay_and_does_not_fit_is_named_with_numbers),
        cmocka_unit_test(lossless_never_drops),
        cmocka_unit_test(what_is_no_conversation_is_refused),
        cmocka_unit_test(the_arenas_ceiling_is_an_outcome),
        cmocka_unit_test(adversarial_shapes_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
