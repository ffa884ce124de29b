#include "written_chat.h"

#include <stdio.h>

static const struct written_chat second = {.dialect = &dialect_gemini, .model = "gemini-2.5-flash"};
static const struct written_chat third = {.dialect = &dialect_gemini,
                                          .model = "gemini-3-pro-preview"};

struct chat_case {
    const char *request, *body;
};

static void check_cases(const struct written_chat *how, const struct chat_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_written(how, cases[i].request, cases[i].body);
}

static void roles_alternate_and_the_system_prompt_has_its_place(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":\"be "
         "brief\"},{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":"
         "\"yes?\"},{\"role\":\"user\",\"content\":\"Gr\\u00fc\\u00dfe\"}]}",
         "{\"systemInstruction\":{\"parts\":[{\"text\":\"be "
         "brief\"}]},\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":"
         "\"model\",\"parts\":[{\"text\":\"yes?\"}]},{\"role\":\"user\",\"parts\":[{\"text\":"
         "\"Grüße\"}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\","
         "\"content\":[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]},{"
         "\"role\":\"developer\",\"content\":\"z\"},{\"role\":\"user\",\"content\":\"d\"}]}",
         "{\"systemInstruction\":{\"parts\":[{\"text\":\"z\"}]},\"contents\":[{\"role\":\"user\","
         "\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"},{\"text\":\"c\"},{\"text\":\"d\"}]}],"
         "\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
         "\"assistant\",\"content\":\"\"},{\"role\":\"user\",\"content\":\"b\"}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"}]}],"
         "\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
         "\"assistant\",\"refusal\":\"no\"}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]},{\"role\":\"model\","
         "\"parts\":[{\"text\":\"no\"}]}],\"generationConfig\":{}}"},
    };

    (void)state;
    check_cases(&second, cases, sizeof(cases) / sizeof(*cases));
}

static void media_are_data_or_a_place_with_its_type(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
         "\"text\":\"what?\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
         "png;base64,aGk=\",\"detail\":\"low\"}}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"what?\"},{\"inlineData\":{"
         "\"mimeType\":\"image/png\",\"data\":\"aGk=\"}}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"https://example.com/a.JPG?x=1\"}}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"fileData\":{\"mimeType\":\"image/"
         "jpeg\",\"fileUri\":\"https://example.com/a.JPG?x=1\"}}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"https://example.com/a\"}}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"fileData\":{\"fileUri\":\"https://"
         "example.com/a\"}}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\","
         "\"input_audio\":{\"data\":\"aGk=\",\"format\":\"wav\"}},{\"type\":\"file\",\"file\":{"
         "\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,aGk=\"}}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/"
         "wav\",\"data\":\"aGk=\"}},{\"inlineData\":{\"mimeType\":\"application/"
         "pdf\",\"data\":\"aGk=\"}}]}],\"generationConfig\":{}}"},
    };

    (void)state;
    check_cases(&second, cases, sizeof(cases) / sizeof(*cases));
}

static void tools_keep_their_schemas(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": 1}}}}}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
         "\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parametersJsonSchema\":"
         "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"parallel_tool_calls\":true}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
         "\"functionDeclarations\":[{\"name\":\"f\"}]}],\"generationConfig\":{}}"},
    };

    (void)state;
    check_cases(&second, cases, sizeof(cases) / sizeof(*cases));
}

static void a_choice_of_tools_is_a_mode(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"tool_choice\":\"auto\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
         "\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parametersJsonSchema\":"
         "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"AUTO\"}},"
         "\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"tool_choice\":\"none\",\"parallel_tool_calls\":false}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
         "\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parametersJsonSchema\":"
         "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"NONE\"}},"
         "\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"tool_choice\":\"required\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
         "\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parametersJsonSchema\":"
         "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}},"
         "\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
         "\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parametersJsonSchema\":"
         "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
         "\"allowedFunctionNames\":[\"f\"]}},\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,\"description\":\"d\","
         "\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\","
         "\"minimum\": 1}}}}}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
         "\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parametersJsonSchema\":"
         "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"VALIDATED\"}},"
         "\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,\"description\":\"d\","
         "\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\","
         "\"minimum\": 1}}}}}],\"tool_choice\":\"auto\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
         "\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parametersJsonSchema\":"
         "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"VALIDATED\"}},"
         "\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,\"description\":\"d\","
         "\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\","
         "\"minimum\": 1}}}}}],\"tool_choice\":\"required\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
         "\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parametersJsonSchema\":"
         "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\": "
         "1}}}}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}},"
         "\"generationConfig\":{}}"},
    };

    (void)state;
    check_cases(&second, cases, sizeof(cases) / sizeof(*cases));
}

static void results_are_told_by_the_name_of_their_function(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
         "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\": "
         "1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":"
         "\"\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"two\"},{\"role\":"
         "\"tool\",\"tool_call_id\":\"c1\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},{"
         "\"type\":\"text\",\"text\":\"more\"}]},{\"role\":\"user\",\"content\":\"so?\"}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{\"x\": "
         "1}}},{\"functionCall\":{\"id\":\"c2\",\"name\":\"g\",\"args\":{}}}]},{\"role\":\"user\","
         "\"parts\":[{\"functionResponse\":{\"id\":\"c2\",\"name\":\"g\",\"response\":{\"output\":"
         "\"two\"}}},{\"functionResponse\":{\"id\":\"c1\",\"name\":\"f\",\"response\":{\"output\":"
         "\"one\\n\\nmore\"}}},{\"text\":\"so?\"}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
         "\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\","
         "\"content\":\"1\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":"
         "\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
         "\"tool_call_id\":\"c1\",\"content\":\"2\"}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}}}]},{\"role\":"
         "\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"c1\",\"name\":\"f\",\"response\":{"
         "\"output\":\"1\"}}}]},{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"c1\","
         "\"name\":\"g\",\"args\":{}}}]},{\"role\":\"user\",\"parts\":[{\"functionResponse\":{"
         "\"id\":\"c1\",\"name\":\"g\",\"response\":{\"output\":\"2\"}}}]}],\"generationConfig\":{}"
         "}"},
    };

    (void)state;
    check_cases(&second, cases, sizeof(cases) / sizeof(*cases));
}

static void signatures_go_back_where_they_came_from_and_thinking_does_not(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
         "\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_"
         "signature\":\"c2ln+/==\"}}}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}},"
         "\"thoughtSignature\":\"c2ln+/==\"}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":\"4\",\"extra_content\":{\"google\":{\"thought_signature\":"
         "\"c2ln\"}}}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"text\":\"4\",\"thoughtSignature\":\"c2ln\"}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"4\"},{\"type\":\"text\","
         "\"text\":\"!\"}],\"extra_content\":{\"google\":{\"thought_signature\":\"c2ln\"}}}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"text\":\"4\"},{\"text\":\"!\",\"thoughtSignature\":\"c2ln\"}]}],"
         "\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":null,\"extra_content\":{\"google\":{\"thought_signature\":"
         "\"c2ln\"}}}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"Hm\","
         "\"signature\":\"another "
         "model's\"}],\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":"
         "\"f\",\"arguments\":\"{}\"}}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}}}]}],"
         "\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":\"4\",\"reasoning_content\":\"unsigned\",\"thinking_blocks\":[{"
         "\"type\":\"redacted_thinking\",\"data\":\"x\"}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"text\":\"4\"}]}],\"generationConfig\":{}}"},
    };

    (void)state;
    check_cases(&second, cases, sizeof(cases) / sizeof(*cases));
}

static void sampling_keeps_its_spelling(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"temperature\":0."
         "70,\"top_p\":1,\"top_k\":40,\"seed\":-5,\"frequency_penalty\":0.5,\"presence_penalty\":-"
         "1e-1,\"max_completion_tokens\":9,\"stop\":[\"a\",\"b\\n\"],\"n\":2,\"user\":\"u\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"candidateCount\":2,\"maxOutputTokens\":9,\"temperature\":0.70,\"topP\":1,\"topK\":40,"
         "\"seed\":-5,\"frequencyPenalty\":0.5,\"presencePenalty\":-1e-1,\"stopSequences\":[\"a\","
         "\"b\\n\"]}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"logprobs\":true,"
         "\"top_logprobs\":3}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"responseLogprobs\":true,\"logprobs\":3}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"logprobs\":"
         "true}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"responseLogprobs\":true}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"service_tier\":"
         "\"auto\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{}"
         "}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"service_tier\":"
         "\"flex\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"serviceTier\":"
         "\"flex\",\"generationConfig\":{}}"},
    };

    (void)state;
    check_cases(&second, cases, sizeof(cases) / sizeof(*cases));
}

static void a_format_is_json_or_a_schema(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_"
         "format\":{\"type\":\"json_object\"}}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"responseMimeType\":\"application/json\"}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_"
         "format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,"
         "\"schema\":{\"type\": \"object\"}}}}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"responseMimeType\":\"application/json\",\"responseJsonSchema\":{\"type\": "
         "\"object\"}}}"},
    };

    (void)state;
    check_cases(&second, cases, sizeof(cases) / sizeof(*cases));
}

static void the_second_generation_thinks_by_tokens(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"none\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"thinkingConfig\":{\"thinkingBudget\":0,\"includeThoughts\":false}}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"low\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"thinkingConfig\":{\"thinkingBudget\":1024,\"includeThoughts\":true}}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"xhigh\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"thinkingConfig\":{\"thinkingBudget\":24576,\"includeThoughts\":true}}}"},
    };

    (void)state;
    check_cases(&second, cases, sizeof(cases) / sizeof(*cases));
}

static void the_third_generation_thinks_by_levels(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"none\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"thinkingConfig\":{\"thinkingLevel\":\"LOW\",\"includeThoughts\":false}}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"minimal\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"thinkingConfig\":{\"thinkingLevel\":\"LOW\",\"includeThoughts\":true}}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"low\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"thinkingConfig\":{\"thinkingLevel\":\"LOW\",\"includeThoughts\":true}}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"medium\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"thinkingConfig\":{\"thinkingLevel\":\"MEDIUM\",\"includeThoughts\":true}}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"high\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"thinkingConfig\":{\"thinkingLevel\":\"HIGH\",\"includeThoughts\":true}}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning_"
         "effort\":\"xhigh\"}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
         "\"thinkingConfig\":{\"thinkingLevel\":\"HIGH\",\"includeThoughts\":true}}}"},
    };

    (void)state;
    check_cases(&third, cases, sizeof(cases) / sizeof(*cases));
}

static void a_call_that_no_model_of_its_own_signed_is_said_to_be_without_proof(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
         "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\": "
         "1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":"
         "\"\"}}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{\"x\": "
         "1}},\"thoughtSignature\":\"skip_thought_signature_validator\"},{\"functionCall\":{\"id\":"
         "\"c2\",\"name\":\"g\",\"args\":{}}}]}],\"generationConfig\":{}}"},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
         "\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_"
         "signature\":\"c2ln+/==\"}}}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}},"
         "\"thoughtSignature\":\"c2ln+/==\"}]}],\"generationConfig\":{}}"},
    };

    (void)state;
    check_cases(&third, cases, sizeof(cases) / sizeof(*cases));
}

static void a_result_may_hold_an_image(void **state)
{
    static const struct chat_case cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
         "\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_"
         "signature\":\"c2ln+/"
         "==\"}}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":[{\"type\":\"text\","
         "\"text\":\"see\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
         "png;base64,aGk=\"}}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
         "\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}},"
         "\"thoughtSignature\":\"c2ln+/"
         "==\"}]},{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"c1\",\"name\":"
         "\"f\",\"response\":{\"output\":\"see\"},\"parts\":[{\"inlineData\":{\"mimeType\":\"image/"
         "png\",\"data\":\"aGk=\"}}]}}]}],\"generationConfig\":{}}"},
    };

    (void)state;
    check_cases(&third, cases, sizeof(cases) / sizeof(*cases));
}

static void what_cannot_be_said_is_named(void **state)
{
    static const struct {
        const char *request;
        enum chat_feature feature;
    } cases[] = {
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"n\":9}",
         CHAT_FEATURE_N},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"logit_bias\":{"
         "\"5\":1}}",
         CHAT_FEATURE_LOGIT_BIAS},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"min_p\":0.1}",
         CHAT_FEATURE_MIN_P},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"repetition_"
         "penalty\":1.1}",
         CHAT_FEATURE_REPETITION_PENALTY},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"verbosity\":"
         "\"low\"}",
         CHAT_FEATURE_VERBOSITY},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"service_tier\":"
         "\"scale\"}",
         CHAT_FEATURE_SERVICE_TIER},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stop\":[\"1\","
         "\"2\",\"3\",\"4\",\"5\",\"6\"]}",
         CHAT_FEATURE_STOP},
        {"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"tool\","
         "\"tool_call_id\":\"c9\",\"content\":\"?\"}]}",
         CHAT_FEATURE_TOOL_RESULT},
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
        check_cannot(&second, cases[i].request, cases[i].feature);
}

static void a_budget_is_at_most_what_the_model_takes(void **state)
{
    static const struct written_chat pro = {.dialect = &dialect_gemini, .model = "gemini-2.5-pro"};

    (void)state;
    check_written(&pro,
                  "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                  "\"reasoning_effort\":\"xhigh\"}",
                  "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],"
                  "\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":32768,"
                  "\"includeThoughts\":true}}}");
}

static void the_least_thinking_is_less_for_smaller_models(void **state)
{
    static const struct written_chat flash = {.dialect = &dialect_gemini,
                                              .model = "gemini-3-flash"};

    (void)state;
    check_written(&flash,
                  "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                  "\"reasoning_effort\":\"none\"}",
                  "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],"
                  "\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"MINIMAL\","
                  "\"includeThoughts\":false}}}");
}

static void the_model_and_the_method_are_in_the_path(void **state)
{
    static const struct {
        const char *model, *stream, *path;
    } cases[] = {
        {"gemini-3-pro", "false", "/models/gemini-3-pro:generateContent"},
        {"gemini-3-pro", "true", "/models/gemini-3-pro:streamGenerateContent?alt=sse"},
        {"tunedModels/my-own", "false", "/tunedModels/my-own:generateContent"},
        {"a b?c#d%/\xc3\xa9", "false", "/a%20b%3Fc%23d%25/%C3%A9:generateContent"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct written_chat how = {.dialect = &dialect_gemini, .model = cases[i].model};
        struct arena a;
        struct dialect_call call;
        char request[256];
        snprintf(request, sizeof(request),
                 "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                 "\"stream\":%s}",
                 cases[i].stream);
        arena_init(&a, 1 << 16);
        CHECK_INT(write_chat(&how, &a, request, &call), DIALECT_OK);
        CHECK_TEXT(call.path, cases[i].path);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_alternate_and_the_system_prompt_has_its_place),
        cmocka_unit_test(media_are_data_or_a_place_with_its_type),
        cmocka_unit_test(tools_keep_their_schemas),
        cmocka_unit_test(a_choice_of_tools_is_a_mode),
        cmocka_unit_test(results_are_told_by_the_name_of_their_function),
        cmocka_unit_test(signatures_go_back_where_they_came_from_and_thinking_does_not),
        cmocka_unit_test(sampling_keeps_its_spelling),
        cmocka_unit_test(a_format_is_json_or_a_schema),
        cmocka_unit_test(the_second_generation_thinks_by_tokens),
        cmocka_unit_test(the_third_generation_thinks_by_levels),
        cmocka_unit_test(a_call_that_no_model_of_its_own_signed_is_said_to_be_without_proof),
        cmocka_unit_test(a_result_may_hold_an_image),
        cmocka_unit_test(what_cannot_be_said_is_named),
        cmocka_unit_test(a_budget_is_at_most_what_the_model_takes),
        cmocka_unit_test(the_least_thinking_is_less_for_smaller_models),
        cmocka_unit_test(the_model_and_the_method_are_in_the_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
