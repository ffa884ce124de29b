#include "inbound.h"

#include "check.h"

static enum chat_request_result parse(const char *body, struct chat_request *ret,
                                      const char **ret_param)
{
    static struct arena a;
    const char *message = NULL;

    arena_done(&a);
    arena_init(&a, 1u << 20);
    *ret_param = NULL;
    enum chat_request_result r = chat_request_parse(&a, str_from(body), ret, &message, ret_param);
    struct inbound_fault fault = {NULL, NULL};
    if (r == CHAT_REQUEST_OK && !inbound_chat.read_request(&a, ret, &fault)) {
        message = fault.message;
        *ret_param = fault.param;
        r = CHAT_REQUEST_INVALID;
    }
    CHECK((r == CHAT_REQUEST_OK) == (message == NULL));
    return r;
}

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void what_is_asked_for_is_read(void **state)
{
    struct chat_request c;
    const char *param;

    (void)state;
    CHECK_INT(parse("{\"model\":\"m\"," MESSAGES ",\"stream\":true,\"max_tokens\":7,"
                    "\"stream_options\":{\"include_usage\":true}}",
                    &c, &param),
              CHAT_REQUEST_OK);
    CHECK_STR(c.model, "m");
    CHECK(c.is_stream);
    CHECK(c.wants_usage);
    CHECK_INT(c.max_tokens, 7);
    CHECK(c.prompt_tokens > 0);
}

static void null_reads_as_absent(void **state)
{
    struct chat_request c;
    const char *param;

    (void)state;
    CHECK_INT(parse("{\"model\":\"m\"," MESSAGES
                    ",\"stream\":null,\"stream_options\":null,\"max_tokens\":null}",
                    &c, &param),
              CHAT_REQUEST_OK);
    CHECK(!c.is_stream);
    CHECK_INT(c.max_tokens, 0);
}

static void a_wrong_field_is_named(void **state)
{
    static const struct {
        const char *body, *param;
    } cases[] = {
        {"{" MESSAGES "}", "model"},
        {"{\"model\":7," MESSAGES "}", "model"},
        {"{\"model\":\"\"," MESSAGES "}", "model"},
        {"{\"model\":\"m\"}", "messages"},
        {"{\"model\":\"m\",\"messages\":[]}", "messages"},
        {"{\"model\":\"m\",\"messages\":{}}", "messages"},
        {"{\"model\":\"m\",\"messages\":[1]}", "messages"},
        {"{\"model\":\"m\",\"messages\":[{\"content\":\"x\"}]}", "messages"},
        {"{\"model\":\"m\"," MESSAGES ",\"stream\":\"yes\"}", "stream"},
        {"{\"model\":\"m\"," MESSAGES ",\"stream_options\":[]}", "stream_options"},
        {"{\"model\":\"m\"," MESSAGES ",\"max_tokens\":-1}", "max_tokens"},
        {"{\"model\":\"m\"," MESSAGES ",\"max_tokens\":0.5}", "max_tokens"},
        {"{\"model\":\"m\"," MESSAGES ",\"max_tokens\":\"5\"}", "max_tokens"},
        {"{\"model\":\"m\"," MESSAGES ",\"max_tokens\":1e400}", "max_tokens"},
        {"{\"model\":\"m\"," MESSAGES ",\"max_tokens\":9223372036854775808}", "max_tokens"},
        {"{\"model\":\"m\"," MESSAGES ",\"max_completion_tokens\":0}", "max_completion_tokens"},
    };
    struct chat_request c;
    const char *param;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_INT(parse(cases[i].body, &c, &param), CHAT_REQUEST_INVALID);
        CHECK_TEXT(param, cases[i].param);
    }
}

static void what_is_no_json_is_told_apart(void **state)
{
    struct chat_request c;
    const char *param;

    (void)state;
    CHECK_INT(parse("{\"model\":\"m\"", &c, &param), CHAT_REQUEST_NOT_JSON);
    CHECK_INT(parse("", &c, &param), CHAT_REQUEST_NOT_JSON);
    CHECK_INT(parse("{\"model\":\"a\",\"model\":\"b\"," MESSAGES "}", &c, &param),
              CHAT_REQUEST_NOT_JSON);
    CHECK_INT(parse("[]", &c, &param), CHAT_REQUEST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_is_read),
        cmocka_unit_test(null_reads_as_absent),
        cmocka_unit_test(a_wrong_field_is_named),
        cmocka_unit_test(what_is_no_json_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
