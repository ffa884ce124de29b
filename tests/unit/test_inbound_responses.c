#include "chat_kit.h"

#include "base/sse.h"

#define M "{\"model\":\"m\","

static const struct inbound *api = &inbound_responses;

/* ---- requests ---- */

static void text_and_instructions_become_messages(void **state)
{
    struct chat c;

    (void)state;
    CHECK(kit_read(api, M "\"instructions\":\"Be short.\",\"input\":\"hi\"}", &c));
    CHECK_TEXT(kit_dump(&c), "system: text(Be short.)\nuser: text(hi)\n");
    CHECK(c.wants_usage);
}

static void items_become_messages_and_one_turn_of_the_model_one_message(void **state)
{
    struct chat c;

    (void)state;
    CHECK(kit_read(
        api,
        M
        "\"input\":[{\"role\":\"developer\",\"content\":\"d\"},"
        "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
        "\"text\":\"look\"},{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AA==\","
        "\"detail\":\"low\"},{\"type\":\"input_image\",\"image_url\":\"https://x/y.png\"},"
        "{\"type\":\"input_file\",\"filename\":\"a.pdf\","
        "\"file_data\":\"data:application/pdf;base64,BB==\"},{\"type\":\"input_audio\","
        "\"input_audio\":{\"data\":\"CC\",\"format\":\"wav\"}}]},"
        "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":\"summary_text\","
        "\"text\":\"think\"}],\"encrypted_content\":\"thinking:SIG\"},"
        "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"redacted:DATA\"},"
        "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"call:CSIG\"},"
        "{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"c1\",\"name\":\"f\","
        "\"arguments\":\"{\\\"a\\\":1}\",\"status\":\"completed\"},"
        "{\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"g\",\"arguments\":\"{}\"},"
        "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"42\"},"
        "{\"type\":\"function_call_output\",\"call_id\":\"c2\",\"output\":[{\"type\":"
        "\"input_text\",\"text\":\"43\"}]},"
        "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"completed\","
        "\"content\":[{\"type\":\"output_text\",\"text\":\"ok\",\"annotations\":[]},"
        "{\"type\":\"refusal\",\"refusal\":\"no\"}]}]}",
        &c));
    CHECK_TEXT(kit_dump(&c),
               "system: text(d)\n"
               "user: text(look) image( type=image/png data=AA== detail=low)"
               " image( url=https://x/y.png) file( type=application/pdf data=BB== detail=a.pdf)"
               " audio( type=audio/wav data=CC)\n"
               "assistant: thinking(think signature=SIG) redacted(DATA)"
               " call( signature=CSIG id=c1 name=f arguments={\"a\":1})"
               " call( id=c2 name=g arguments={})\n"
               "tool: result( id=c1 name=f text(42))\n"
               "tool: result( id=c2 name=g text(43))\n"
               "assistant: text(ok) refusal(no)\n");
}

static void the_proof_of_another_provider_is_left_out_and_its_text_kept(void **state)
{
    struct chat c;

    (void)state;
    CHECK(kit_read(api,
                   M "\"input\":[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
                     "\"text\":\"a\"},{\"type\":\"summary_text\",\"text\":\"b\"}],"
                     "\"encrypted_content\":\"gAAAA\"}]}",
                   &c));
    CHECK_TEXT(kit_dump(&c), "assistant: thinking(a\nb)\n");
}

static void every_parameter_is_carried_over(void **state)
{
    struct chat c;

    (void)state;
    CHECK(kit_read(
        api,
        M
        "\"input\":\"x\",\"stream\":true,\"max_output_tokens\":99,\"temperature\":0.1,"
        "\"top_p\":0.9,\"top_logprobs\":4,\"include\":[\"message.output_text.logprobs\","
        "\"reasoning.encrypted_content\"],\"parallel_tool_calls\":false,"
        "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"description\":\"d\","
        "\"parameters\":{\"type\":\"object\"},\"strict\":true},"
        "{\"type\":\"function\",\"name\":\"g\"}],"
        "\"tool_choice\":{\"type\":\"function\",\"name\":\"g\"},"
        "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{\"x\":1},"
        "\"strict\":true},\"verbosity\":\"low\"},\"reasoning\":{\"effort\":\"high\","
        "\"summary\":\"auto\"},\"metadata\":{\"k\":\"v\"},\"user\":\"u\",\"service_tier\":\"flex\","
        "\"truncation\":\"disabled\",\"store\":true,\"background\":false,"
        "\"previous_response_id\":null,\"prompt_cache_key\":\"k\",\"max_tool_calls\":3}",
        &c));
    CHECK(c.is_stream && c.wants_logprobs);
    CHECK_INT(c.max_tokens, 99);
    CHECK_INT(c.top_logprobs, 4);
    CHECK_STR(c.temperature, "0.1");
    CHECK_STR(c.top_p, "0.9");
    CHECK_INT(c.parallel_tool_calls, CHAT_NO);
    CHECK_STR(c.tools->name, "f");
    CHECK_STR(c.tools->description, "d");
    CHECK_STR(c.tools->schema, "{\"type\":\"object\"}");
    CHECK(c.tools->is_strict && !c.tools->next->is_strict);
    CHECK_INT(c.tool_choice, CHAT_CHOICE_NAMED);
    CHECK_STR(c.tool_choice_name, "g");
    CHECK_INT(c.format, CHAT_FORMAT_SCHEMA);
    CHECK_STR(c.format_name, "n");
    CHECK_STR(c.format_schema, "{\"x\":1}");
    CHECK(c.is_format_strict);
    CHECK_STR(c.verbosity, "low");
    CHECK_STR(c.effort, "high");
    CHECK_STR(c.metadata, "{\"k\":\"v\"}");
    CHECK_STR(c.user, "u");
    CHECK_STR(c.service_tier, "flex");
}

static void what_cannot_be_carried_over_is_a_fault_that_names_the_field(void **state)
{
    static const struct {
        const char *body, *param;
    } cases[] = {
        {M "\"input\":\"x\",\"previous_response_id\":\"resp_1\"}", "previous_response_id"},
        {M "\"input\":\"x\",\"conversation\":\"conv_1\"}", "conversation"},
        {M "\"input\":\"x\",\"background\":true}", "background"},
        {M "\"input\":7}", "input"},
        {M "\"stream\":true}", "input"},
        {M "\"input\":[]}", "input"},
        {M "\"input\":[7]}", "input[0].type"},
        {M "\"input\":[{\"type\":\"item_reference\",\"id\":\"msg_1\"}]}", "input[0].type"},
        {M "\"input\":[{\"type\":\"web_search_call\"}]}", "input[0].type"},
        {M "\"input\":[{\"role\":\"robot\",\"content\":\"x\"}]}", "input[0].role"},
        {M "\"input\":[{\"role\":\"user\",\"content\":7}]}", "input[0].content"},
        {M "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_video\"}]}]}",
         "input[0].content[0].type"},
        {M "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\"}]}]}",
         "input[0].content[0].text"},
        {M "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
           "\"file_id\":\"f\"}]}]}",
         "input[0].content[0].file_id"},
        {M "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}]}",
         "input[0].content[0].image_url"},
        {M "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\"}]}]}",
         "input[0].content[0].file_data"},
        {M "\"input\":[{\"role\":\"user\",\"content\":\"x\",\"mood\":1}]}", "input[0].mood"},
        {M "\"input\":[{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"\"}]}",
         "input[0].call_id"},
        {M "\"input\":[{\"type\":\"function_call_output\",\"output\":\"\"}]}", "input[0].call_id"},
        {M "\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\"}]}", "input[0].output"},
        {M "\"input\":\"x\",\"tools\":[{\"type\":\"web_search\"}]}", "tools[0].type"},
        {M "\"input\":\"x\",\"tools\":[{\"type\":\"function\"}]}", "tools[0].name"},
        {M "\"input\":\"x\",\"tool_choice\":\"maybe\"}", "tool_choice"},
        {M "\"input\":\"x\",\"tool_choice\":{\"type\":\"file_search\"}}", "tool_choice"},
        {M "\"input\":\"x\",\"text\":{\"format\":{\"type\":\"grammar\"}}}", "text.format.type"},
        {M "\"input\":\"x\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\"}}}",
         "text.format.schema"},
        {M "\"input\":\"x\",\"reasoning\":{\"budget\":1}}", "reasoning.budget"},
        {M "\"input\":\"x\",\"truncation\":\"auto\"}", "truncation"},
        {M "\"input\":\"x\",\"prompt\":{\"id\":\"p\"}}", "prompt"},
        {M "\"input\":\"x\",\"max_output_tokens\":1.5}", "max_output_tokens"},
        {M "\"input\":\"x\",\"top_logprobs\":21}", "top_logprobs"},
        {M "\"input\":\"x\",\"context_management\":[{}]}", "context_management"},
    };
    struct chat c;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (kit_read(api, cases[i].body, &c))
            fail_msg("was taken: %s", cases[i].body);
        CHECK(kit_fault.message != NULL);
        CHECK_TEXT(kit_fault.param, cases[i].param);
    }
}

static void too_many_tools_are_a_fault(void **state)
{
    static char body[64 * 200];
    struct chat c;
    size_t len = (size_t)snprintf(body, sizeof(body), M "\"input\":\"x\",\"tools\":[");

    (void)state;
    for (unsigned i = 0; i <= CHAT_MAX_TOOLS; i++)
        len += (size_t)snprintf(body + len, sizeof(body) - len,
                                "%s{\"type\":\"function\",\"name\":\"f%u\"}", i ? "," : "", i);
    snprintf(body + len, sizeof(body) - len, "]}");
    CHECK(!kit_read(api, body, &c));
    CHECK_TEXT(kit_fault.param, "tools");
}

/* ---- answers ---- */

static const struct chat asked = {.n = 1, .thinking_tokens = -1};
static const struct inbound_answer answer = {
    .id = "req_1", .model = "m", .created = 7, .wants_usage = true, .chat = &asked};

static struct chat_event full_answer[] = {
    {.kind = CHAT_START},
    KIT_TEXT(CHAT_THINKING, "Let me "),
    KIT_TEXT(CHAT_THINKING, "see."),
    KIT_TEXT(CHAT_SIGNATURE, "SIG"),
    KIT_TEXT(CHAT_REDACTED, "DATA"),
    KIT_TEXT(CHAT_TEXT, "Hel"),
    KIT_TEXT(CHAT_TEXT, "lo"),
    {.kind = CHAT_TOOL_CALL,
     .tool = 0,
     .id = STR_INIT("c0"),
     .name = STR_INIT("f"),
     .signature = STR_INIT("CSIG")},
    {.kind = CHAT_ARGUMENTS, .tool = 0, .text = STR_INIT("{\"a\"")},
    {.kind = CHAT_TOOL_CALL, .tool = 1, .id = STR_INIT("c1"), .name = STR_INIT("g")},
    {.kind = CHAT_ARGUMENTS, .tool = 1, .text = STR_INIT("{}")},
    {.kind = CHAT_ARGUMENTS, .tool = 0, .text = STR_INIT(":1}")},
    {.kind = CHAT_FINISH, .finish = CHAT_FINISH_TOOL_CALLS},
    {.kind = CHAT_USAGE, .usage = {.input = 9, .output = 5, .cached = 4, .reasoning = 2}},
    {.kind = CHAT_DONE},
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void a_whole_answer_holds_every_item_in_order(void **state)
{
    static const char output[] =
        "\"output\":[{\"id\":\"rs_1_0\",\"type\":\"reasoning\",\"summary\":[{\"type\":"
        "\"summary_text\",\"text\":\"Let me see.\"}],\"encrypted_content\":\"thinking:SIG\"},"
        "{\"id\":\"rs_1_1\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
        "\"redacted:DATA\"},"
        "{\"id\":\"msg_1_2\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"completed\","
        "\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":"
        "\"Hello\"}]},"
        "{\"id\":\"rs_1_3\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
        "\"call:CSIG\"},"
        "{\"id\":\"fc_1_4\",\"type\":\"function_call\",\"call_id\":\"c0\",\"name\":\"f\","
        "\"arguments\":\"{\\\"a\\\":1}\",\"status\":\"completed\"},"
        "{\"id\":\"fc_1_5\",\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"g\","
        "\"arguments\":\"{}\",\"status\":\"completed\"}],"
        "\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4},"
        "\"output_tokens\":5,\"output_tokens_details\":{\"reasoning_tokens\":2},"
        "\"total_tokens\":14}";

    (void)state;
    kit_link(full_answer, N(full_answer));
    const char *text = kit_answer(api, &answer, full_answer);
    CHECK(strstr(text, "{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":7,"
                       "\"status\":\"completed\",\"model\":\"m\",\"error\":null") == text);
    CHECK(strstr(text, output) != NULL);
}

static void an_answer_that_was_cut_says_why(void **state)
{
    static const struct {
        enum chat_finish finish;
        const char *reason;
    } cases[] = {{CHAT_FINISH_LENGTH, "max_output_tokens"}, {CHAT_FINISH_FILTER, "content_filter"}};
    char wanted[128];

    (void)state;
    for (size_t i = 0; i < N(cases); i++) {
        struct chat_event events[] = {KIT_TEXT(CHAT_TEXT, "a"),
                                      {.kind = CHAT_FINISH, .finish = cases[i].finish}};
        kit_link(events, 2);
        snprintf(wanted, sizeof(wanted), "\"incomplete_details\":{\"reason\":\"%s\"}",
                 cases[i].reason);
        const char *text = kit_answer(api, &answer, events);
        CHECK(strstr(text, "\"status\":\"incomplete\"") != NULL);
        CHECK(strstr(text, wanted) != NULL);
        CHECK(strstr(kit_stream(api, &answer, events), "event: response.incomplete\n") != NULL);
    }
}

static void what_was_asked_is_said_again(void **state)
{
    struct chat c;
    struct inbound_answer to = answer;

    (void)state;
    CHECK(kit_read(
        api,
        M "\"input\":\"x\",\"max_output_tokens\":99,\"temperature\":0.10,"
          "\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],\"tool_choice\":\"required\","
          "\"text\":{\"format\":{\"type\":\"json_object\"}},\"metadata\":{\"k\":\"v\"}}",
        &c));
    to.chat = &c;
    const char *text = kit_answer(api, &to, NULL);
    CHECK(strstr(text, "\"metadata\":{\"k\":\"v\"},\"max_output_tokens\":99,\"temperature\":0.10,"
                       "\"top_p\":null") != NULL);
    CHECK(strstr(text,
                 "\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"name\":"
                 "\"f\",\"description\":null,\"parameters\":null,\"strict\":false}]") != NULL);
    CHECK(strstr(text, "\"text\":{\"format\":{\"type\":\"json_object\"}}") != NULL);
    CHECK(strstr(text, "\"output\":[],\"usage\":null") != NULL);
}

static void logprobs_go_with_their_text(void **state)
{
    struct chat_event events[] = {
        KIT_TEXT(CHAT_TEXT, "a"),
        KIT_TEXT(CHAT_LOGPROBS, "{\"content\":[{\"token\":\"a\",\"logprob\":-1}]}"),
        KIT_TEXT(CHAT_TEXT, "b"),
        KIT_TEXT(CHAT_LOGPROBS, "{\"content\":[{\"token\":\"b\",\"logprob\":-2}]}"),
        KIT_TEXT(CHAT_LOGPROBS, "{\"content\":null}"),
    };

    (void)state;
    kit_link(events, N(events));
    CHECK(strstr(kit_answer(api, &answer, events),
                 "\"logprobs\":[{\"token\":\"a\",\"logprob\":-1},{\"token\":\"b\",\"logprob\":-2}],"
                 "\"text\":\"ab\"") != NULL);
}

/* ---- streams, as a client puts them together ---- */

#define MAX_SEEN 64

struct client {
    uint64_t next_sequence;
    unsigned n_items, n_open;
    struct buf text[MAX_SEEN];
    bool is_open[MAX_SEEN];
    char last[64];
    char *output; /* of the last event */
    struct arena arena;
};

static unsigned at_output(const struct json_value *root)
{
    int64_t i = -1;

    assert_true(json_int(json_get(root, "output_index"), &i));
    assert_true(i >= 0 && i < MAX_SEEN);
    return (unsigned)i;
}

static void check_done(struct client *c, const struct json_value *root, const char *key)
{
    struct str text;

    assert_true(json_string(json_get(root, key), &c->arena, &text));
    assert_true(str_equal(text, buf_str(&c->text[at_output(root)])));
}

static bool on_event(void *arg, const struct sse_event *e)
{
    struct client *c = arg;
    const struct json_value *root;
    struct str type, text;
    size_t offset;
    int64_t sequence;

    assert_int_equal(json_parse(&c->arena, (struct str){e->data, e->data_len}, &root, &offset),
                     JSON_OK);
    assert_true(json_string(json_get(root, "type"), &c->arena, &type));
    assert_true(str_is(type, e->name));
    assert_true(json_int(json_get(root, "sequence_number"), &sequence));
    assert_int_equal(sequence, c->next_sequence++);
    snprintf(c->last, sizeof(c->last), "%s", e->name);
    if (str_is(type, "response.output_item.added")) {
        assert_int_equal(at_output(root), c->n_items++);
        c->is_open[at_output(root)] = true;
    } else if (str_is(type, "response.output_item.done")) {
        assert_true(c->is_open[at_output(root)]);
        c->is_open[at_output(root)] = false;
    } else if (json_get(root, "delta")) {
        assert_true(c->is_open[at_output(root)]);
        assert_true(json_string(json_get(root, "delta"), &c->arena, &text));
        assert_int_equal(buf_add_str(&c->text[at_output(root)], text), BUF_OK);
    } else if (str_is(type, "response.function_call_arguments.done")) {
        check_done(c, root, "arguments");
    } else if (str_is(type, "response.output_text.done") ||
               str_is(type, "response.reasoning_summary_text.done")) {
        check_done(c, root, "text");
    } else if (json_at(root, "response.output")) {
        c->output = arena_copy(&c->arena, json_at(root, "response.output")->raw);
    }
    return true;
}

static void read_stream(struct client *c, const char *stream)
{
    struct sse_parser p;

    *c = (struct client){.next_sequence = 0};
    arena_init(&c->arena, 64u << 20);
    for (unsigned i = 0; i < MAX_SEEN; i++)
        buf_init(&c->text[i], 1u << 20);
    sse_init(&p, 1u << 20, on_event, c);
    assert_int_equal(sse_feed(&p, stream, strlen(stream)), SSE_OK);
    sse_done(&p);
    for (unsigned i = 0; i < c->n_items; i++)
        assert_false(c->is_open[i]);
}

static void forget(struct client *c)
{
    for (unsigned i = 0; i < MAX_SEEN; i++)
        buf_done(&c->text[i]);
    arena_done(&c->arena);
}

static void a_stream_names_every_step(void **state)
{
    static const char *const steps[] = {
        "response.created",           "response.in_progress",
        "response.output_item.added", "response.content_part.added",
        "response.output_text.delta", "response.output_text.done",
        "response.content_part.done", "response.output_item.done",
        "response.completed",
    };
    struct chat_event events[] = {KIT_TEXT(CHAT_TEXT, "Hi"), {.kind = CHAT_FINISH}};
    char name[64];

    (void)state;
    kit_link(events, 2);
    const char *at = kit_stream(api, &answer, events);
    for (size_t i = 0; i < N(steps); i++) {
        at = strstr(at, "event: ");
        CHECK(at != NULL && sscanf(at, "event: %63s", name) == 1);
        CHECK_TEXT(name, steps[i]);
        at++;
    }
    CHECK(strstr(at, "event: ") == NULL);
    CHECK(strstr(at, "[DONE]") == NULL);
}

static void a_stream_comes_to_the_same_answer_as_a_whole_one(void **state)
{
    struct client c;

    (void)state;
    kit_link(full_answer, N(full_answer));
    read_stream(&c, kit_stream(api, &answer, full_answer));
    CHECK_TEXT(c.last, "response.completed");
    CHECK_INT(c.n_items, 6);
    CHECK_STR(buf_str(&c.text[4]), "{\"a\":1}");
    CHECK(strstr(kit_answer(api, &answer, full_answer), c.output) != NULL);
    forget(&c);
}

static uint32_t draw(uint64_t *seed, uint32_t n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % n;
}

static void make_random(struct chat_event *events, size_t n, uint64_t *seed)
{
    static const enum chat_event_kind kinds[] = {CHAT_TEXT,      CHAT_THINKING, CHAT_REFUSAL,
                                                 CHAT_SIGNATURE, CHAT_REDACTED, CHAT_TOOL_CALL,
                                                 CHAT_ARGUMENTS, CHAT_USAGE};
    static const struct str texts[] = {STR_INIT("a"), STR_INIT("\"\\\n"), STR_INIT(""),
                                       STR_INIT("h\xc3\xa9"), STR_INIT("data: x\n\n")};
    uint32_t n_tools = 0;

    for (size_t i = 0; i < n; i++) {
        events[i] = (struct chat_event){.kind = kinds[draw(seed, N(kinds))],
                                        .text = texts[draw(seed, N(texts))],
                                        .id = STR("id"),
                                        .name = STR("name")};
        if (events[i].kind == CHAT_TOOL_CALL)
            events[i].tool = n_tools++;
        else if (n_tools > 0)
            events[i].tool = draw(seed, n_tools);
    }
    events[n - 1] = (struct chat_event){.kind = CHAT_FINISH, .finish = draw(seed, 3)};
}

static void a_client_can_follow_whatever_happens(void **state)
{
    struct chat_event events[40];
    uint64_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct client c;
        size_t n = 1 + draw(&seed, N(events));
        make_random(events, n, &seed);
        kit_link(events, n);
        read_stream(&c, kit_stream(api, &answer, events));
        CHECK(strstr(kit_answer(api, &answer, events), c.output) != NULL);
        forget(&c);
    }
}

static void an_answer_of_too_many_items_is_refused_not_cut(void **state)
{
    struct inbound_stream s;
    enum buf_result r = BUF_OK;
    unsigned n = 0;

    (void)state;
    inbound_stream_init(&s, &answer);
    for (; r == BUF_OK && n < 100000; n++) {
        struct chat_event e = KIT_TEXT(CHAT_REDACTED, "x");
        buf_clear(&kit_out);
        r = api->write_event(&s, &e, &kit_out);
    }
    CHECK_INT(r, BUF_FULL);
    CHECK_INT(n, 1025);
    inbound_stream_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_instructions_become_messages),
        cmocka_unit_test(items_become_messages_and_one_turn_of_the_model_one_message),
        cmocka_unit_test(the_proof_of_another_provider_is_left_out_and_its_text_kept),
        cmocka_unit_test(every_parameter_is_carried_over),
        cmocka_unit_test(what_cannot_be_carried_over_is_a_fault_that_names_the_field),
        cmocka_unit_test(too_many_tools_are_a_fault),
        cmocka_unit_test(a_whole_answer_holds_every_item_in_order),
        cmocka_unit_test(an_answer_that_was_cut_says_why),
        cmocka_unit_test(what_was_asked_is_said_again),
        cmocka_unit_test(logprobs_go_with_their_text),
        cmocka_unit_test(a_stream_names_every_step),
        cmocka_unit_test(a_stream_comes_to_the_same_answer_as_a_whole_one),
        cmocka_unit_test(a_client_can_follow_whatever_happens),
        cmocka_unit_test(an_answer_of_too_many_items_is_refused_not_cut),
    };

    return cmocka_run_group_tests(tests, kit_start, kit_end);
}
