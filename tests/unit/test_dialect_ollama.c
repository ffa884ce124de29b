#include "dialect.h"

#include "base/ndjson.h"
#include "event_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what an answer says ---- */

static bool read_answer(const char *body, char *ret, size_t size)
{
    struct arena a;
    struct chat_events events;
    struct buf out;

    arena_init(&a, 1 << 20);
    buf_init(&out, 1 << 16);
    chat_event_list_init(&events, &a);
    bool is_valid = dialect_ollama.read_answer(str_from(body), &events);
    event_add_all(&out, &events);
    CHECK(str_copy(ret, size, buf_str(&out)));
    buf_done(&out);
    arena_done(&a);
    return is_valid;
}

struct answer_case {
    const char *body, *events;
};

static void check_answers(const struct answer_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char got[4096];
        bool is_valid = read_answer(cases[i].body, got, sizeof(got));
        if (is_valid != (cases[i].events != NULL) ||
            (is_valid && strcmp(got, cases[i].events) != 0))
            fail_msg("%s\ngives %d:\n%s", cases[i].body, is_valid, got);
    }
}

#define CHECK_ANSWERS(cases) check_answers(cases, sizeof(cases) / sizeof(*(cases)))

static void an_answer_is_its_text_its_end_and_its_counts(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"model\":\"llama3.2:3b\",\"created_at\":\"2026-11-21T16:00:00.1Z\",\"message\":{"
         "\"role\":"
         "\"assistant\",\"content\":\"Gr\\u00fc\\u00dfe\"},\"done\":true,\"done_reason\":\"stop\","
         "\"total_duration\":5191566416,\"load_duration\":2154458,\"prompt_eval_count\":26,"
         "\"prompt_eval_duration\":383809000,\"eval_count\":298,\"eval_duration\":4799921000}",
         "start  llama3.2:3b\ntext Gr\xc3\xbc\xc3\x9f"
         "e\nfinish stop\nusage 26 298 cached 0 written 0 reasoning 0\ndone\n"},
        {"{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":true,\"done_reason\":"
         "\"length\","
         "\"prompt_eval_count\":7}",
         "start  m\ntext a\nfinish length\nusage 7 0 cached 0 written 0 reasoning 0\ndone\n"},
        {"{\"model\":\"m\",\"message\":{\"content\":\"4\",\"thinking\":\"2 + 2\"},\"done\":true}",
         "start  m\nthinking 2 + 2\ntext 4\nfinish stop\ndone\n"},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void a_prompt_that_was_not_counted_is_no_usage(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":true,\"eval_count\":3}",
         "start  m\ntext a\nfinish stop\ndone\n"},
        {"{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":true,\"prompt_eval_count\":-1}",
         "start  m\ntext a\nfinish stop\ndone\n"},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void an_answer_that_is_not_done_or_is_none_is_refused(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":false}", NULL},
        {"{\"model\":\"m\",\"message\":{\"content\":\"a\"}}", NULL},
        {"{\"model\":\"m\",\"done\":true}", NULL},
        {"{\"model\":\"m\",\"message\":\"a\",\"done\":true}", NULL},
        {"{\"choices\":[]}", NULL},
        {"[]", NULL},
        {"", NULL},
        {"<html>", NULL},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void a_model_that_was_only_loaded_gave_no_answer(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"load\"}",
         "start  m\nerror The model was loaded or unloaded and gave no answer.\n"},
        {"{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":"
         "\"unload\"}",
         "start  m\nerror The model was loaded or unloaded and gave no answer.\n"},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void calls_are_numbered_and_keep_the_ids_they_have(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":["
         "{\"id\":\"call_a\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"x\": [1,"
         "\"\\n\"]}}},{\"id\":\"call_b\",\"function\":{\"name\":\"g\"}}]},\"done\":true,"
         "\"done_reason\":\"stop\"}",
         "start  m\ncall 0 call_a f\narguments 0 {\"x\": [1,\"\\n\"]}\ncall 1 call_b g\n"
         "arguments 1 {}\nfinish tool_calls\ndone\n"},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void probabilities_take_openais_shape(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"model\":\"m\",\"message\":{\"content\":\"\xc3\xa9\"},\"done\":true,\"logprobs\":[{"
         "\"token\":\"\xc3\xa9\",\"logprob\":-0.25,\"top_logprobs\":[{\"token\":\"e\",\"logprob\":"
         "-1.5e0}]},{\"token\":\"!\",\"logprob\":-1}]}",
         "start  m\ntext \xc3\xa9\nlogprobs "
         "{\"content\":[{\"token\":\"\xc3\xa9\",\"logprob\":-0.25,"
         "\"bytes\":[195,169],\"top_logprobs\":[{\"token\":\"e\",\"logprob\":-1.5e0,\"bytes\":[101]"
         "}"
         "]},{\"token\":\"!\",\"logprob\":-1,\"bytes\":[33],\"top_logprobs\":[]}],\"refusal\":null}"
         "\n"
         "finish stop\ndone\n"},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void more_calls_than_the_ceiling_are_no_valid_answer(void **state)
{
    struct buf body;
    char got[1 << 15];

    (void)state;
    for (size_t n = CHAT_MAX_TOOLS; n <= CHAT_MAX_TOOLS + 1; n++) {
        buf_init(&body, 1 << 20);
        CHECK_INT(buf_printf(&body, "{\"done\":true,\"message\":{\"tool_calls\":["), BUF_OK);
        for (size_t i = 0; i < n; i++)
            CHECK_INT(buf_printf(&body, "%s{\"function\":{\"name\":\"f\"}}", i ? "," : ""), BUF_OK);
        CHECK_INT(buf_printf(&body, "]}}"), BUF_OK);
        CHECK(read_answer(body.data, got, sizeof(got)) == (n <= CHAT_MAX_TOOLS));
        buf_done(&body);
    }
}

/* ---- what a stream says ---- */

struct stream {
    struct dialect_stream state;
    struct buf out;
    bool is_invalid;
};

static bool on_line(void *arg, struct str line)
{
    struct stream *s = arg;
    struct arena a;
    struct chat_events events;

    arena_init(&a, 1 << 20);
    chat_event_list_init(&events, &a);
    s->is_invalid = !dialect_ollama.read_event(&s->state, STR_EMPTY, line, &events);
    event_add_all(&s->out, &events);
    arena_done(&a);
    return !s->is_invalid;
}

/* `next` gives the length of each piece. */
static void read_stream(struct stream *s, struct str bytes, size_t (*next)(unsigned *seed),
                        unsigned seed)
{
    struct ndjson_parser p;
    enum ndjson_result r = NDJSON_OK;

    *s = (struct stream){.is_invalid = false};
    buf_init(&s->out, 1 << 20);
    ndjson_init(&p, 1 << 16, on_line, s);
    for (size_t at = 0, n; at < bytes.len && r == NDJSON_OK; at += n) {
        n = next(&seed);
        n = n < bytes.len - at ? n : bytes.len - at;
        r = ndjson_feed(&p, bytes.data + at, n);
    }
    CHECK(r == NDJSON_OK || s->is_invalid);
    ndjson_done(&p);
}

static size_t whole(unsigned *seed)
{
    (void)seed;
    return SIZE_MAX;
}

static size_t at_random(unsigned *seed)
{
    return 1 + (size_t)(rand_r(seed) % 97);
}

static void check_stream(const char *bytes, const char *events)
{
    struct stream s;

    read_stream(&s, str_from(bytes), whole, 0);
    CHECK(!s.is_invalid);
    CHECK_TEXT(s.out.data, events);
    buf_done(&s.out);
}

static void a_stream_is_read_line_by_line(void **state)
{
    (void)state;
    check_stream(
        "{\"model\":\"qwen3\",\"created_at\":\"1\",\"message\":{\"role\":\"assistant\",\"content\":"
        "\"\",\"thinking\":\"Hm\"},\"done\":false}\n"
        "{\"model\":\"qwen3\",\"created_at\":\"2\",\"message\":{\"role\":\"assistant\",\"content\":"
        "\"An\"},\"done\":false}\n"
        "{\"model\":\"qwen3\",\"created_at\":\"3\",\"message\":{\"role\":\"assistant\",\"content\":"
        "\"na\"},\"done\":false}\n"
        "{\"model\":\"qwen3\",\"created_at\":\"4\",\"message\":{\"role\":\"assistant\",\"content\":"
        "\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":9,\"eval_count\":4}\n",
        "start  qwen3\nthinking Hm\ntext An\ntext na\nfinish stop\n"
        "usage 9 4 cached 0 written 0 reasoning 0\ndone\n");
}

static void calls_of_several_lines_are_numbered_through_and_end_the_answer(void **state)
{
    (void)state;
    check_stream(
        "{\"model\":\"m\",\"message\":{\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":\"f\","
        "\"arguments\":{}}}]},\"done\":false}\n"
        "{\"model\":\"m\",\"message\":{\"tool_calls\":[{\"id\":\"2\",\"function\":{\"name\":\"f\","
        "\"arguments\":{\"a\":1}}}]},\"done\":false}\n"
        "{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n",
        "start  m\ncall 0 1 f\narguments 0 {}\ncall 1 2 f\narguments 1 {\"a\":1}\n"
        "finish tool_calls\ndone\n");
}

static void an_error_in_the_stream_is_the_providers_own(void **state)
{
    (void)state;
    check_stream("{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":false}\n"
                 "{\"error\":\"an error was encountered while running the model\"}\n",
                 "start  m\ntext a\nerror an error was encountered while running the model\n");
}

static void a_line_that_is_no_answer_is_refused(void **state)
{
    static const char *const lines[] = {"{}\n", "[]\n", "{\"done\":false}\n", "data: {}\n",
                                        "{\"message\":{},\"done\":fal\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct stream s;
        read_stream(&s, str_from(lines[i]), whole, 0);
        CHECK(s.is_invalid);
        buf_done(&s.out);
    }
}

static void a_call_without_an_id_gets_one_of_its_own(void **state)
{
    static const char one[] =
        "{\"created_at\":\"1\",\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"f\"}},"
        "{\"function\":{\"name\":\"f\"}}]},\"done\":false}\n";
    static const char other[] =
        "{\"created_at\":\"2\",\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]},"
        "\"done\":false}\n";
    struct stream s;
    char first[64], second[64], third[64], again[64];

    (void)state;
    for (int round = 0; round < 2; round++) {
        char *at = round ? again : first;
        read_stream(&s, str_from(one), whole, 0);
        CHECK_INT(sscanf(strstr(s.out.data, "call 0"), "call 0 %63s f", at), 1);
        CHECK_INT(sscanf(strstr(s.out.data, "call 1"), "call 1 %63s f", second), 1);
        buf_done(&s.out);
    }
    read_stream(&s, str_from(other), whole, 0);
    CHECK_INT(sscanf(strstr(s.out.data, "call 0"), "call 0 %63s f", third), 1);
    buf_done(&s.out);
    CHECK_TEXT(first, again);
    CHECK(strcmp(first, second) != 0);
    CHECK(strcmp(first, third) != 0);
    CHECK(strlen(first) <= 40 &&
          strspn(first, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(first));
}

static void ten_thousand_ways_to_cut_a_stream_change_nothing(void **state)
{
    static const char stream[] =
        "{\"model\":\"m\",\"created_at\":\"1\",\"message\":{\"content\":\"\",\"thinking\":"
        "\"\xf0\x9f"
        "\x98\x80 \\ud83d\\ude00\"},\"done\":false}\r\n\r\n"
        "{\"model\":\"m\",\"created_at\":\"2\",\"message\":{\"content\":\"a\\nb\"},\"done\":false}"
        "\n"
        "{\"model\":\"m\",\"created_at\":\"3\",\"message\":{\"tool_calls\":[{\"function\":{"
        "\"name\":"
        "\"f\",\"arguments\":{\"x\":\"\\u00e9\"}}}]},\"done\":false}\n"
        "{\"model\":\"m\",\"created_at\":\"4\",\"message\":{\"content\":\"\"},\"done\":true,"
        "\"done_reason\":\"length\",\"prompt_eval_count\":9,\"eval_count\":4}\n";
    struct stream reference;

    (void)state;
    read_stream(&reference, STR(stream), whole, 0);
    CHECK(strstr(reference.out.data, "done\n"));
    for (unsigned seed = 1; seed <= 10000; seed++) {
        struct stream s;
        read_stream(&s, STR(stream), at_random, seed);
        if (s.is_invalid || strcmp(s.out.data, reference.out.data) != 0)
            fail_msg("cut by seed %u it says\n%s", seed, s.out.data);
        buf_done(&s.out);
    }
    buf_done(&reference.out);
}

/* ---- refusals ---- */

static void a_refusal_is_in_the_providers_own_words(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 16);
    CHECK_STR(dialect_ollama.read_error(&a, STR("{\"error\":\"model 'x' not found\"}")),
              "model 'x' not found");
    CHECK_STR(dialect_ollama.read_error(&a, STR("{\"error\":{}}")), "");
    CHECK_STR(dialect_ollama.read_error(&a, STR("404 page not found")), "");
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_its_text_its_end_and_its_counts),
        cmocka_unit_test(a_prompt_that_was_not_counted_is_no_usage),
        cmocka_unit_test(an_answer_that_is_not_done_or_is_none_is_refused),
        cmocka_unit_test(a_model_that_was_only_loaded_gave_no_answer),
        cmocka_unit_test(calls_are_numbered_and_keep_the_ids_they_have),
        cmocka_unit_test(probabilities_take_openais_shape),
        cmocka_unit_test(more_calls_than_the_ceiling_are_no_valid_answer),
        cmocka_unit_test(a_stream_is_read_line_by_line),
        cmocka_unit_test(calls_of_several_lines_are_numbered_through_and_end_the_answer),
        cmocka_unit_test(an_error_in_the_stream_is_the_providers_own),
        cmocka_unit_test(a_line_that_is_no_answer_is_refused),
        cmocka_unit_test(a_call_without_an_id_gets_one_of_its_own),
        cmocka_unit_test(ten_thousand_ways_to_cut_a_stream_change_nothing),
        cmocka_unit_test(a_refusal_is_in_the_providers_own_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
