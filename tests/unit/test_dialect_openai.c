#include "dialect.h"
#include "inbound.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;

/* ---- requests ---- */

static const char *text_of(const struct dialect_call *call)
{
    static char text[8192];
    size_t len = 0;

    for (size_t i = 0; i < call->n_body; i++) {
        memcpy(text + len, call->body[i].data, call->body[i].len);
        len += call->body[i].len;
    }
    text[len] = '\0';
    return text;
}

/* The request as the provider gets it. */
static const char *forwarded(const char *body, const char *model, const char *messages)
{
    struct chat_request asked;
    struct inbound_fault fault;
    struct dialect_call call = {.path = NULL};

    arena_clear(&arena);
    CHECK_INT(chat_request_parse(&arena, str_from(body), &asked, &fault.message, &fault.param),
              CHAT_REQUEST_OK);
    CHECK(inbound_chat.read_request(&arena, &asked, &fault));
    struct dialect_request r = {.asked = &asked, .model = model, .messages = str_from(messages)};
    CHECK_INT(dialect_openai.forward(&arena, &r, &call), DIALECT_OK);
    CHECK_TEXT(call.path, "/chat/completions");
    return text_of(&call);
}

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void the_same_model_is_forwarded_byte_for_byte(void **state)
{
    const char *body = "{ \"model\" : \"m\", \"x\" :1.50e0,\t" MESSAGES ", \"n\":1 }";

    (void)state;
    CHECK_TEXT(forwarded(body, "m", NULL), body);
}

static void only_declared_edits_change_bytes(void **state)
{
    (void)state;
    CHECK_TEXT(forwarded("{ \"x\":1.50, \"model\" : \"m\"," MESSAGES "}", "gpt \"5\"", NULL),
               "{ \"x\":1.50, \"model\" : \"gpt \\\"5\\\"\"," MESSAGES "}");
    CHECK_TEXT(forwarded("{\"model\":\"m\"," MESSAGES ",\"stream\":true}", "m", NULL),
               "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," MESSAGES
               ",\"stream\":true}");
    CHECK_TEXT(forwarded("{\"model\":\"m\"," MESSAGES
                         ",\"stream\":true,\"stream_options\":{\"include_usage\":false}}",
                         "m", NULL),
               "{\"model\":\"m\"," MESSAGES
               ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    CHECK_TEXT(forwarded("{\"model\":\"m\"," MESSAGES ",\"z\":0}", "n", "[7]"),
               "{\"model\":\"n\",\"messages\":[7],\"z\":0}");
}

static void a_caller_who_asks_for_usage_is_left_alone(void **state)
{
    const char *body = "{\"model\":\"m\"," MESSAGES
                       ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}";

    (void)state;
    CHECK_TEXT(forwarded(body, "m", NULL), body);
}

/* Taken apart and written anew: what a provider of another dialect's caller gets. */
static const char *rewritten(const char *body, enum dialect_result expected,
                             struct dialect_call *call)
{
    const struct json_value *root;
    struct inbound_fault fault;
    struct chat chat;
    size_t offset;

    arena_clear(&arena);
    CHECK_INT(json_parse(&arena, str_from(body), &root, &offset), JSON_OK);
    CHECK(inbound_chat.read_chat(&arena, root, &chat, &fault));
    struct dialect_request r = {.chat = &chat, .model = "m"};
    *call = (struct dialect_call){.path = NULL};
    CHECK_INT(dialect_openai.write(&arena, &r, call), expected);
    return text_of(call);
}

static void a_chat_written_anew_says_the_same(void **state)
{
    static const char *const bodies[] = {
        "{\"model\":\"m\"," MESSAGES "}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"what is it?\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\","
        "\"detail\":\"low\"}}]},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
        "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{\\\"a\\\":1}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"fine\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
        "\"parameters\":{\"type\":\"object\"}}}],\"tool_choice\":\"required\","
        "\"parallel_tool_calls\":false}",
        "{\"model\":\"m\"," MESSAGES
        ",\"max_completion_tokens\":9,\"temperature\":0.70,\"top_p\":1e-1,\"seed\":7,\"n\":2,"
        "\"logprobs\":true,\"top_logprobs\":3,\"stop\":[\"a\",\"b\"],"
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"s\","
        "\"schema\":{\"type\":\"object\"},\"strict\":true}},\"reasoning_effort\":\"low\","
        "\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
    };
    struct dialect_call call;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        CHECK_TEXT(rewritten(bodies[i], DIALECT_OK, &call), bodies[i]);
}

static void what_cannot_be_said_is_named(void **state)
{
    struct dialect_call call;

    (void)state;
    rewritten("{\"model\":\"m\"," MESSAGES ",\"top_k\":40}", DIALECT_CANNOT, &call);
    CHECK_INT(call.cannot, CHAT_FEATURE_TOP_K);
    CHECK_TEXT(inbound_chat.field_of(call.cannot), "top_k");
    rewritten("{\"model\":\"m\"," MESSAGES ",\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}",
              DIALECT_CANNOT, &call);
    CHECK_INT(call.cannot, CHAT_FEATURE_STOP);
}

static void a_field_that_cannot_be_carried_over_is_named(void **state)
{
    static const struct {
        const char *field, *param;
    } cases[] = {
        {"\"web_search_options\":{}", "web_search_options"},
        {"\"functions\":[]", "functions"},
        {"\"temperature\":\"hot\"", "temperature"},
        {"\"reasoning_effort\":\"huge\"", "reasoning_effort"},
        {"\"tools\":[{\"type\":\"custom\"}]", "tools"},
        {"\"modalities\":[\"text\",\"audio\"]", "modalities"},
        {"\"stop\":7", "stop"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct json_value *root;
        struct inbound_fault fault;
        struct chat chat;
        char body[256];
        size_t offset;
        snprintf(body, sizeof(body), "{\"model\":\"m\"," MESSAGES ",%s}", cases[i].field);
        arena_clear(&arena);
        CHECK_INT(json_parse(&arena, str_from(body), &root, &offset), JSON_OK);
        CHECK(!inbound_chat.read_chat(&arena, root, &chat, &fault));
        CHECK_TEXT(fault.param, cases[i].param);
        CHECK(fault.message != NULL);
    }
}

/* ---- answers ---- */

static struct chat_events events;

static bool event(const char *data)
{
    static struct dialect_stream stream;

    arena_clear(&arena);
    chat_event_list_init(&events, &arena);
    return dialect_openai.read_event(&stream, STR("message"), str_from(data), &events);
}

/* The only event of that kind. */
static const struct chat_event *one(enum chat_event_kind kind)
{
    const struct chat_event *found = NULL;

    for (const struct chat_event *e = events.first; e; e = e->next)
        if (e->kind == kind) {
            CHECK(found == NULL);
            found = e;
        }
    CHECK(found != NULL);
    return found;
}

static bool has(enum chat_event_kind kind)
{
    for (const struct chat_event *e = events.first; e; e = e->next)
        if (e->kind == kind)
            return true;
    return false;
}

static void events_say_what_they_hold(void **state)
{
    (void)state;
    CHECK(event("{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                "\"finish_reason\":null}]}"));
    CHECK(one(CHAT_START)->choice == 0 && !has(CHAT_TEXT) && !has(CHAT_FINISH));
    CHECK(event("{\"choices\":[{\"index\":2,\"delta\":{\"content\":\"h\\u00e9\"}}]}"));
    CHECK_STR(one(CHAT_TEXT)->text, "h\xc3\xa9");
    CHECK_INT(one(CHAT_TEXT)->choice, 2);
    CHECK(event("{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"c\","
                "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"\"}}]}}]}"));
    CHECK_STR(one(CHAT_TOOL_CALL)->name, "f");
    CHECK_INT(one(CHAT_TOOL_CALL)->tool, 1);
    CHECK_STR(one(CHAT_ARGUMENTS)->text, "{\"");
    CHECK(event("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}"));
    CHECK_INT(one(CHAT_FINISH)->finish, CHAT_FINISH_LENGTH);
    CHECK(event("[DONE]"));
    CHECK(has(CHAT_DONE));
    CHECK(event("{\"error\":{\"message\":\"x\"}}"));
    CHECK_STR(one(CHAT_ERROR)->text, "x");
}

static void thinking_is_read_as_relatives_spell_it(void **state)
{
    (void)state;
    CHECK(event("{\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}"));
    CHECK_STR(one(CHAT_THINKING)->text, "hm");
    CHECK(event("{\"choices\":[{\"delta\":{\"reasoning\":\"hm\",\"content\":\"\"}}]}"));
    CHECK_STR(one(CHAT_THINKING)->text, "hm");
    CHECK(event("{\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\",\"thinking_blocks\":["
                "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"}]}}]}"));
    CHECK_STR(one(CHAT_THINKING)->text, "hm");
    CHECK_STR(one(CHAT_SIGNATURE)->text, "s");
}

static void a_chunk_without_choices_is_an_event_that_says_nothing(void **state)
{
    (void)state;
    CHECK(event("{\"choices\":[],\"prompt_filter_results\":[{}]}"));
    CHECK(events.first == NULL);
}

static void an_explicit_zero_is_usage_and_null_is_not(void **state)
{
    (void)state;
    CHECK(event("{\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}"));
    CHECK_INT(one(CHAT_USAGE)->usage.input, 0);
    CHECK(event("{\"choices\":[],\"usage\":null}"));
    CHECK(!has(CHAT_USAGE));
    CHECK(event("{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,"
                "\"prompt_tokens_details\":{\"cached_tokens\":3},"
                "\"completion_tokens_details\":{\"reasoning_tokens\":2}}}"));
    const struct chat_usage *u = &one(CHAT_USAGE)->usage;
    CHECK_INT(u->input, 9);
    CHECK_INT(u->output, 4);
    CHECK_INT(u->cached, 3);
    CHECK_INT(u->reasoning, 2);
}

static void garbage_is_no_event(void **state)
{
    (void)state;
    CHECK(!event(""));
    CHECK(!event("<html>"));
    CHECK(!event("{\"choices\":"));
    CHECK(!event("[]"));
    CHECK(!event("{}"));
}

static bool answer(const char *body)
{
    arena_clear(&arena);
    chat_event_list_init(&events, &arena);
    return dialect_openai.read_answer(str_from(body), &events);
}

static void an_answer_needs_choices(void **state)
{
    (void)state;
    CHECK(!answer("{}"));
    CHECK(!answer("<html></html>"));
    CHECK(!answer(""));
    CHECK(answer("{\"choices\":[{\"message\":{\"content\":\"hello there\"},"
                 "\"finish_reason\":\"stop\"}]}"));
    CHECK_STR(one(CHAT_TEXT)->text, "hello there");
    CHECK(!has(CHAT_USAGE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_model_is_forwarded_byte_for_byte),
        cmocka_unit_test(only_declared_edits_change_bytes),
        cmocka_unit_test(a_caller_who_asks_for_usage_is_left_alone),
        cmocka_unit_test(a_chat_written_anew_says_the_same),
        cmocka_unit_test(what_cannot_be_said_is_named),
        cmocka_unit_test(a_field_that_cannot_be_carried_over_is_named),
        cmocka_unit_test(events_say_what_they_hold),
        cmocka_unit_test(thinking_is_read_as_relatives_spell_it),
        cmocka_unit_test(a_chunk_without_choices_is_an_event_that_says_nothing),
        cmocka_unit_test(an_explicit_zero_is_usage_and_null_is_not),
        cmocka_unit_test(garbage_is_no_event),
        cmocka_unit_test(an_answer_needs_choices),
    };
    arena_init(&arena, 1u << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
