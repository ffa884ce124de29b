#include "chat_kit.h"

#define M "\"model\":\"m\","

static void one_text_becomes_one_message_of_the_user(void **state)
{
    struct chat c;

    (void)state;
    CHECK(kit_read(&inbound_completions, "{" M "\"prompt\":\"Once \\u00e9\"}", &c));
    CHECK_TEXT(kit_dump(&c), "user: text(Once \xc3\xa9)\n");
    CHECK_INT(c.n, 1);
    CHECK(kit_read(&inbound_completions, "{" M "\"prompt\":[\"one\"]}", &c));
    CHECK_TEXT(kit_dump(&c), "user: text(one)\n");
}

static void every_parameter_is_carried_over(void **state)
{
    struct chat c;

    (void)state;
    CHECK(kit_read(&inbound_completions,
                   "{" M "\"prompt\":\"a\",\"max_tokens\":7,\"n\":2,\"temperature\":0.50,"
                   "\"top_p\":1,\"seed\":3,\"frequency_penalty\":-1,\"presence_penalty\":2e0,"
                   "\"logit_bias\":{\"50256\":-100},\"stop\":[\"x\",\"y\"],\"user\":\"u\","
                   "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"echo\":false,"
                   "\"best_of\":2,\"suffix\":null,\"logprobs\":null}",
                   &c));
    CHECK_INT(c.max_tokens, 7);
    CHECK_INT(c.n, 2);
    CHECK_STR(c.temperature, "0.50");
    CHECK_STR(c.top_p, "1");
    CHECK_STR(c.seed, "3");
    CHECK_STR(c.frequency_penalty, "-1");
    CHECK_STR(c.presence_penalty, "2e0");
    CHECK_STR(c.logit_bias, "{\"50256\":-100}");
    CHECK_INT(c.n_stops, 2);
    CHECK_STR(c.stops[1], "y");
    CHECK_STR(c.user, "u");
    CHECK(c.is_stream && c.wants_usage);
}

static void what_only_this_api_can_do_is_a_fault_that_names_the_field(void **state)
{
    static const struct {
        const char *body, *param;
    } cases[] = {
        {"{" M "\"prompt\":[\"a\",\"b\"]}", "prompt"},
        {"{" M "\"prompt\":[1,2]}", "prompt"},
        {"{" M "\"prompt\":[[1]]}", "prompt"},
        {"{" M "\"prompt\":[]}", "prompt"},
        {"{" M "\"prompt\":7}", "prompt"},
        {"{" M "\"max_tokens\":7}", "prompt"},
        {"{" M "\"prompt\":\"a\",\"echo\":true}", "echo"},
        {"{" M "\"prompt\":\"a\",\"suffix\":\"b\"}", "suffix"},
        {"{" M "\"prompt\":\"a\",\"best_of\":3}", "best_of"},
        {"{" M "\"prompt\":\"a\",\"logprobs\":0}", "logprobs"},
        {"{" M "\"prompt\":\"a\",\"max_tokens\":-1}", "max_tokens"},
        {"{" M "\"prompt\":\"a\",\"n\":65}", "n"},
        {"{" M "\"prompt\":\"a\",\"temperature\":\"hot\"}", "temperature"},
        {"{" M "\"prompt\":\"a\",\"stop\":[1]}", "stop"},
        {"{" M "\"prompt\":\"a\",\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\","
         "\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}",
         "stop"},
        {"{" M "\"prompt\":\"a\",\"stream_options\":{\"include_usage\":1}}",
         "stream_options.include_usage"},
        {"{" M "\"prompt\":\"a\",\"guided_json\":{}}", "guided_json"},
    };
    struct chat c;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK(!kit_read(&inbound_completions, cases[i].body, &c));
        CHECK(kit_fault.message != NULL);
        CHECK_TEXT(kit_fault.param, cases[i].param);
    }
}

static const struct inbound_answer answer = {
    .id = "req_1", .model = "m", .created = 7, .wants_usage = true};

static void the_answer_has_a_text_a_choice_and_the_usage(void **state)
{
    struct chat_event events[] = {
        KIT_TEXT(CHAT_TEXT, "one "),
        KIT_TEXT(CHAT_THINKING, "never shown"),
        {.kind = CHAT_TEXT, .choice = 1, .text = STR_INIT("other")},
        KIT_TEXT(CHAT_TEXT, "two"),
        {.kind = CHAT_FINISH, .finish = CHAT_FINISH_LENGTH},
        {.kind = CHAT_FINISH, .choice = 1},
        {.kind = CHAT_USAGE, .usage = {.input = 5, .output = 3, .cached = 2}},
        {.kind = CHAT_DONE},
    };

    (void)state;
    kit_link(events, sizeof(events) / sizeof(events[0]));
    CHECK_TEXT(kit_answer(&inbound_completions, &answer, events),
               "{\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":7,\"model\":\"m\","
               "\"choices\":[{\"index\":0,\"text\":\"one two\",\"logprobs\":null,"
               "\"finish_reason\":\"length\"},{\"index\":1,\"text\":\"other\",\"logprobs\":null,"
               "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,"
               "\"completion_tokens\":3,\"total_tokens\":8,"
               "\"prompt_tokens_details\":{\"cached_tokens\":2},"
               "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}");
}

static void a_stream_ends_with_usage_and_its_mark(void **state)
{
    struct chat_event events[] = {
        KIT_TEXT(CHAT_TEXT, "a\nb"),
        {.kind = CHAT_FINISH, .finish = CHAT_FINISH_FILTER},
        {.kind = CHAT_USAGE, .usage = {.input = 1, .output = 1}},
    };
#define HEAD                                                                                       \
    "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":7,\"model\":\"m\","       \
    "\"choices\":["

    (void)state;
    kit_link(events, sizeof(events) / sizeof(events[0]));
    CHECK_TEXT(kit_stream(&inbound_completions, &answer, events),
               HEAD "{\"index\":0,\"text\":\"a\\nb\",\"logprobs\":null,\"finish_reason\":null}]}"
                    "\n\n" HEAD "{\"index\":0,\"text\":\"\",\"logprobs\":null,"
                    "\"finish_reason\":\"content_filter\"}]}\n\n" HEAD
                    "],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2,"
                    "\"prompt_tokens_details\":{\"cached_tokens\":0},"
                    "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\n"
                    "data: [DONE]\n\n");
}

static void usage_is_shown_only_to_who_asked(void **state)
{
    struct inbound_answer quiet = answer;
    struct chat_event events[] = {{.kind = CHAT_USAGE, .usage = {.input = 1}}};

    (void)state;
    quiet.wants_usage = false;
    CHECK_TEXT(kit_stream(&inbound_completions, &quiet, events), "data: [DONE]\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_text_becomes_one_message_of_the_user),
        cmocka_unit_test(every_parameter_is_carried_over),
        cmocka_unit_test(what_only_this_api_can_do_is_a_fault_that_names_the_field),
        cmocka_unit_test(the_answer_has_a_text_a_choice_and_the_usage),
        cmocka_unit_test(a_stream_ends_with_usage_and_its_mark),
        cmocka_unit_test(usage_is_shown_only_to_who_asked),
    };

    return cmocka_run_group_tests(tests, kit_start, kit_end);
}
