#include "dialect.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

/* ---- what is asked ---- */

static const struct embed_input second = {.text = STR_INIT("two\n")};
static const struct embed_input first = {.next = &second, .text = STR_INIT("caf\xc3\xa9")};

static enum dialect_result write_embed(const struct dialect *d, struct arena *a,
                                       const struct embed *e, struct dialect_call *ret)
{
    const struct settings_provider provider = {.keep_alive = "5m"};
    const struct dialect_request wanted = {
        .embed = e, .model = "e1", .provider = &provider, .context_window = 2048};

    *ret = (struct dialect_call){.path = NULL};
    return d->write_embed(a, &wanted, ret);
}

static void check_written(const struct dialect *d, const struct embed *e, const char *path,
                          const char *body)
{
    struct arena a;
    struct dialect_call call;

    arena_init(&a, 1 << 16);
    CHECK_INT(write_embed(d, &a, e, &call), DIALECT_OK);
    CHECK_TEXT(call.path, path);
    CHECK_INT(call.n_body, 1);
    CHECK_TEXT(call.body[0].data, body);
    arena_done(&a);
}

static void each_text_is_a_request_to_gemini(void **state)
{
    const struct embed e = {.inputs = &first, .n_inputs = 2, .dimensions = 256};

    (void)state;
    check_written(
        &dialect_gemini, &e, "/models/e1:batchEmbedContents",
        "{\"requests\":[{\"model\":\"models/e1\",\"content\":{\"parts\":[{\"text\":"
        "\"caf\xc3\xa9\"}]},\"outputDimensionality\":256},{\"model\":\"models/e1\","
        "\"content\":{\"parts\":[{\"text\":\"two\\n\"}]},\"outputDimensionality\":256}]}");
}

static void texts_are_a_list_to_ollama(void **state)
{
    const struct embed e = {.inputs = &first, .n_inputs = 2};

    (void)state;
    check_written(&dialect_ollama, &e, "/api/embed",
                  "{\"model\":\"e1\",\"input\":[\"caf\xc3\xa9\",\"two\\n\"],\"truncate\":false,"
                  "\"keep_alive\":300,\"options\":{\"num_ctx\":2048}}");
}

static void tokens_in_place_of_a_text_cannot_be_said(void **state)
{
    static const struct json_value tokens = {.type = JSON_ARRAY, .raw = STR_INIT("[1]")};
    static const struct embed_input input = {.tokens = &tokens};
    static const struct dialect *const dialects[] = {&dialect_gemini, &dialect_ollama};
    const struct embed e = {.inputs = &input, .n_inputs = 1};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct arena a;
        struct dialect_call call;
        arena_init(&a, 1 << 16);
        CHECK_INT(write_embed(dialects[i], &a, &e, &call), DIALECT_CANNOT);
        CHECK_INT(call.cannot, CHAT_FEATURE_TOKENS);
        arena_done(&a);
    }
}

/* ---- what is answered ---- */

struct answer_case {
    const char *body, *vectors; /* NULL: no answer */
    int64_t usage;              /* -1: none */
};

static void check_answers(const struct dialect *d, const struct answer_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct arena a;
        struct embed_answer answer = {.n_vectors = 0};
        char got[256] = "";
        arena_init(&a, 1 << 16);
        bool is_valid = d->read_embed(&a, str_from(cases[i].body), &answer);
        for (const struct embed_vector *v = answer.first; v; v = v->next)
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s;", STR_ARG(v->values));
        if (is_valid != (cases[i].vectors != NULL) ||
            (is_valid && strcmp(got, cases[i].vectors) != 0))
            fail_msg("%s gives %d %s", cases[i].body, is_valid, got);
        if (is_valid)
            CHECK_INT(answer.has_usage ? answer.usage.input : -1, cases[i].usage);
        arena_done(&a);
    }
}

#define CHECK_ANSWERS(d, cases) check_answers(d, cases, sizeof(cases) / sizeof(*(cases)))

static void vectors_of_gemini_are_read_in_order(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"embeddings\":[{\"values\":[0.1,-2e-3]},{\"values\":[3,4]}]}", "[0.1,-2e-3];[3,4];",
         -1},
        {"{\n \"embeddings\": [\n  {\n   \"values\": [\n    0.5,\n    1\n   ]\n  }\n ],\n "
         "\"usageMetadata\": {\"promptTokenCount\": 7}\n}",
         "[\n    0.5,\n    1\n   ];", 7},
        {"{\"embeddings\":[]}", "", -1},
        {"{\"embeddings\":[{\"values\":\"AAAA\"}]}", NULL, -1},
        {"{\"embeddings\":[{}]}", NULL, -1},
        {"{\"embeddings\":[[1]]}", NULL, -1},
        {"{\"embeddings\":[{\"values\":[1]}", NULL, -1},
        {"{}", NULL, -1},
        {"", NULL, -1},
    };

    (void)state;
    CHECK_ANSWERS(&dialect_gemini, cases);
}

static void vectors_of_ollama_are_read_in_order(void **state)
{
    static const struct answer_case cases[] = {
        {"{\"model\":\"e1\",\"embeddings\":[[0.1,-0.2],[1,2]],\"total_duration\":1,"
         "\"prompt_eval_count\":5}",
         "[0.1,-0.2];[1,2];", 5},
        {"{\"embeddings\":[[1]],\"prompt_eval_count\":\"5\"}", "[1];", -1},
        {"{\"embeddings\":[1]}", NULL, -1},
        {"{\"embedding\":[1]}", NULL, -1},
        {"{\"embeddings\":[[1,]]}", NULL, -1},
        {"{\"embeddings\":[[null]]}", NULL, -1},
    };

    (void)state;
    CHECK_ANSWERS(&dialect_ollama, cases);
}

static void a_vector_is_numbers_and_nothing_else(void **state)
{
    static const char *const vectors[] = {"[1]", "[-1.5e-3, 2 ,\n3]", "[0]"};
    static const char *const others[] = {"[]",       "[,]",   "[1,]",      "[1 2]", "[\"1\"]",
                                         "[1,null]", "[[1]]", "{\"a\":1}", "[+1]",  "[.5]",
                                         "[1.]",     "1",     ""};

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
        CHECK(embed_is_vector(str_from(vectors[i])));
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (embed_is_vector(str_from(others[i])))
            fail_msg("%s", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_is_a_request_to_gemini),
        cmocka_unit_test(texts_are_a_list_to_ollama),
        cmocka_unit_test(tokens_in_place_of_a_text_cannot_be_said),
        cmocka_unit_test(vectors_of_gemini_are_read_in_order),
        cmocka_unit_test(vectors_of_ollama_are_read_in_order),
        cmocka_unit_test(a_vector_is_numbers_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
