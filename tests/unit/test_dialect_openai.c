#include "dialect.h"

#include "check.h"

#include <string.h>

static struct arena arena;

static struct dialect_event event(const char *data)
{
    arena_clear(&arena);
    return dialect_openai.read_event(&arena, str_from(data));
}

/* The request as the provider gets it. */
static const char *written(const char *body, const char *model, const char *messages)
{
    static char text[4096];
    struct chat_request chat;
    struct str pieces[DIALECT_MAX_PIECES];
    const char *message, *param;
    size_t n, len = 0;

    arena_clear(&arena);
    CHECK_INT(chat_request_parse(&arena, str_from(body), &chat, &message, &param), CHAT_REQUEST_OK);
    struct dialect_request r = {&chat, model, str_from(messages)};
    CHECK(dialect_openai.write_request(&arena, &r, pieces, &n));
    for (size_t i = 0; i < n; i++) {
        memcpy(text + len, pieces[i].data, pieces[i].len);
        len += pieces[i].len;
    }
    text[len] = '\0';
    return text;
}

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void the_same_model_is_forwarded_byte_for_byte(void **state)
{
    const char *body = "{ \"model\" : \"m\", \"x\" :1.50e0,\t" MESSAGES ", \"n\":1 }";

    (void)state;
    CHECK_TEXT(written(body, "m", NULL), body);
}

static void only_declared_edits_change_bytes(void **state)
{
    (void)state;
    CHECK_TEXT(written("{ \"x\":1.50, \"model\" : \"m\"," MESSAGES "}", "gpt \"5\"", NULL),
               "{ \"x\":1.50, \"model\" : \"gpt \\\"5\\\"\"," MESSAGES "}");
    CHECK_TEXT(written("{\"model\":\"m\"," MESSAGES ",\"stream\":true}", "m", NULL),
               "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," MESSAGES
               ",\"stream\":true}");
    CHECK_TEXT(written("{\"model\":\"m\"," MESSAGES
                       ",\"stream\":true,\"stream_options\":{\"include_usage\":false}}",
                       "m", NULL),
               "{\"model\":\"m\"," MESSAGES
               ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    CHECK_TEXT(written("{\"model\":\"m\"," MESSAGES ",\"z\":0}", "n", "[7]"),
               "{\"model\":\"n\",\"messages\":[7],\"z\":0}");
}

static void a_caller_who_asks_for_usage_is_left_alone(void **state)
{
    const char *body = "{\"model\":\"m\"," MESSAGES
                       ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}";

    (void)state;
    CHECK_TEXT(written(body, "m", NULL), body);
}

static void events_say_what_they_hold(void **state)
{
    struct dialect_event e;

    (void)state;
    e = event("{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
              "\"finish_reason\":null}]}");
    CHECK(e.is_valid && !e.has_content && e.choices == 1 && e.finished_choices == 0);
    e = event("{\"choices\":[{\"index\":2,\"delta\":{\"content\":\"hello\"}}]}");
    CHECK(e.is_valid && e.has_content && e.choices == 4 && e.content_tokens > 0);
    e = event("{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}");
    CHECK(e.has_content);
    e = event("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
    CHECK(!e.has_content && e.finished_choices == 1);
    e = event("[DONE]");
    CHECK(e.is_valid && e.is_done);
    e = event("{\"error\":{\"message\":\"x\"}}");
    CHECK(e.is_valid && e.is_error);
}

static void an_explicit_zero_is_usage_and_null_is_not(void **state)
{
    struct dialect_event e;

    (void)state;
    e = event("{\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}");
    CHECK(e.is_valid && e.is_usage_only && e.has_usage && e.usage.input == 0);
    e = event("{\"choices\":[],\"usage\":null}");
    CHECK(!e.has_usage && !e.is_usage_only);
    e = event("{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,"
              "\"prompt_tokens_details\":{\"cached_tokens\":3},"
              "\"completion_tokens_details\":{\"reasoning_tokens\":2}}}");
    CHECK_INT(e.usage.input, 9);
    CHECK_INT(e.usage.output, 4);
    CHECK_INT(e.usage.cached, 3);
    CHECK_INT(e.usage.reasoning, 2);
}

static void garbage_is_no_event(void **state)
{
    (void)state;
    CHECK(!event("").is_valid);
    CHECK(!event("<html>").is_valid);
    CHECK(!event("{\"choices\":").is_valid);
    CHECK(!event("[]").is_valid);
    CHECK(!event("{}").is_valid);
}

static void an_answer_needs_choices(void **state)
{
    (void)state;
    arena_clear(&arena);
    CHECK(!dialect_openai.read_answer(&arena, STR("{}")).is_valid);
    CHECK(!dialect_openai.read_answer(&arena, STR("<html></html>")).is_valid);
    CHECK(!dialect_openai.read_answer(&arena, STR("")).is_valid);
    struct dialect_answer a = dialect_openai.read_answer(
        &arena, STR("{\"choices\":[{\"message\":{\"content\":\"hello there\"},"
                    "\"finish_reason\":\"stop\"}]}"));
    CHECK(a.is_valid && a.is_finished && !a.has_usage && a.content_tokens > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_model_is_forwarded_byte_for_byte),
        cmocka_unit_test(only_declared_edits_change_bytes),
        cmocka_unit_test(a_caller_who_asks_for_usage_is_left_alone),
        cmocka_unit_test(events_say_what_they_hold),
        cmocka_unit_test(an_explicit_zero_is_usage_and_null_is_not),
        cmocka_unit_test(garbage_is_no_event),
        cmocka_unit_test(an_answer_needs_choices),
    };
    arena_init(&arena, 1u << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
