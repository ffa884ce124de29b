#include "dialect.h"
#include "inbound.h"

#include "check.h"

#include <string.h>

static struct arena arena;
static struct chat_events events;

static struct chat_event *add(enum chat_event_kind kind, const char *text)
{
    return chat_event_add_text(&events, kind, str_from(text));
}

static void begin(void)
{
    arena_clear(&arena);
    chat_event_list_init(&events, &arena);
}

static struct chat_event *add_call(uint32_t tool, const char *id, const char *name)
{
    struct chat_event *e = add(CHAT_TOOL_CALL, "");

    e->tool = tool;
    e->id = str_from(id);
    e->name = str_from(name);
    return e;
}

static void add_arguments(uint32_t tool, const char *text)
{
    add(CHAT_ARGUMENTS, text)->tool = tool;
}

static const struct inbound_answer answer = {
    .id = "req_1", .model = "m", .created = 7, .wants_usage = true};

static const char *whole(void)
{
    static struct buf out;

    buf_done(&out);
    buf_init(&out, 1u << 16);
    CHECK_INT(inbound_chat.write_answer(&answer, events.first, &arena, &out), BUF_OK);
    return out.data;
}

static const char *streamed(bool wants_usage)
{
    static struct buf out;
    struct inbound_answer a = answer;
    struct inbound_stream s;

    a.wants_usage = wants_usage;
    inbound_stream_init(&s, &a);
    buf_done(&out);
    buf_init(&out, 1u << 16);
    for (const struct chat_event *e = events.first; e; e = e->next)
        CHECK_INT(inbound_chat.write_event(&s, e, &out), BUF_OK);
    CHECK_INT(inbound_chat.write_end(&s, true, &out), BUF_OK);
    inbound_stream_done(&s);
    return out.data;
}

static void add_usage(void)
{
    chat_event_add(&events, CHAT_USAGE)->usage =
        (struct chat_usage){.input = 9, .output = 4, .cached = 3, .reasoning = 2};
}

#define HEAD                                                                                       \
    "{\"id\":\"chatcmpl-req_1\",\"object\":\"chat.completion\",\"created\":7,\"model\":\"m\","
#define USAGE                                                                                      \
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13,"                  \
    "\"prompt_tokens_details\":{\"cached_tokens\":3},"                                             \
    "\"completion_tokens_details\":{\"reasoning_tokens\":2}}"

static void pieces_of_text_are_one_message(void **state)
{
    (void)state;
    begin();
    add(CHAT_TEXT, "Hel");
    add(CHAT_TEXT, "lo \"you\"");
    add(CHAT_FINISH, "")->finish = CHAT_FINISH_LENGTH;
    add_usage();
    add(CHAT_DONE, "");
    CHECK_TEXT(whole(), HEAD "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                             "\"content\":\"Hello \\\"you\\\"\",\"refusal\":null},"
                             "\"logprobs\":null,\"finish_reason\":\"length\"}]," USAGE "}");
}

static void calls_side_by_side_keep_their_arguments_apart(void **state)
{
    (void)state;
    begin();
    add_call(0, "c0", "f");
    add_call(1, "c1", "g")->signature = STR("sig");
    add_arguments(1, "{\"b\":");
    add_arguments(0, "{\"a\":1}");
    add_arguments(1, "2}");
    add(CHAT_FINISH, "")->finish = CHAT_FINISH_TOOL_CALLS;
    CHECK_TEXT(whole(), HEAD "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                             "\"content\":null,\"refusal\":null,\"tool_calls\":["
                             "{\"id\":\"c0\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                             "\"arguments\":\"{\\\"a\\\":1}\"}},"
                             "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"g\","
                             "\"arguments\":\"{\\\"b\\\":2}\"},"
                             "\"extra_content\":{\"google\":{\"thought_signature\":\"sig\"}}}]},"
                             "\"logprobs\":null,\"finish_reason\":\"tool_calls\"}]}");
}

static void thinking_keeps_its_signatures(void **state)
{
    (void)state;
    begin();
    add(CHAT_THINKING, "one ");
    add(CHAT_THINKING, "step");
    add(CHAT_SIGNATURE, "s1");
    add(CHAT_REDACTED, "opaque");
    add(CHAT_THINKING, "two");
    add(CHAT_SIGNATURE, "s2");
    add(CHAT_TEXT, "so");
    add(CHAT_FINISH, "");
    CHECK(strstr(whole(), "\"reasoning_content\":\"one steptwo\",\"thinking_blocks\":["
                          "{\"type\":\"thinking\",\"thinking\":\"one step\",\"signature\":\"s1\"},"
                          "{\"type\":\"redacted_thinking\",\"data\":\"opaque\"},"
                          "{\"type\":\"thinking\",\"thinking\":\"two\",\"signature\":\"s2\"}]"));
}

#define CHUNK                                                                                      \
    "data: {\"id\":\"chatcmpl-req_1\",\"object\":\"chat.completion.chunk\",\"created\":7,"         \
    "\"model\":\"m\",\"choices\":["

static void a_stream_has_one_role_and_one_end(void **state)
{
    (void)state;
    begin();
    add(CHAT_TEXT, "a");
    add(CHAT_TEXT, "b");
    add(CHAT_FINISH, "")->finish = CHAT_FINISH_STOP;
    CHECK_TEXT(streamed(false), CHUNK
               "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"},"
               "\"finish_reason\":null}]}\n\n" CHUNK
               "{\"index\":0,\"delta\":{\"content\":\"b\"},\"finish_reason\":null}]}\n\n" CHUNK
               "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
               "data: [DONE]\n\n");
}

static void usage_comes_last_and_only_to_who_asked(void **state)
{
    (void)state;
    begin();
    add_usage();
    add(CHAT_TEXT, "a");
    add(CHAT_FINISH, "")->finish = CHAT_FINISH_STOP;
    const char *text = streamed(true);
    CHECK(strstr(text, "\"finish_reason\":\"stop\"}]}\n\n" CHUNK "]," USAGE "}\n\ndata: [DONE]"));
    CHECK(!strstr(streamed(false), "usage"));
}

/* Written by one and read by the other, whole or as a stream: the same events. */
static void what_is_written_reads_back_the_same(void **state)
{
    struct dialect_stream stream = {.n_tools = 0};
    struct chat_events back;
    static struct arena a;
    char text[4096];
    size_t n = 0;

    (void)state;
    begin();
    add(CHAT_THINKING, "hm");
    add(CHAT_SIGNATURE, "s");
    add(CHAT_TEXT, "z\xc3\xbcrich\n\t\x01");
    add_call(0, "c0", "f");
    add_arguments(0, "{\"a\"");
    add_arguments(0, ":1}");
    add(CHAT_REFUSAL, "no");
    add(CHAT_FINISH, "")->finish = CHAT_FINISH_TOOL_CALLS;
    CHECK(strlen(streamed(true)) < sizeof(text));
    strcpy(text, streamed(true));

    arena_init(&a, 1u << 20);
    chat_event_list_init(&back, &a);
    for (char *at = text; (at = strstr(at, "data: ")); n++) {
        char *end = strstr(at, "\n\n");
        *end = '\0';
        CHECK(dialect_openai.read_event(&stream, STR("message"), str_from(at + 6), &back));
        at = end + 1;
    }
    const struct chat_event *b = back.first;
    for (const struct chat_event *e = events.first; e; e = e->next, b = b->next) {
        while (b && (b->kind == CHAT_START || b->kind == CHAT_USAGE))
            b = b->next;
        CHECK(b && b->kind == e->kind && str_equal(b->text, e->text) && b->tool == e->tool);
        CHECK(str_equal(b->id, e->id) && str_equal(b->name, e->name) && b->finish == e->finish);
    }
    CHECK(b && b->kind == CHAT_DONE && !b->next);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_text_are_one_message),
        cmocka_unit_test(calls_side_by_side_keep_their_arguments_apart),
        cmocka_unit_test(thinking_keeps_its_signatures),
        cmocka_unit_test(a_stream_has_one_role_and_one_end),
        cmocka_unit_test(usage_comes_last_and_only_to_who_asked),
        cmocka_unit_test(what_is_written_reads_back_the_same),
    };
    arena_init(&arena, 1u << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
