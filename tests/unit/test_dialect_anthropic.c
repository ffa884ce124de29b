#include "dialect_anthropic.h"
#include "inbound.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;

/* ---- forwarded ---- */

/* The request as the provider gets it, spaces and all. */
static const char *forwarded(const char *body, const char *model, const char *messages)
{
    static char text[4096];
    struct chat_request asked;
    struct inbound_fault fault;
    struct dialect_call call = {.path = NULL};
    size_t len = 0;

    arena_clear(&arena);
    CHECK_INT(chat_request_parse(&arena, str_from(body), &asked, &fault.message, &fault.param),
              CHAT_REQUEST_OK);
    CHECK(inbound_messages.read_request(&arena, &asked, &fault));
    struct dialect_request r = {.asked = &asked, .model = model, .messages = str_from(messages)};
    CHECK_INT(dialect_anthropic.forward(&arena, &r, &call), DIALECT_OK);
    CHECK_TEXT(call.path, "/messages");
    CHECK_INT(call.n_headers, 1);
    CHECK_STR(call.headers[0].name, "anthropic-version");
    for (size_t i = 0; i < call.n_body; i++) {
        memcpy(text + len, call.body[i].data, call.body[i].len);
        len += call.body[i].len;
    }
    text[len] = '\0';
    return text;
}

#define HEAD     "{ \"max_tokens\" :9 ,\"x\":1.50e0,\"model\":\"m\",\"messages\": "
#define USER     "{ \"role\":\"user\", \"content\":\"hi\" }"
#define ASSIST   "{\"role\": \"assistant\" ,\"content\":"
#define SIGNED   "{\"type\":\"thinking\", \"thinking\":\"hm\",\"signature\":\"c2ln\"}"
#define UNSIGNED "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"}"
#define PROOF    "{\"type\":\"redacted_thinking\",\"data\":\"tool_call_signature:c2ln\"}"
#define REDACTED "{\"type\":\"redacted_thinking\",\"data\":\"c2ln\"}"
#define TEXT     "{\"type\":\"text\", \"text\":\"x\"}"

static void only_declared_edits_change_bytes(void **state)
{
    const char *body = HEAD "[" USER "]}";

    (void)state;
    CHECK_TEXT(forwarded(body, "m", NULL), body);
    CHECK_TEXT(forwarded(body, "n \"2\"", NULL),
               "{ \"max_tokens\" :9 ,\"x\":1.50e0,\"model\":\"n \\\"2\\\"\",\"messages\": [" USER
               "]}");
    CHECK_TEXT(forwarded(body, "m", "[7]"), HEAD "[7]}");
}

static void thinking_that_anthropic_signed_is_left_alone(void **state)
{
    const char *body =
        HEAD "[" USER ", " ASSIST "[" SIGNED " , " REDACTED "," TEXT "]}, " USER "]}";

    (void)state;
    CHECK_TEXT(forwarded(body, "m", NULL), body);
}

static void thinking_that_nobody_signed_goes_no_further(void **state)
{
    (void)state;
    CHECK_TEXT(forwarded(HEAD "[" USER ", " ASSIST "[" UNSIGNED ", " SIGNED "," PROOF " ," TEXT
                              "] }, " ASSIST " [" UNSIGNED "]}, " USER "] ,\"z\":0}",
                         "m", NULL),
               HEAD "[" USER "," ASSIST "[" SIGNED "," TEXT "] }," USER "] ,\"z\":0}");
    CHECK_TEXT(forwarded(HEAD "[" USER "]}", "m", "[" USER "," ASSIST "[" UNSIGNED "," TEXT "]}]"),
               HEAD "[" USER "," ASSIST "[" TEXT "]}]}");
}

/* ---- asked ---- */

static const char *fault_of(const char *body)
{
    static struct inbound_fault fault;
    struct chat_request asked;

    arena_clear(&arena);
    fault = (struct inbound_fault){NULL, NULL};
    CHECK_INT(chat_request_parse(&arena, str_from(body), &asked, &fault.message, &fault.param),
              CHAT_REQUEST_OK);
    return inbound_messages.read_request(&arena, &asked, &fault) ? "none" : fault.param;
}

static void what_the_proxy_decides_by_is_required(void **state)
{
    (void)state;
    CHECK_TEXT(fault_of(HEAD "[" USER "]}"), "none");
    CHECK_TEXT(fault_of("{\"model\":\"m\",\"max_tokens\":0,\"messages\":[" USER "]}"), "none");
    CHECK_TEXT(fault_of("{\"model\":\"m\",\"messages\":[" USER "]}"), "max_tokens");
    CHECK_TEXT(fault_of("{\"model\":\"m\",\"max_tokens\":-1,\"messages\":[" USER "]}"),
               "max_tokens");
    CHECK_TEXT(fault_of("{\"model\":\"m\",\"max_tokens\":9,\"messages\":[]}"), "messages");
    CHECK_TEXT(fault_of("{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{}]}"), "messages");
}

static void each_refusal_has_a_type_of_anthropics(void **state)
{
    static const struct {
        enum refusal refusal;
        const char *type;
    } table[] = {
        {REFUSAL_INVALID_JSON, "invalid_request_error"},
        {REFUSAL_CONTEXT_LENGTH_EXCEEDED, "invalid_request_error"},
        {REFUSAL_INVALID_API_KEY, "authentication_error"},
        {REFUSAL_MODEL_NOT_ALLOWED, "permission_error"},
        {REFUSAL_MODEL_NOT_FOUND, "not_found_error"},
        {REFUSAL_METHOD_NOT_ALLOWED, "invalid_request_error"},
        {REFUSAL_RATE_LIMIT_EXCEEDED, "rate_limit_error"},
        {REFUSAL_UPSTREAM_TRUNCATED, "api_error"},
        {REFUSAL_OVERLOADED, "overloaded_error"},
        {REFUSAL_DEADLINE_EXCEEDED, "timeout_error"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char want[256];
        struct buf out;
        buf_init(&out, 4096);
        CHECK_INT(inbound_messages.write_error(table[i].refusal, "no", "p", "req_1", &out), BUF_OK);
        snprintf(want, sizeof(want),
                 "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"no\"},"
                 "\"request_id\":\"req_1\"}",
                 table[i].type);
        CHECK_TEXT(out.data, want);
        buf_done(&out);
    }
}

/* ---- answered ---- */

static bool read_line(struct dialect_stream *s, const char *data)
{
    struct chat_events events;

    arena_clear(&arena);
    chat_event_list_init(&events, &arena);
    return dialect_anthropic.read_event(s, STR("x"), str_from(data), &events);
}

static void a_peer_cannot_have_more_calls_than_there_is_room_for(void **state)
{
    struct dialect_stream s = {.n_tools = 0};
    char line[160];

    (void)state;
    CHECK(read_line(&s, "{\"type\":\"message_start\",\"message\":{}}"));
    for (unsigned i = 0; i <= CHAT_MAX_TOOLS; i++) {
        snprintf(line, sizeof(line),
                 "{\"type\":\"content_block_start\",\"index\":%u,\"content_block\":"
                 "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}",
                 i);
        CHECK(read_line(&s, line) == (i < CHAT_MAX_TOOLS));
    }
    CHECK(!read_line(&s, "{\"type\":\"content_block_stop\",\"index\":32768}"));
    CHECK(!read_line(&s, "{\"type\":\"content_block_stop\",\"index\":-1}"));
}

/* A call is open and never whole: what waits for it has a ceiling. */
static void calls_that_wait_for_another_are_bounded(void **state)
{
    static char text[64 << 10];
    static const struct inbound_answer answer = {.id = "r", .model = "m"};
    struct inbound_stream s;
    struct buf out;
    unsigned n = 0;

    (void)state;
    memset(text, 'x', sizeof(text));
    buf_init(&out, 1 << 20);
    inbound_stream_init(&s, &answer);
    struct chat_event call = {.kind = CHAT_TOOL_CALL, .name = STR("f")};
    struct chat_event other = {.kind = CHAT_TEXT, .text = {text, sizeof(text)}};
    CHECK_INT(inbound_messages.write_event(&s, &call, &out), BUF_OK);
    while (n < 100 && inbound_messages.write_event(&s, &other, &out) == BUF_OK)
        n++;
    CHECK(n >= 8 && n < 20);
    inbound_stream_done(&s);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_declared_edits_change_bytes),
        cmocka_unit_test(thinking_that_anthropic_signed_is_left_alone),
        cmocka_unit_test(thinking_that_nobody_signed_goes_no_further),
        cmocka_unit_test(what_the_proxy_decides_by_is_required),
        cmocka_unit_test(each_refusal_has_a_type_of_anthropics),
        cmocka_unit_test(a_peer_cannot_have_more_calls_than_there_is_room_for),
        cmocka_unit_test(calls_that_wait_for_another_are_bounded),
    };

    arena_init(&arena, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
