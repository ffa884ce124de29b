#include "written_chat.h"

#include <stdio.h>

static const struct written_chat plain = {.dialect = &dialect_ollama, .model = "llama3"};

struct chat_case {
    const char *request, *body;
};

static void check_cases(const struct chat_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_written(&plain, cases[i].request, cases[i].body);
}

static void messages_keep_their_roles_and_their_order(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":\"be "
         "brief\"},{\"role\":\"developer\",\"content\":\"and "
         "kind\"},{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"yes?"
         "\"},{\"role\":\"user\",\"content\":\"Gr\\u00fc\\u00dfe\"}]}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"system\",\"content\":\"be "
         "brief\"},{\"role\":\"system\",\"content\":\"and "
         "kind\"},{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"yes?"
         "\"},{\"role\":\"user\",\"content\":\"Grüße\"}],\"stream\":false,\"truncate\":false,"
         "\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
         "\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\\n\"}]}]}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"a\\n\\nb\\n\"}],"
         "\"stream\":false,\"truncate\":false,\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":\"4\",\"reasoning_content\":\"2+2\"},{\"role\":\"user\","
         "\"content\":\"so?\"}]}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":\"4\",\"thinking\":\"2+2\"},{\"role\":\"user\",\"content\":"
         "\"so?\"}],\"stream\":false,\"truncate\":false,\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"refusal\":\"no\"},{\"role\":\"user\",\"content\":\"why\"}]}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":\"no\"},{\"role\":\"user\",\"content\":\"why\"}],\"stream\":"
         "false,\"truncate\":false,\"shift\":false,\"options\":{}}"},
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void images_are_data_beside_the_text(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"data:image/"
         "png;base64,aGk=\"}},{\"type\":\"text\",\"text\":\"what?\"},{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"data:image/jpeg;base64,aG8=\"}}]}]}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"what?\",\"images\":["
         "\"aGk=\",\"aG8=\"]}],\"stream\":false,\"truncate\":false,\"shift\":false,\"options\":{}"
         "}"},
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void calls_and_their_results_are_told_by_name_and_id(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
         "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\": "
         "1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":"
         "\"\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"two\"},{\"role\":"
         "\"tool\",\"tool_call_id\":\"c1\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},{"
         "\"type\":\"text\",\"text\":\"more\"}]}],\"tools\":[{\"type\":\"function\",\"function\":{"
         "\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\",\"properties\":{"
         "\"x\":{\"type\":\"integer\",\"minimum\": 1}}}}}]}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"c1\",\"function\":{\"index\":0,"
         "\"name\":\"f\",\"arguments\":{\"x\": "
         "1}}},{\"id\":\"c2\",\"function\":{\"index\":1,\"name\":\"g\",\"arguments\":{}}}]},{"
         "\"role\":\"tool\",\"tool_name\":\"g\",\"tool_call_id\":\"c2\",\"content\":\"two\"},{"
         "\"role\":\"tool\",\"tool_name\":\"f\",\"tool_call_id\":\"c1\",\"content\":"
         "\"one\\n\\nmore\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
         "\"description\":\"d\",\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{"
         "\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"stream\":false,\"truncate\":false,\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"tool\","
         "\"tool_call_id\":\"c9\",\"content\":\"?\"}]}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"tool\",\"tool_call_id\":\"c9\",\"content\":\"?\"}],\"stream\":false,\"truncate\":false,"
         "\"shift\":false,\"options\":{}}"},
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void a_model_that_may_call_no_tool_is_shown_none(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"tool_choice\":\"auto\"}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"stream\":false,\"truncate\":false,\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"tool_choice\":\"none\",\"parallel_tool_calls\":false}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"truncate\":false,\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"parallel_tool_calls\":true}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\","
         "\"properties\":{}}}}],\"stream\":false,\"truncate\":false,\"shift\":false,\"options\":{}"
         "}"},
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void sampling_is_among_the_options_as_it_was_spelled(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"temperature\":0."
         "70,\"top_p\":1,\"seed\":-5,\"frequency_penalty\":0.5,\"presence_penalty\":-1e-1,\"max_"
         "completion_tokens\":9,\"stop\":[\"a\",\"b\\n\"]}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"truncate\":false,\"shift\":false,\"options\":{\"num_predict\":9,\"temperature\":"
         "0.70,\"top_p\":1,\"seed\":-5,\"frequency_penalty\":0.5,\"presence_penalty\":-1e-1,"
         "\"stop\":[\"a\",\"b\\n\"]}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"top_k\":40,"
         "\"min_p\":0.05,\"repetition_penalty\":1.1,\"n\":1,\"user\":\"u\"}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"truncate\":false,\"shift\":false,\"options\":{\"top_k\":40,\"min_p\":0.05,"
         "\"repeat_penalty\":1.1}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"logprobs\":true,"
         "\"top_logprobs\":3}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"logprobs\":true,\"top_logprobs\":3,\"truncate\":false,\"shift\":false,"
         "\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":true}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "true,\"truncate\":false,\"shift\":false,\"options\":{}}"},
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void a_format_is_json_or_a_schema(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_"
         "format\":{\"type\":\"json_object\"}}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"format\":\"json\",\"truncate\":false,\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_"
         "format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,"
         "\"schema\":{\"type\": \"object\"}}}}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"format\":{\"type\": "
         "\"object\"},\"truncate\":false,\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_"
         "format\":{\"type\":\"text\"}}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"truncate\":false,\"shift\":false,\"options\":{}}"},
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void a_model_thinks_or_does_not(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"none\"}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"think\":false,\"truncate\":false,\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"high\"}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"think\":true,\"truncate\":false,\"shift\":false,\"options\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"minimal\"}",
         "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":"
         "false,\"think\":true,\"truncate\":false,\"shift\":false,\"options\":{}}"},
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void levels_of_thinking_are_gpt_osss(void **state)
{
    static const struct written_chat gpt_oss = {.dialect = &dialect_ollama, .model = "gpt-oss:20b"};
    static const struct {
        const char *effort, *think;
    } cases[] = {
        {"none", "false"},        {"minimal", "\"low\""}, {"low", "\"low\""},
        {"medium", "\"medium\""}, {"high", "\"high\""},   {"xhigh", "\"high\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char request[256], body[256];
        snprintf(request, sizeof(request),
                 "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                 "\"reasoning_effort\":\"%s\"}",
                 cases[i].effort);
        snprintf(body, sizeof(body),
                 "{\"model\":\"gpt-oss:20b\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                 "\"stream\":false,\"think\":%s,\"truncate\":false,\"shift\":false,\"options\":{}}",
                 cases[i].think);
        check_written(&gpt_oss, request, body);
    }
}

static void the_window_and_how_long_a_model_stays_are_configured(void **state)
{
    static const struct {
        const char *keep_alive, *member;
    } cases[] = {
        {NULL, ""},
        {"30m", "\"keep_alive\":1800,"},
        {"0", "\"keep_alive\":0,"},
        {"forever", "\"keep_alive\":-1,"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct written_chat how = plain;
        char body[256];
        how.keep_alive = cases[i].keep_alive;
        how.context_window = 8192;
        snprintf(
            body, sizeof(body),
            "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
            "\"stream\":false,\"truncate\":false,\"shift\":false,%s\"options\":{\"num_ctx\":8192}}",
            cases[i].member);
        check_written(
            &how, "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", body);
    }
}

static void what_cannot_be_said_is_named(void **state)
{
    static const struct {
        const char *request;
        enum chat_feature feature;
    } cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"n\":2}",
         CHAT_FEATURE_N},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"logit_bias\":{"
         "\"5\":1}}",
         CHAT_FEATURE_LOGIT_BIAS},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"verbosity\":"
         "\"low\"}",
         CHAT_FEATURE_VERBOSITY},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"service_tier\":"
         "\"flex\"}",
         CHAT_FEATURE_SERVICE_TIER},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"tool_choice\":\"required\"}",
         CHAT_FEATURE_TOOL_CHOICE},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}",
         CHAT_FEATURE_TOOL_CHOICE},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"https://example.com/a.png\"}}]}]}",
         CHAT_FEATURE_IMAGE},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\","
         "\"input_audio\":{\"data\":\"aGk=\",\"format\":\"wav\"}}]}]}",
         CHAT_FEATURE_AUDIO},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\","
         "\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"data:application/"
         "pdf;base64,aGk=\"}}]}]}",
         CHAT_FEATURE_FILE},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
         "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\": "
         "1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":"
         "\"\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"data:image/png;base64,aGk=\"}}]}]}",
         CHAT_FEATURE_TOOL_RESULT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        check_cannot(&plain, cases[i].request, cases[i].feature);
}

static void it_goes_to_the_chat_endpoint(void **state)
{
    struct arena a;
    struct dialect_call call;

    (void)state;
    arena_init(&a, 1 << 16);
    CHECK_INT(write_chat(&plain, &a,
                         "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
                         &call),
              DIALECT_OK);
    CHECK_TEXT(call.path, "/api/chat");
    CHECK_INT(call.n_headers, 0);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_keep_their_roles_and_their_order),
        cmocka_unit_test(images_are_data_beside_the_text),
        cmocka_unit_test(calls_and_their_results_are_told_by_name_and_id),
        cmocka_unit_test(a_model_that_may_call_no_tool_is_shown_none),
        cmocka_unit_test(sampling_is_among_the_options_as_it_was_spelled),
        cmocka_unit_test(a_format_is_json_or_a_schema),
        cmocka_unit_test(a_model_thinks_or_does_not),
        cmocka_unit_test(levels_of_thinking_are_gpt_osss),
        cmocka_unit_test(the_window_and_how_long_a_model_stays_are_configured),
        cmocka_unit_test(what_cannot_be_said_is_named),
        cmocka_unit_test(it_goes_to_the_chat_endpoint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
