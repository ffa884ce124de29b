#include "dialect.h"

#include "base/sse.h"
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
    bool is_valid = dialect_gemini.read_answer(str_from(body), &events);
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

/* A whole answer of one candidate with these parts, and the lines between its start and its end. */
#define PARTS(parts)                                                                               \
    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" parts                          \
    "]},\"finishReason\":\"STOP\"}]}"
#define SAID(lines) "start  \n" lines "done\n"

static void an_answer_is_its_text_its_end_and_its_counts(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Gr\\u00fc\"},{\"text\":\"\xc3\x9f"
         "e\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0,\"safetyRatings\":[]}],"
         "\"usageMetadata\":{\"promptTokenCount\":30,\"candidatesTokenCount\":7,"
         "\"totalTokenCount\":57,\"cachedContentTokenCount\":16,\"thoughtsTokenCount\":15,"
         "\"toolUsePromptTokenCount\":5,\"promptTokensDetails\":[{\"modality\":\"TEXT\","
         "\"tokenCount\":30}]},\"modelVersion\":\"gemini-2.5-flash\",\"responseId\":\"Zq1\"}",
         "start Zq1 gemini-2.5-flash\ntext Gr\xc3\xbc\ntext \xc3\x9f"
         "e\nfinish stop\nusage 35 22 cached 16 written 0 reasoning 15\ndone\n"},
        {PARTS("{\"text\":\"\"}"), SAID("finish stop\n")},
        {"{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":3}"
         "}",
         "start  \nfinish stop\nusage 3 0 cached 0 written 0 reasoning 0\ndone\n"},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void what_is_no_answer_is_refused(void **state)
{
    static const struct answer_case cases[] = {
        {"", NULL},
        {"<html>", NULL},
        {"[]", NULL},
        {"{}", NULL},
        {"{\"candidates\":[]}", NULL},
        {"{\"candidates\":{}}", NULL},
        {"{\"usageMetadata\":{\"promptTokenCount\":3}}", NULL},
        {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}", NULL},
        {"{\"candidates\":[{\"index\":64,\"finishReason\":\"STOP\"}]}", NULL},
        {"{\"candidates\":[{\"index\":-1,\"finishReason\":\"STOP\"}]}", NULL},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void a_refused_prompt_is_a_finished_filtered_answer(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"},\"usageMetadata\":{"
         "\"promptTokenCount\":8,\"totalTokenCount\":8},\"modelVersion\":\"m\"}",
         "start  m\nfinish filter\nusage 8 0 cached 0 written 0 reasoning 0\ndone\n"},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void every_finish_reason_has_its_meaning(void **state)
{
    static const struct {
        const char *reason, *line;
    } cases[] = {
        {"STOP", "finish stop\n"},
        {"MAX_TOKENS", "finish length\n"},
        {"SAFETY", "finish filter\n"},
        {"RECITATION", "finish filter\n"},
        {"LANGUAGE", "finish filter\n"},
        {"OTHER", "finish filter\n"},
        {"BLOCKLIST", "finish filter\n"},
        {"PROHIBITED_CONTENT", "finish filter\n"},
        {"SPII", "finish filter\n"},
        {"IMAGE_SAFETY", "finish filter\n"},
        {"SOMETHING_NEW", "finish filter\n"},
        {"MALFORMED_FUNCTION_CALL", "error The model gave up: MALFORMED_FUNCTION_CALL.\n"},
        {"UNEXPECTED_TOOL_CALL", "error The model gave up: UNEXPECTED_TOOL_CALL.\n"},
        {"TOO_MANY_TOOL_CALLS", "error The model gave up: TOO_MANY_TOOL_CALLS.\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char body[256], got[512], want[256];
        snprintf(body, sizeof(body), "{\"candidates\":[{\"finishReason\":\"%s\"}]}",
                 cases[i].reason);
        snprintf(want, sizeof(want), "start  \n%sdone\n", cases[i].line);
        CHECK(read_answer(body, got, sizeof(got)));
        CHECK_TEXT(got, want);
    }
}

static void thoughts_and_signatures_are_kept_apart_from_the_answer(void **state)
{
    static const struct answer_case cases[] = {
        {PARTS("{\"text\":\"Hm.\",\"thought\":true},{\"text\":\"4\"}"),
         SAID("thinking Hm.\ntext 4\nfinish stop\n")},
        {PARTS("{\"text\":\"Hm.\",\"thought\":true,\"thoughtSignature\":\"c2ln+/==\"}"),
         SAID("thinking Hm.\nsignature c2ln+/==\nfinish stop\n")},
        {PARTS("{\"text\":\"4\",\"thoughtSignature\":\"c2ln\"}"),
         SAID("text 4 signed c2ln\nfinish stop\n")},
        {PARTS("{\"text\":\"4\"},{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}"),
         SAID("text 4\ntext  signed c2ln\nfinish stop\n")},
        {PARTS("{\"text\":\"4\",\"thought\":false}"), SAID("text 4\nfinish stop\n")},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void calls_are_numbered_keep_their_ids_and_signatures_and_finish_the_answer(void **state)
{
    static const struct answer_case cases[] = {
        {PARTS("{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\": [1]},\"id\":\"a\"},"
               "\"thoughtSignature\":\"c2ln\"},{\"functionCall\":{\"name\":\"g\",\"id\":\"b\"}}"),
         SAID("call 0 a f signed c2ln\narguments 0 {\"x\": [1]}\ncall 1 b g\narguments 1 {}\n"
              "finish tool_calls\n")},
        {"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"id\":\"a\"}"
         "}"
         "]},\"finishReason\":\"MAX_TOKENS\"}]}",
         SAID("call 0 a f\narguments 0 {}\nfinish length\n")},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void each_candidate_is_a_choice_with_calls_of_its_own(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\","
         "\"id\":\"a\"}}]},\"finishReason\":\"STOP\"},{\"index\":1,\"content\":{\"parts\":[{"
         "\"functionCall\":{\"name\":\"f\",\"id\":\"b\"}}]},\"finishReason\":\"STOP\"},{\"index\":"
         "2,"
         "\"content\":{\"parts\":[{\"text\":\"c\"}]},\"finishReason\":\"STOP\"}]}",
         SAID("call 0 a f\narguments 0 {}\nfinish tool_calls\n1: call 0 b f\n1: arguments 0 {}\n"
              "1: finish tool_calls\n2: text c\n2: finish stop\n")},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void an_answer_that_is_no_text_is_an_error_not_an_empty_answer(void **state)
{
    static const struct answer_case cases[] = {
        {PARTS("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"aGk=\"}}"),
         SAID("error The model answered with something that is no text.\nfinish stop\n")},
        {PARTS("{\"executableCode\":{\"language\":\"PYTHON\",\"code\":\"1\"}}"),
         SAID("error The model answered with something that is no text.\nfinish stop\n")},
        {PARTS("{}"), SAID("finish stop\n")},
    };

    (void)state;
    CHECK_ANSWERS(cases);
}

static void probabilities_take_openais_shape(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"ab\"}]},\"finishReason\":\"STOP\","
         "\"logprobsResult\":{\"topCandidates\":[{\"candidates\":[{\"token\":\"a\",\"tokenId\":5,"
         "\"logProbability\":-0.5},{\"token\":\"\xc3\xa4\",\"logProbability\":-2}]}],"
         "\"chosenCandidates\":[{\"token\":\"a\",\"tokenId\":5,\"logProbability\":-0.5},{\"token\":"
         "\"b\"}]}}]}",
         SAID("text ab\nlogprobs {\"content\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],"
              "\"top_logprobs\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97]},{\"token\":"
              "\"\xc3\xa4\",\"logprob\":-2,\"bytes\":[195,164]}]},{\"token\":\"b\",\"logprob\":0,"
              "\"bytes\":[98],\"top_logprobs\":[]}],\"refusal\":null}\nfinish stop\n")},
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
        CHECK_INT(buf_printf(&body, "{\"candidates\":[{\"content\":{\"parts\":["), BUF_OK);
        for (size_t i = 0; i < n; i++)
            CHECK_INT(buf_printf(&body, "%s{\"functionCall\":{\"name\":\"f\"}}", i ? "," : ""),
                      BUF_OK);
        CHECK_INT(buf_printf(&body, "]},\"finishReason\":\"STOP\"}]}"), BUF_OK);
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

static bool on_event(void *arg, const struct sse_event *event)
{
    struct stream *s = arg;
    struct arena a;
    struct chat_events events;

    arena_init(&a, 1 << 20);
    chat_event_list_init(&events, &a);
    s->is_invalid = !dialect_gemini.read_event(&s->state, str_from(event->name),
                                               (struct str){event->data, event->data_len}, &events);
    event_add_all(&s->out, &events);
    arena_done(&a);
    return !s->is_invalid;
}

static void read_stream(struct stream *s, struct str bytes, size_t (*next)(unsigned *seed),
                        unsigned seed)
{
    struct sse_parser p;
    enum sse_result r = SSE_OK;

    *s = (struct stream){.is_invalid = false};
    buf_init(&s->out, 1 << 20);
    sse_init(&p, 1 << 16, on_event, s);
    for (size_t at = 0, n; at < bytes.len && r == SSE_OK; at += n) {
        n = next(&seed);
        n = n < bytes.len - at ? n : bytes.len - at;
        r = sse_feed(&p, bytes.data + at, n);
    }
    CHECK(r == SSE_OK || s->is_invalid);
    sse_done(&p);
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

#define CHUNK(parts, more)                                                                         \
    "data: {\"candidates\":[{\"content\":{\"parts\":[" parts "],\"role\":\"model\"}" more "}],"    \
    "\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":4},\"modelVersion\":"      \
    "\"gemini-3-pro\",\"responseId\":\"R1\"}\r\n\r\n"
#define USAGE "usage 9 4 cached 0 written 0 reasoning 0\n"

static void check_stream(struct str bytes, const char *events)
{
    struct stream s;

    read_stream(&s, bytes, whole, 0);
    CHECK(!s.is_invalid);
    CHECK_TEXT(s.out.data, events);
    buf_done(&s.out);
}

static void a_stream_is_read_event_by_event(void **state)
{
    (void)state;
    check_stream(STR(CHUNK("{\"text\":\"Hm\",\"thought\":true}", "") CHUNK("{\"text\":\"An\"}", "")
                         CHUNK("{\"text\":\"na\"}", ",\"finishReason\":\"STOP\"")),
                 "start R1 gemini-3-pro\nthinking Hm\ntext An\ntext na\nfinish stop\n" USAGE);
}

static void calls_of_several_events_are_numbered_through_and_end_the_answer(void **state)
{
    (void)state;
    check_stream(
        STR(CHUNK("{\"functionCall\":{\"id\":\"1\",\"name\":\"f\"},\"thoughtSignature\":\"s\"}", "")
                CHUNK("{\"functionCall\":{\"id\":\"2\",\"name\":\"f\",\"args\":{\"a\":1}}}", "")
                    CHUNK("{\"text\":\"\"}", ",\"finishReason\":\"STOP\"")),
        "start R1 gemini-3-pro\ncall 0 1 f signed s\narguments 0 {}\ncall 1 2 f\narguments 1 "
        "{\"a\":1}\nfinish tool_calls\n" USAGE);
}

static void an_error_in_the_stream_is_the_providers_own(void **state)
{
    (void)state;
    check_stream(STR(CHUNK("{\"text\":\"a\"}", "") "data: {\"error\":{\"code\":503,\"message\":"
                                                   "\"overloaded\",\"status\":\"UNAVAILABLE\"}}"
                                                   "\n\n"),
                 "start R1 gemini-3-pro\ntext a\nerror overloaded\n");
}

static void an_event_that_is_no_answer_is_refused(void **state)
{
    static const char *const events[] = {"data: {}\n\n", "data: [DONE]\n\n", "data: []\n\n",
                                         "data: {\"candidates\":[]}\n\n",
                                         "data: {\"candidates\":\n\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        struct stream s;
        read_stream(&s, str_from(events[i]), whole, 0);
        CHECK(s.is_invalid);
        buf_done(&s.out);
    }
}

static void id_of_call(struct str stream, const char *call, char ret[64])
{
    struct stream s;

    read_stream(&s, stream, whole, 0);
    const char *line = strstr(s.out.data, call);
    CHECK(line);
    CHECK_INT(sscanf(line + strlen(call), " %63s", ret), 1);
    buf_done(&s.out);
}

static void a_call_without_an_id_gets_one_of_its_own(void **state)
{
    static const struct str same = STR_INIT(CHUNK("{\"functionCall\":{\"name\":\"f\"}}", "")
                                                CHUNK("{\"functionCall\":{\"name\":\"f\"}}", ""));
    static const struct str other = STR_INIT(
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]}}],"
        "\"responseId\":\"R2\"}\n\n");
    char first[64], again[64], second[64], third[64];

    (void)state;
    id_of_call(same, "call 0", first);
    id_of_call(same, "call 0", again);
    id_of_call(same, "call 1", second);
    id_of_call(other, "call 0", third);
    CHECK_TEXT(first, again);
    CHECK(strcmp(first, second) != 0);
    CHECK(strcmp(first, third) != 0);
    CHECK(strlen(first) <= 40 &&
          strspn(first, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(first));
}

static void ten_thousand_ways_to_cut_a_stream_change_nothing(void **state)
{
    static const char stream[] =
        CHUNK("{\"text\":\"\xf0\x9f\x98\x80 \\ud83d\\ude00\",\"thought\":true}", "")
            CHUNK("{\"text\":\"a\\nb\"}", "")
                CHUNK("{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":\"\\u00e9\"}},"
                      "\"thoughtSignature\":\"c2ln\"}",
                      "") CHUNK("{\"text\":\"\"}", ",\"finishReason\":\"MAX_TOKENS\"");
    struct stream reference;

    (void)state;
    read_stream(&reference, STR(stream), whole, 0);
    CHECK(strstr(reference.out.data, "finish length\n"));
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
    CHECK_STR(
        dialect_gemini.read_error(&a, STR("{\"error\":{\"code\":400,\"message\":\"API key not "
                                          "valid.\",\"status\":\"INVALID_ARGUMENT\"}}")),
        "API key not valid.");
    CHECK_STR(dialect_gemini.read_error(&a, STR("[{\"error\":{\"message\":\"no\"}}]")), "no");
    CHECK_STR(dialect_gemini.read_error(&a, STR("{\"error\":\"no\"}")), "");
    CHECK_STR(dialect_gemini.read_error(&a, STR("[]")), "");
    CHECK_STR(dialect_gemini.read_error(&a, STR("<html>")), "");
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_its_text_its_end_and_its_counts),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(a_refused_prompt_is_a_finished_filtered_answer),
        cmocka_unit_test(every_finish_reason_has_its_meaning),
        cmocka_unit_test(thoughts_and_signatures_are_kept_apart_from_the_answer),
        cmocka_unit_test(calls_are_numbered_keep_their_ids_and_signatures_and_finish_the_answer),
        cmocka_unit_test(each_candidate_is_a_choice_with_calls_of_its_own),
        cmocka_unit_test(an_answer_that_is_no_text_is_an_error_not_an_empty_answer),
        cmocka_unit_test(probabilities_take_openais_shape),
        cmocka_unit_test(more_calls_than_the_ceiling_are_no_valid_answer),
        cmocka_unit_test(a_stream_is_read_event_by_event),
        cmocka_unit_test(calls_of_several_events_are_numbered_through_and_end_the_answer),
        cmocka_unit_test(an_error_in_the_stream_is_the_providers_own),
        cmocka_unit_test(an_event_that_is_no_answer_is_refused),
        cmocka_unit_test(a_call_without_an_id_gets_one_of_its_own),
        cmocka_unit_test(ten_thousand_ways_to_cut_a_stream_change_nothing),
        cmocka_unit_test(a_refusal_is_in_the_providers_own_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
