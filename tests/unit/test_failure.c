#include "failure.h"

#include "check.h"

/* Error answers as the providers' references and servers spell them; numbers are ours. */
static const struct {
    enum settings_dialect dialect;
    int status;
    enum failure_blame blame;
    const char *body;
} answers[] = {
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW,
     "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens. However, your "
     "messages resulted in 9001 tokens. Please reduce the length of the messages.\","
     "\"type\":\"invalid_request_error\",\"param\":\"messages\","
     "\"code\":\"context_length_exceeded\"}}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW,
     "{\"error\":{\"message\":\"Your input exceeds the context window of this model. Please adjust "
     "your input and try again.\",\"type\":\"invalid_request_error\",\"param\":\"input\","
     "\"code\":null}}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW, /* vLLM, fields at the top */
     "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 tokens. "
     "However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).\","
     "\"type\":\"BadRequestError\",\"param\":null,\"code\":400}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW, /* vLLM */
     "{\"error\":{\"message\":\"The decoder prompt (length 5000) is longer than the maximum model "
     "length of 4096.\",\"type\":\"BadRequestError\",\"code\":400}}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW, /* SGLang */
     "{\"object\":\"error\",\"message\":\"The input (5000 tokens) is longer than the model's "
     "context length (4096 tokens).\",\"type\":\"BadRequestError\",\"code\":400}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW, /* llama-server */
     "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size. try "
     "increasing the context size or enable context shift\","
     "\"type\":\"invalid_request_error\"}}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW, /* llama-server */
     "{\"error\":{\"code\":400,\"message\":\"request (5000 tokens) exceeds the available context "
     "size (4096 tokens), try increasing it\",\"type\":\"exceed_context_size_error\","
     "\"n_prompt_tokens\":5000,\"n_ctx\":4096}}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW, /* xAI */
     "{\"code\":\"Client specified an invalid argument\",\"error\":\"This model's maximum prompt "
     "length is 131072 but the request contains 140000 tokens.\"}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW, /* Mistral */
     "{\"object\":\"error\",\"message\":\"Prompt contains 40000 tokens, too large for model with "
     "32768 maximum context length\",\"type\":\"invalid_request_prompt\",\"code\":\"3051\"}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_WINDOW, /* OpenRouter */
     "{\"error\":{\"message\":\"This endpoint's maximum context length is 131072 tokens. However, "
     "you requested about 140000 tokens.\",\"code\":400}}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_REQUEST, /* Azure */
     "{\"error\":{\"message\":\"The response was filtered due to the prompt triggering Azure "
     "OpenAI's content management policy.\",\"type\":null,\"param\":\"prompt\","
     "\"code\":\"content_filter\",\"status\":400,\"innererror\":"
     "{\"code\":\"ResponsibleAIPolicyViolation\"}}}"},
    {DIALECT_OPENAI, 403, FAILURE_OF_REQUEST, /* OpenRouter */
     "{\"error\":{\"code\":403,\"message\":\"openai/gpt requires moderation on OpenRouter. Your "
     "input was flagged for \\\"violence\\\".\"}}"},
    {DIALECT_OPENAI, 403, FAILURE_OF_PERMISSION, "{\"error\":{\"message\":\"no\"}}"},
    {DIALECT_OPENAI, 400, FAILURE_OF_REQUEST,
     "{\"error\":{\"message\":\"Unsupported value: "
     "'temperature'\",\"code\":\"unsupported_value\"}}"},
    {DIALECT_OPENAI, 401, FAILURE_OF_CREDENTIAL,
     "{\"error\":{\"message\":\"Incorrect API key provided\",\"code\":\"invalid_api_key\"}}"},
    {DIALECT_OPENAI, 402, FAILURE_OF_CREDENTIAL, /* DeepSeek */
     "{\"error\":{\"message\":\"Insufficient Balance\",\"type\":\"unknown_error\","
     "\"code\":\"invalid_request_error\"}}"},
    {DIALECT_OPENAI, 429, FAILURE_OF_CREDENTIAL,
     "{\"error\":{\"message\":\"You exceeded your current quota, please check your plan and "
     "billing details.\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}"},
    {DIALECT_OPENAI, 429, FAILURE_OF_RATE,
     "{\"error\":{\"message\":\"Rate limit reached for gpt on requests per min (RPM)\","
     "\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}"},
    {DIALECT_OPENAI, 500, FAILURE_OF_TARGET,
     "{\"error\":{\"message\":\"The server had an error\"}}"},
    {DIALECT_OPENAI, 503, FAILURE_OF_TARGET, "no JSON at all"},
    {DIALECT_OPENAI, 408, FAILURE_OF_NOBODY, ""},
    {DIALECT_OPENAI, 451, FAILURE_OF_NOBODY, ""},

    {DIALECT_ANTHROPIC, 400, FAILURE_OF_WINDOW,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is "
     "too "
     "long: 210000 tokens > 200000 maximum\"}}"},
    {DIALECT_ANTHROPIC, 400, FAILURE_OF_WINDOW,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"input length "
     "and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or "
     "`max_tokens` and try again\"}}"},
    {DIALECT_ANTHROPIC, 400, FAILURE_OF_CREDENTIAL,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit "
     "balance is too low to access the Anthropic API. Please go to Plans & Billing.\"}}"},
    {DIALECT_ANTHROPIC, 400, FAILURE_OF_REQUEST,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Output "
     "blocked "
     "by content filtering policy\"}}"},
    {DIALECT_ANTHROPIC, 413, FAILURE_OF_REQUEST,
     "{\"type\":\"error\",\"error\":{\"type\":\"request_too_large\",\"message\":\"Request exceeds "
     "the maximum size\"}}"},
    {DIALECT_ANTHROPIC, 529, FAILURE_OF_TARGET,
     "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"},

    {DIALECT_GEMINI, 400, FAILURE_OF_WINDOW,
     "{\"error\":{\"code\":400,\"message\":\"The input token count (1200000) exceeds the maximum "
     "number of tokens allowed (1048576).\",\"status\":\"INVALID_ARGUMENT\"}}"},
    {DIALECT_GEMINI, 400, FAILURE_OF_WINDOW, /* of a stream */
     "[{\"error\":{\"code\":400,\"message\":\"Unable to submit request because the input token "
     "count is 40000 but model only supports up to 32768.\",\"status\":\"INVALID_ARGUMENT\"}}]"},
    {DIALECT_GEMINI, 400, FAILURE_OF_CREDENTIAL,
     "{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass a valid API key.\","
     "\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":"
     "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\"}]}}"},
    {DIALECT_GEMINI, 429, FAILURE_OF_RATE, /* the same words for a minute's limit and a month's */
     "{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota\","
     "\"status\":\"RESOURCE_EXHAUSTED\"}}"},

    {DIALECT_BEDROCK, 400, FAILURE_OF_WINDOW,
     "{\"message\":\"The model returned the following errors: Input is too long for requested "
     "model.\"}"},
    {DIALECT_BEDROCK, 400, FAILURE_OF_WINDOW,
     "{\"message\":\"Input is too long for requested model.\"}"},
    {DIALECT_BEDROCK, 403, FAILURE_OF_CREDENTIAL,
     "{\"message\":\"The security token included in the request is invalid.\"}"},
    {DIALECT_BEDROCK, 403, FAILURE_OF_PERMISSION,
     "{\"message\":\"You don't have access to the model with the specified model ID.\"}"},
    {DIALECT_BEDROCK, 429, FAILURE_OF_RATE, "{\"message\":\"Too many requests\"}"},

    {DIALECT_OLLAMA, 400, FAILURE_OF_WINDOW,
     "{\"error\":\"the input length exceeds the context length\"}"},
    {DIALECT_OLLAMA, 500, FAILURE_OF_WINDOW,
     "{\"error\":\"prompt too long; exceeded max context length by 12 tokens\"}"},
    {DIALECT_OLLAMA, 404, FAILURE_OF_REQUEST, "{\"error\":\"model 'x' not found\"}"},

    /* another dialect's words say nothing */
    {DIALECT_OLLAMA, 400, FAILURE_OF_REQUEST, "{\"error\":{\"code\":\"context_length_exceeded\"}}"},
    /* a caller who makes a provider quote him parks nobody's credential */
    {DIALECT_OPENAI, 400, FAILURE_OF_REQUEST,
     "{\"error\":{\"message\":\"Invalid value: "
     "'insufficient_quota'\",\"code\":\"invalid_value\"}}"},
    {DIALECT_GEMINI, 400, FAILURE_OF_REQUEST,
     "{\"error\":{\"message\":\"Unknown name: API key not valid. API_KEY_INVALID\"}}"},
    {DIALECT_ANTHROPIC, 400, FAILURE_OF_REQUEST,
     "{\"error\":{\"message\":\"tag 'Your credit balance is too low' is unknown\"}}"},
};

static enum outcome_kind kind_of(int status)
{
    if (status == 429)
        return OUTCOME_HTTP_429;
    return status >= 500 ? OUTCOME_HTTP_5XX : OUTCOME_HTTP_4XX;
}

static struct failure read(const struct failure_answer *answer)
{
    struct arena a;

    arena_init(&a, 1 << 20);
    struct failure f = failure_read(answer, &a, 0);
    arena_done(&a);
    return f;
}

static void providers_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct failure_answer answer = {
            .kind = kind_of(answers[i].status),
            .status = answers[i].status,
            .dialect = answers[i].dialect,
            .body = str_from(answers[i].body),
        };
        print_message("%d %s\n", answers[i].status, answers[i].body);
        CHECK_INT(read(&answer).blame, answers[i].blame);
    }
}

static void without_an_answer_the_kind_says_it(void **state)
{
    static const struct {
        enum outcome_kind kind;
        enum failure_blame blame;
    } kinds[] = {
        {OUTCOME_OK, FAILURE_NONE},
        {OUTCOME_CANCELLED, FAILURE_OF_NOBODY},
        {OUTCOME_CONNECT, FAILURE_OF_CONNECTION},
        {OUTCOME_TIMEOUT, FAILURE_OF_TARGET},
        {OUTCOME_INVALID, FAILURE_OF_TARGET},
        {OUTCOME_TRUNCATED, FAILURE_OF_TARGET},
        {OUTCOME_HTTP_5XX, FAILURE_OF_TARGET}, /* an error event in a stream */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct failure_answer answer = {.kind = kinds[i].kind, .status = i % 2 ? 200 : 0};
        CHECK_INT(read(&answer).blame, kinds[i].blame);
    }
}

static void a_rest_is_for_limits_and_overload_only(void **state)
{
    struct failure_answer answer = {
        .kind = OUTCOME_HTTP_429, .status = 429, .headers = {.retry_after = STR("7")}};

    (void)state;
    struct failure f = read(&answer);
    CHECK(f.has_rest && f.rest == 7 * USEC_PER_SEC);
    answer.kind = OUTCOME_HTTP_5XX;
    answer.status = 503;
    CHECK(read(&answer).has_rest);
    answer.kind = OUTCOME_HTTP_4XX;
    answer.status = 400; /* one caller's mistake lets nobody else wait */
    CHECK(!read(&answer).has_rest);
    answer.kind = OUTCOME_TRUNCATED;
    answer.status = 200;
    CHECK(!read(&answer).has_rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(providers_are_understood),
        cmocka_unit_test(without_an_answer_the_kind_says_it),
        cmocka_unit_test(a_rest_is_for_limits_and_overload_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
