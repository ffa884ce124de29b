#include "chat_kit.h"
#include "inbound_embeddings.h"

#define M "{\"model\":\"m\","

static bool read(const char *body, struct embed *ret)
{
    struct chat_request request;

    arena_clear(&kit_arena);
    kit_fault = (struct inbound_fault){NULL, NULL};
    if (chat_request_parse(&kit_arena, str_from(body), &request, &kit_fault.message,
                           &kit_fault.param) != CHAT_REQUEST_OK ||
        !inbound_embeddings.read_request(&kit_arena, &request, &kit_fault))
        return false;
    return inbound_embeddings_read(&kit_arena, request.root, ret, &kit_fault);
}

static void texts_and_lists_of_tokens_are_inputs(void **state)
{
    struct embed e;

    (void)state;
    CHECK(read(M "\"input\":\"caf\\u00e9\"}", &e));
    CHECK_INT(e.n_inputs, 1);
    CHECK_STR(e.inputs->text, "caf\xc3\xa9");
    CHECK(!e.wants_base64 && e.dimensions == 0);
    CHECK(read(M "\"input\":[1,2]}", &e));
    CHECK_INT(e.n_inputs, 1);
    CHECK_STR(e.inputs->tokens->raw, "[1,2]");
    CHECK(read(M "\"input\":[\"a\",[7],\"c\"],\"dimensions\":256,\"encoding_format\":\"base64\","
                 "\"user\":\"u\"}",
               &e));
    CHECK_INT(e.n_inputs, 3);
    CHECK_STR(e.inputs->next->tokens->raw, "[7]");
    CHECK_STR(e.inputs->next->next->text, "c");
    CHECK_INT(e.dimensions, 256);
    CHECK(e.wants_base64);
    CHECK_STR(e.user, "u");
}

static void what_is_wrong_is_a_fault_that_names_the_field(void **state)
{
    static const struct {
        const char *body, *param;
    } cases[] = {
        {M "\"x\":1}", "input"},
        {M "\"input\":7}", "input"},
        {M "\"input\":[]}", "input"},
        {M "\"input\":[1.5]}", "input"},
        {M "\"input\":[\"a\",{}]}", "input"},
        {M "\"input\":[[]]}", "input"},
        {M "\"input\":\"a\",\"stream\":true}", "stream"},
        {M "\"input\":\"a\",\"dimensions\":-1}", "dimensions"},
        {M "\"input\":\"a\",\"encoding_format\":\"int8\"}", "encoding_format"},
        {M "\"input\":\"a\",\"truncate\":true}", "truncate"},
    };
    struct embed e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (read(cases[i].body, &e))
            fail_msg("was taken: %s", cases[i].body);
        CHECK_TEXT(kit_fault.param, cases[i].param);
    }
}

static void too_many_inputs_are_a_fault(void **state)
{
    static char body[EMBED_MAX_INPUTS * 4 + 64];
    size_t len = (size_t)snprintf(body, sizeof(body), M "\"input\":[\"\"");
    struct embed e;

    (void)state;
    for (unsigned i = 0; i < EMBED_MAX_INPUTS; i++)
        len += (size_t)snprintf(body + len, sizeof(body) - len, ",\"\"");
    snprintf(body + len, sizeof(body) - len, "]}");
    CHECK(!read(body, &e));
    CHECK_TEXT(kit_fault.param, "input");
}

static const struct inbound_answer to = {.id = "req_1", .model = "m", .created = 7};

static const char *written(bool wants_base64, const char *first, const char *second)
{
    struct embed asked = {.n_inputs = 2, .wants_base64 = wants_base64};
    struct embed_answer vectors = {.usage = {.input = 9}};

    buf_clear(&kit_out);
    CHECK(embed_add_vector(&kit_arena, &vectors, str_from(first)));
    if (second)
        CHECK(embed_add_vector(&kit_arena, &vectors, str_from(second)));
    if (inbound_embeddings_write(&to, &asked, &vectors, &kit_out) != BUF_OK)
        return NULL;
    return kit_out.data;
}

static void vectors_are_written_as_they_were_spelled(void **state)
{
    (void)state;
    CHECK_TEXT(written(false, "[0.10, -1e-3]", "[]"),
               "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,"
               "\"embedding\":[0.10, -1e-3]},{\"object\":\"embedding\",\"index\":1,"
               "\"embedding\":[]}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":9,"
               "\"total_tokens\":9}}");
}

/* Little-endian singles: 1 is 00 00 80 3f, -2 is 00 00 00 c0, 0.5 is 00 00 00 3f. */
static void base64_holds_little_endian_singles(void **state)
{
    (void)state;
    CHECK(strstr(written(true, "[1]", NULL), "\"embedding\":\"AACAPw==\"") != NULL);
    CHECK(strstr(written(true, "[ 1 ,\n-2 ]", NULL), "\"embedding\":\"AACAPwAAAMA=\"") != NULL);
    CHECK(strstr(written(true, "[1,-2,0.5]", NULL), "\"embedding\":\"AACAPwAAAMAAAAA/\"") != NULL);
    CHECK(strstr(written(true, "[]", NULL), "\"embedding\":\"\"") != NULL);
}

static void what_is_no_vector_is_not_written(void **state)
{
    (void)state;
    CHECK(!written(true, "[\"a\"]", NULL));
    CHECK(!written(true, "[1,,2]", NULL));
    CHECK(!written(true, "{}", NULL));
    CHECK(!written(true, "[", NULL));
}

static void usage_is_found_behind_any_number_of_vectors(void **state)
{
    struct chat_events events;

    (void)state;
    arena_clear(&kit_arena);
    chat_event_list_init(&events, &kit_arena);
    CHECK(dialect_embeddings.read_answer(
        STR("{\"object\":\"list\",\"data\":[{\"embedding\":\"AAA\\\"=\"},{\"embedding\":[1]}],"
            "\"model\":\"m\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}"),
        &events));
    CHECK_INT(events.first->kind, CHAT_USAGE);
    CHECK_INT(events.first->usage.input, 8);
    CHECK(!dialect_embeddings.read_answer(STR("{\"data\":[{\"embedding\":[1"), &events));
    CHECK(!dialect_embeddings.read_answer(STR("{\"error\":{}}"), &events));
    CHECK(!dialect_embeddings.read_answer(STR("<html>"), &events));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_lists_of_tokens_are_inputs),
        cmocka_unit_test(what_is_wrong_is_a_fault_that_names_the_field),
        cmocka_unit_test(too_many_inputs_are_a_fault),
        cmocka_unit_test(vectors_are_written_as_they_were_spelled),
        cmocka_unit_test(base64_holds_little_endian_singles),
        cmocka_unit_test(what_is_no_vector_is_not_written),
        cmocka_unit_test(usage_is_found_behind_any_number_of_vectors),
    };

    return cmocka_run_group_tests(tests, kit_start, kit_end);
}
