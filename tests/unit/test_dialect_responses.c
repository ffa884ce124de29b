#include "dialect.h"

#include "check.h"
#include "frames.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;
static char text[4096];

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

/* One word an event, with what it carries. */
static const char *dump(const struct chat_events *events)
{
    static const char *const kinds[] = {
        [CHAT_START] = "start",       [CHAT_TEXT] = "text",      [CHAT_REFUSAL] = "refusal",
        [CHAT_THINKING] = "thinking", [CHAT_SIGNATURE] = "sig",  [CHAT_REDACTED] = "redacted",
        [CHAT_TOOL_CALL] = "call",    [CHAT_ARGUMENTS] = "args", [CHAT_LOGPROBS] = "logprobs",
        [CHAT_FINISH] = "finish",     [CHAT_USAGE] = "usage",    [CHAT_ERROR] = "error",
        [CHAT_DONE] = "done",
    };
    size_t len = 0;

    text[0] = '\0';
    for (const struct chat_event *e = events->first; e; e = e->next) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "",
                                kinds[e->kind]);
        if (e->text.len > 0)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "(%.*s)", STR_ARG(e->text));
        if (e->id.len > 0)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "[%.*s %.*s]", STR_ARG(e->id),
                                    STR_ARG(e->name));
        if (e->kind == CHAT_TOOL_CALL || e->kind == CHAT_ARGUMENTS)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "#%u", e->tool);
        if (e->kind == CHAT_FINISH)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "=%d", (int)e->finish);
        if (e->kind == CHAT_USAGE)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "=%d+%d,%d,%d",
                                    (int)e->usage.input, (int)e->usage.output, (int)e->usage.cached,
                                    (int)e->usage.reasoning);
    }
    return text;
}

static struct dialect_stream stream;

static const char *event(const struct dialect *d, const char *data)
{
    struct chat_events events;

    arena_clear(&arena);
    chat_event_list_init(&events, &arena);
    if (!d->read_event(&stream, STR("message"), str_from(data), &events))
        return "invalid";
    return dump(&events);
}

static const char *answer(const struct dialect *d, const char *body)
{
    struct chat_events events;

    arena_clear(&arena);
    chat_event_list_init(&events, &arena);
    if (!d->read_answer(str_from(body), &events))
        return "invalid";
    return dump(&events);
}

#define USAGE                                                                                      \
    "\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4},"                \
    "\"output_tokens\":5,\"output_tokens_details\":{\"reasoning_tokens\":2},\"total_tokens\":14}"

static void every_event_of_a_response_says_what_the_books_need(void **state)
{
    static const struct {
        const char *data, *wanted;
    } cases[] = {
        {"{\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"model\":\"m\"}}",
         "start[r m]"},
        {"{\"type\":\"response.in_progress\",\"response\":{}}", ""},
        {"{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\"}}", ""},
        {"{\"type\":\"response.output_text.delta\",\"delta\":\"a\\u00e9\"}", "text(a\xc3\xa9)"},
        {"{\"type\":\"response.refusal.delta\",\"delta\":\"no\"}", "refusal(no)"},
        {"{\"type\":\"response.reasoning_summary_text.delta\",\"delta\":\"t\"}", "thinking(t)"},
        {"{\"type\":\"response.reasoning_text.delta\",\"delta\":\"t\"}", "thinking(t)"},
        {"{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"function_call\","
         "\"call_id\":\"c\",\"name\":\"f\"}}",
         "call[c f]#0"},
        {"{\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{}\"}", "args({})#0"},
        {"{\"type\":\"response.custom_tool_call_input.delta\",\"delta\":\"x\"}", "args(x)#0"},
        {"{\"type\":\"response.output_text.done\",\"text\":\"a\"}", ""},
        {"{\"type\":\"response.something.new\"}", ""},
        {"{\"type\":\"response.completed\",\"response\":{" USAGE "}}",
         "finish=0 usage=9+5,4,2 done"},
        {"{\"type\":\"response.completed\",\"response\":{\"output\":[{\"type\":\"function_call\"}],"
         "\"usage\":null}}",
         "finish=2 done"},
        {"{\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":"
         "\"max_output_tokens\"}}}",
         "finish=1 done"},
        {"{\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":"
         "\"content_filter\"}}}",
         "finish=3 done"},
        {"{\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"m\"}}}", "error(m)"},
        {"{\"type\":\"error\",\"message\":\"m\",\"code\":\"c\"}", "error(m)"},
        {"{\"error\":{\"message\":\"m\"}}", "error(m)"},
        {"[DONE]", "done"},
        {"{}", "invalid"},
        {"[]", "invalid"},
        {"{\"type\":", "invalid"},
    };

    (void)state;
    stream = (struct dialect_stream){.n_tools = 0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_TEXT(event(&dialect_responses, cases[i].data), cases[i].wanted);
}

static void a_whole_response_is_read_item_by_item(void **state)
{
    (void)state;
    CHECK_TEXT(
        answer(&dialect_responses,
               "{\"id\":\"r\",\"status\":\"completed\",\"model\":\"m\",\"output\":["
               "{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"t\"}]},"
               "{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"},"
               "{\"type\":\"refusal\",\"refusal\":\"n\"}]},{\"type\":\"web_search_call\"},"
               "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}]"
               "," USAGE "}"),
        "start[r m] thinking(t) text(a) refusal(n) call[c f]#0 args({})#0 finish=2 usage=9+5,4,2 "
        "done");
    CHECK_TEXT(answer(&dialect_responses, "{\"status\":\"incomplete\",\"output\":[],"
                                          "\"incomplete_details\":{\"reason\":"
                                          "\"max_output_tokens\"}}"),
               "start finish=1 done");
}

static void what_is_no_finished_response_is_no_answer(void **state)
{
    static const char *const bodies[] = {
        "{\"status\":\"failed\",\"output\":[],\"error\":{\"message\":\"m\"}}",
        "{\"status\":\"queued\",\"output\":[]}",
        "{\"status\":\"completed\"}",
        "{\"choices\":[]}",
        "[]",
        "",
        "<html>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        CHECK_TEXT(answer(&dialect_responses, bodies[i]), "invalid");
}

static void completions_are_read_choice_by_choice(void **state)
{
    const struct dialect *d = &dialect_completions;

    (void)state;
    CHECK_TEXT(event(d, "{\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":null}]}"),
               "start text(a)");
    CHECK_TEXT(event(d, "{\"choices\":[{\"index\":1,\"text\":\"\",\"finish_reason\":\"length\"}]}"),
               "start finish=1");
    CHECK_TEXT(event(d, "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}"),
               "usage=3+2,0,0");
    CHECK_TEXT(event(d, "{\"error\":{\"message\":\"m\"}}"), "error(m)");
    CHECK_TEXT(event(d, "[DONE]"), "done");
    CHECK_TEXT(event(d, "{\"object\":\"x\"}"), "invalid");
    CHECK_TEXT(answer(d, "{\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":\"stop\"}],"
                         "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}"),
               "start text(a) finish=0 usage=3+2,0,0 done");
    CHECK_TEXT(answer(d, "{\"choices\":[]}"), "invalid");
    CHECK_TEXT(answer(d, "{\"id\":1}"), "invalid");
}

/* Only the model's name changes; usage is asked for in streams of completions alone. */
static void bodies_are_forwarded_but_for_declared_edits(void **state)
{
    static const struct {
        const struct dialect *dialect;
        const char *body, *path, *wanted;
        bool wants_usage;
    } cases[] = {
        {&dialect_responses, "{ \"model\":\"m\", \"stream\":true,\"x\":1.0}", "/responses",
         "{ \"model\":\"n\", \"stream\":true,\"x\":1.0}", true},
        {&dialect_completions, "{\"stream\":true,\"model\":\"m\"}", "/completions",
         "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":\"n\"}", false},
        {&dialect_embeddings, "{\"input\":[1, 2],\"model\" : \"m\"}", "/embeddings",
         "{\"input\":[1, 2],\"model\" : \"n\"}", false},
    };
    const char *message, *param;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct chat_request asked;
        struct dialect_call call = {.path = NULL};
        static const struct settings_provider provider = {.base_url = "http://localhost/v1"};
        size_t len = 0;
        arena_clear(&arena);
        CHECK_INT(chat_request_parse(&arena, str_from(cases[i].body), &asked, &message, &param),
                  CHAT_REQUEST_OK);
        asked.wants_usage = cases[i].wants_usage;
        struct dialect_request r = {.asked = &asked, .model = "n", .provider = &provider};
        CHECK_INT(cases[i].dialect->forward(&arena, &r, &call), DIALECT_OK);
        CHECK_TEXT(call.path, cases[i].path);
        for (size_t p = 0; p < call.n_body; p++) {
            memcpy(text + len, call.body[p].data, call.body[p].len);
            len += call.body[p].len;
        }
        text[len] = '\0';
        CHECK_TEXT(text, cases[i].wanted);
    }
}

/* ---- a recorded stream, cut anywhere ---- */

static const char recorded[] =
    "event: response.created\r\ndata: {\"type\":\"response.created\",\"sequence_number\":0,"
    "\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"in_progress\","
    "\"model\":\"gpt-5\",\"output\":[]}}\r\n\r\n"
    ": keep-alive\n\n"
    "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\","
    "\"output_index\":0,\"item\":{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[]}}\n\n"
    "event: response.reasoning_summary_text.delta\ndata: {\"type\":"
    "\"response.reasoning_summary_text.delta\",\"delta\":\"Hm\\u2026\"}\n\n"
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
    "\"delta\":\"caf\xc3\xa9 \\ud83d\\ude00\",\"logprobs\":[]}\n\n"
    "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\","
    "\"item\":{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\"}}\n\n"
    "event: response.function_call_arguments.delta\ndata: {\"type\":"
    "\"response.function_call_arguments.delta\",\"delta\":\"{\\\"a\\\"\"}\n\n"
    "event: response.function_call_arguments.delta\ndata: {\"type\":"
    "\"response.function_call_arguments.delta\",\"delta\":\":1}\"}\n\n"
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{"
    "\"output\":[{\"type\":\"function_call\"}]," USAGE "}}\n\n";

struct replay {
    struct dialect_stream stream;
    char seen[1024];
    size_t len;
};

static bool on_frame(void *arg, struct str name, struct str data)
{
    struct replay *r = arg;
    struct chat_events events;

    arena_clear(&arena);
    chat_event_list_init(&events, &arena);
    CHECK(dialect_responses.read_event(&r->stream, name, data, &events));
    r->len += (size_t)snprintf(r->seen + r->len, sizeof(r->seen) - r->len, "%s|", dump(&events));
    return true;
}

/* Pieces of 1 to `longest` bytes. */
static void replay(struct replay *r, size_t longest, uint64_t *seed)
{
    struct frames f;

    *r = (struct replay){.len = 0};
    frames_init(&f, &dialect_responses, on_frame, r);
    for (size_t at = 0; at < sizeof(recorded) - 1;) {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t n = 1 + (*seed >> 33) % longest, left = sizeof(recorded) - 1 - at;
        n = n < left ? n : left;
        CHECK_INT(frames_feed(&f, (struct str){recorded + at, n}), FRAMES_OK);
        at += n;
    }
    frames_done(&f);
}

static void a_stream_cut_anywhere_says_the_same(void **state)
{
    struct replay whole, cut;
    uint64_t seed = 7;

    (void)state;
    replay(&whole, sizeof(recorded), &seed);
    CHECK_TEXT(whole.seen, "start[resp_1 gpt-5]||thinking(Hm\xe2\x80\xa6)|"
                           "text(caf\xc3\xa9 \xf0\x9f\x98\x80)|call[c1 f]#0|args({\"a\")#0|"
                           "args(:1})#0|finish=2 usage=9+5,4,2 done|");
    for (unsigned i = 0; i < 10000; i++) {
        replay(&cut, 1 + i % 97, &seed);
        CHECK_TEXT(cut.seen, whole.seen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_of_a_response_says_what_the_books_need),
        cmocka_unit_test(a_whole_response_is_read_item_by_item),
        cmocka_unit_test(what_is_no_finished_response_is_no_answer),
        cmocka_unit_test(completions_are_read_choice_by_choice),
        cmocka_unit_test(bodies_are_forwarded_but_for_declared_edits),
        cmocka_unit_test(a_stream_cut_anywhere_says_the_same),
    };

    return cmocka_run_group_tests(tests, start, end);
}
