#include "variant.h"

#include "check.h"
#include "dialect.h"
#include "settings/settings.h"
#include "settings/settings_words.h"

#include <string.h>

static struct arena arena;

static int start(void **state)
{
    (void)state;
    arena_init(&arena, 16u << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void a_host_tells_whose_api_it_is(void **state)
{
    static const struct {
        const char *base_url;
        enum settings_variant variant;
    } cases[] = {
        {"https://api.openai.com/v1", VARIANT_OPENAI},
        {"https://eu.API.openai.com:443/v1", VARIANT_OPENAI},
        {"https://me.openai.azure.com/openai/v1", VARIANT_AZURE},
        {"https://me.services.ai.azure.com/openai", VARIANT_AZURE},
        {"https://api.groq.com/openai/v1", VARIANT_GROQ},
        {"https://api.mistral.ai/v1", VARIANT_MISTRAL},
        {"https://codestral.mistral.ai/v1", VARIANT_MISTRAL},
        {"https://api.deepseek.com", VARIANT_DEEPSEEK},
        {"https://openrouter.ai/api/v1", VARIANT_OPENROUTER},
        {"https://api.x.ai/v1", VARIANT_XAI},
        {"https://api.together.xyz/v1", VARIANT_TOGETHER},
        {"https://notopenrouter.ai/v1", VARIANT_AUTO},
        {"https://api.openai.com.example/v1", VARIANT_AUTO},
        {"http://127.0.0.1:8000/v1", VARIANT_AUTO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct settings_provider p = {.base_url = cases[i].base_url};
        CHECK_INT(relatives_find(&p), cases[i].variant);
        p.dialect = DIALECT_ANTHROPIC;
        CHECK_INT(relatives_find(&p), VARIANT_AUTO);
        p = (struct settings_provider){.base_url = cases[i].base_url, .variant = VARIANT_VLLM};
        CHECK_INT(relatives_find(&p), VARIANT_VLLM);
    }
}

static void every_relative_has_a_word_and_a_row(void **state)
{
    (void)state;
    for (int v = VARIANT_AUTO; v < VARIANTS; v++) {
        struct settings_provider p = {.base_url = "http://localhost", .variant = v};
        CHECK(settings_words_text(settings_words_variant, v) != NULL);
        CHECK(variant_of(&p)->max_tokens && variant_of(&p)->seed);
    }
    CHECK_TEXT(variant_of(NULL)->max_tokens, "max_completion_tokens");
}

static void azure_has_a_path_for_each_deployment_unless_it_is_version_one(void **state)
{
    struct settings_provider old = {.base_url = "https://me.openai.azure.com/openai"};
    struct settings_provider new = {.base_url = "https://me.openai.azure.com/openai/v1"};

    (void)state;
    CHECK_TEXT(variant_path(&arena, &old, "gpt 5/x", "/chat/completions"),
               "/deployments/gpt%205%2Fx/chat/completions?api-version=2024-10-21");
    old.api_version = "2025-04-01-preview";
    CHECK_TEXT(variant_path(&arena, &old, "m", "/embeddings"),
               "/deployments/m/embeddings?api-version=2025-04-01-preview");
    CHECK_TEXT(variant_path(&arena, &new, "m", "/embeddings"), "/embeddings");
    CHECK(!variant_serves(&old, VARIANT_HAS_RESPONSES));
    CHECK(variant_serves(&old, VARIANT_HAS_EMBEDDINGS));
    CHECK(variant_serves(&new, VARIANT_HAS_RESPONSES));
}

static const char *joined(const struct dialect_call *call)
{
    static char text[4096];
    size_t len = 0;

    for (size_t i = 0; i < call->n_body; i++) {
        memcpy(text + len, call->body[i].data, call->body[i].len);
        len += call->body[i].len;
    }
    text[len] = '\0';
    return text;
}

static const char *forwarded(enum settings_variant variant, const char *body)
{
    struct settings_provider p = {.base_url = "http://localhost", .variant = variant};
    struct chat_request asked;
    struct dialect_call call = {.path = NULL};
    const char *message, *param;

    arena_clear(&arena);
    CHECK_INT(chat_request_parse(&arena, str_from(body), &asked, &message, &param),
              CHAT_REQUEST_OK);
    struct dialect_request r = {.asked = &asked, .model = "m", .provider = &p};
    CHECK_INT(dialect_openai.forward(&arena, &r, &call), DIALECT_OK);
    return joined(&call);
}

static void a_forwarded_request_is_edited_no_more_than_the_relative_needs(void **state)
{
    const char *odd = "{ \"model\":\"m\", \"max_completion_tokens\" : 5.0, \"x\":1e0 }";

    (void)state;
    CHECK_TEXT(forwarded(VARIANT_AUTO, odd), odd);
    CHECK_TEXT(forwarded(VARIANT_OPENAI, odd), odd);
    CHECK_TEXT(forwarded(VARIANT_MISTRAL, odd),
               "{ \"model\":\"m\", \"max_tokens\" : 5.0, \"x\":1e0 }");
    CHECK_TEXT(forwarded(VARIANT_MISTRAL, "{\"max_tokens\":1,\"model\":\"m\","
                                          "\"max_completion_tokens\":2,\"stream\":true,"
                                          "\"stream_options\":{\"include_usage\":true}}"),
               "{\"model\":\"m\",\"max_tokens\":2,\"stream\":true}");
    CHECK_TEXT(forwarded(VARIANT_MISTRAL, "{\"model\":\"m\",\"stream\":true}"),
               "{\"model\":\"m\",\"stream\":true}");
    CHECK_TEXT(forwarded(VARIANT_DEEPSEEK, "{\"model\":\"m\",\"stream\":true}"),
               "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\",\"stream\":true}");
}

static enum dialect_result write(enum settings_variant variant, const struct chat *c,
                                 struct dialect_call *ret)
{
    struct settings_provider p = {.base_url = "http://localhost", .variant = variant};
    struct dialect_request r = {.chat = c, .model = "m", .provider = &p};

    *ret = (struct dialect_call){.path = NULL};
    return dialect_openai.write(&arena, &r, ret);
}

static void what_is_written_anew_is_in_the_relatives_words(void **state)
{
    struct chat c = {.n = 1,
                     .thinking_tokens = -1,
                     .is_stream = true,
                     .max_tokens = 7,
                     .seed = STR("3"),
                     .user = STR("u")};
    struct dialect_call call;

    (void)state;
    CHECK_INT(write(VARIANT_OPENAI, &c, &call), DIALECT_OK);
    CHECK_TEXT(joined(&call),
               "{\"model\":\"m\",\"messages\":[],\"max_completion_tokens\":7,\"seed\":3,"
               "\"user\":\"u\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    CHECK_INT(write(VARIANT_MISTRAL, &c, &call), DIALECT_OK);
    CHECK_TEXT(joined(&call), "{\"model\":\"m\",\"messages\":[],\"max_tokens\":7,"
                              "\"random_seed\":3,\"stream\":true}");
    c = (struct chat){.n = 1,
                      .thinking_tokens = -1,
                      .top_k = STR("40"),
                      .min_p = STR("0.1"),
                      .repetition_penalty = STR("1.1")};
    CHECK_INT(write(VARIANT_LLAMA_SERVER, &c, &call), DIALECT_OK);
    CHECK_TEXT(joined(&call), "{\"model\":\"m\",\"messages\":[],\"top_k\":40,\"min_p\":0.1,"
                              "\"repeat_penalty\":1.1}");
}

static void what_a_relative_has_no_words_for_is_named(void **state)
{
    static const struct {
        enum settings_variant variant;
        struct chat chat;
        enum chat_feature feature;
    } cases[] = {
        {VARIANT_OPENAI, {.n = 1, .top_k = STR_INIT("1")}, CHAT_FEATURE_TOP_K},
        {VARIANT_AUTO,
         {.n = 1, .repetition_penalty = STR_INIT("1")},
         CHAT_FEATURE_REPETITION_PENALTY},
        {VARIANT_VLLM, {.n = 1, .verbosity = STR_INIT("low")}, CHAT_FEATURE_VERBOSITY},
        {VARIANT_GROQ, {.n = 2}, CHAT_FEATURE_N},
        {VARIANT_GROQ, {.n = 1, .wants_logprobs = true}, CHAT_FEATURE_LOGPROBS},
        {VARIANT_MISTRAL, {.n = 1, .logit_bias = STR_INIT("{}")}, CHAT_FEATURE_LOGIT_BIAS},
        {VARIANT_MISTRAL, {.n = 1, .service_tier = STR_INIT("flex")}, CHAT_FEATURE_SERVICE_TIER},
        {VARIANT_DEEPSEEK, {.n = 1, .format = CHAT_FORMAT_SCHEMA}, CHAT_FEATURE_FORMAT},
        {VARIANT_DEEPSEEK, {.n = 1, .seed = STR_INIT("1")}, CHAT_FEATURE_SEED},
        {VARIANT_DEEPSEEK,
         {.n = 1, .parallel_tool_calls = CHAT_NO},
         CHAT_FEATURE_PARALLEL_TOOL_CALLS},
    };
    struct dialect_call call;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_INT(write(cases[i].variant, &cases[i].chat, &call), DIALECT_CANNOT);
        CHECK_INT(call.cannot, cases[i].feature);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_tells_whose_api_it_is),
        cmocka_unit_test(every_relative_has_a_word_and_a_row),
        cmocka_unit_test(azure_has_a_path_for_each_deployment_unless_it_is_version_one),
        cmocka_unit_test(a_forwarded_request_is_edited_no_more_than_the_relative_needs),
        cmocka_unit_test(what_is_written_anew_is_in_the_relatives_words),
        cmocka_unit_test(what_a_relative_has_no_words_for_is_named),
    };

    return cmocka_run_group_tests(tests, start, end);
}
