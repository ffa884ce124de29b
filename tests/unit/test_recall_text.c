/* The tool that gives back what was left out: how it is offered, called, answered and hidden. */
#include "recall_text.h"

#include "check.h"

#include <string.h>

#define OURS "retrieve_omitted"

struct scene {
    struct arena arena;
    const struct json_value *json;
};

static void open_scene(struct scene *s, const char *text)
{
    size_t at;

    arena_init(&s->arena, 1 << 20);
    CHECK_INT(json_parse(&s->arena, str_from(text), &s->json, &at), JSON_OK);
}

static void close_scene(struct scene *s)
{
    arena_done(&s->arena);
}

static bool has(struct str text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static void it_is_added_to_the_tools_and_the_rest_stays_as_it_is_spelled(void **state)
{
    struct scene s;
    struct str out;

    (void)state;
    open_scene(&s, "{ \"n\" : 1, \"messages\":[1], \"tools\" : [ {\"a\":1.50} ] , \"x\":null }");
    out = recall_text_offer(&s.arena, RECALL_TEXT_CHAT, s.json, STR("[2]"));
    CHECK(has(out,
              "{ \"n\" : 1, \"messages\":[2], \"tools\" : [ {\"a\":1.50} ,{\"type\":\"function"));
    CHECK(has(out, "}}] , \"x\":null }"));
    close_scene(&s);
    open_scene(&s, "{\"messages\":[1],\"tool_choice\":{\"type\":\"auto\"}}");
    out = recall_text_offer(&s.arena, RECALL_TEXT_MESSAGES, s.json, STR("[2]"));
    CHECK(has(out, "\"tools\":[{\"name\":\"" OURS "\"") && has(out, "input_schema"));
    close_scene(&s);
}

static void it_is_not_offered_against_the_caller_s_word(void **state)
{
    static const struct {
        enum recall_text_api api;
        const char *request;
    } cases[] = {
        {RECALL_TEXT_CHAT, "{\"messages\":[],\"tool_choice\":\"none\"}"},
        {RECALL_TEXT_CHAT, "{\"messages\":[],\"tool_choice\":\"required\"}"},
        {RECALL_TEXT_CHAT, "{\"messages\":[],\"tool_choice\":{\"type\":\"function\"}}"},
        {RECALL_TEXT_CHAT, "{\"messages\":[],\"n\":2}"},
        {RECALL_TEXT_CHAT, "{\"messages\":[],\"tools\":[{\"function\":{\"name\":\"" OURS "\"}}]}"},
        {RECALL_TEXT_MESSAGES, "{\"messages\":[],\"tool_choice\":{\"type\":\"any\"}}"},
        {RECALL_TEXT_MESSAGES, "{\"messages\":[],\"tools\":[{\"name\":\"" OURS "\"}]}"},
        {RECALL_TEXT_RESPONSES, "{\"input\":[],\"tool_choice\":\"required\"}"},
        {RECALL_TEXT_RESPONSES, "{\"input\":[],\"tool_choice\":{\"type\":\"function\"}}"},
        {RECALL_TEXT_RESPONSES, "{\"input\":[],\"tools\":[{\"name\":\"" OURS "\"}]}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        open_scene(&s, cases[i].request);
        CHECK(recall_text_offer(&s.arena, cases[i].api, s.json, STR("[]")).data == NULL);
        close_scene(&s);
    }
}

#define OPENAI_CALL(id, name, arguments)                                                           \
    "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name                      \
    "\",\"arguments\":\"" arguments "\"}}"
#define OPENAI_ANSWER(calls)                                                                       \
    "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" calls   \
    "]},\"finish_reason\":\"tool_calls\"}]}"

static void calls_are_answered_in_the_words_of_openai(void **state)
{
    struct recall_text_calls calls;
    struct scene s;
    struct str out;

    (void)state;
    open_scene(&s,
               OPENAI_ANSWER(OPENAI_CALL("1", OURS, "{\\\"key\\\":\\\" ab \\\"}") "," OPENAI_CALL(
                   "2", OURS, "no json")));
    recall_text_find(&s.arena, RECALL_TEXT_CHAT, s.json, &calls);
    CHECK(calls.n == 2 && !calls.has_others);
    CHECK_STR(calls.of[0].key, "ab");
    CHECK_U64(calls.of[1].key.len, 0);
    calls.of[0].result = STR("a \"block\"\n");
    calls.of[1].result = STR("none");
    out = recall_text_extend(&s.arena, RECALL_TEXT_CHAT, STR("[ {\"role\":\"user\"} ]"), &calls);
    CHECK(has(out, "[{\"role\":\"user\"},{\"role\":\"assistant\",\"content\":null,"));
    CHECK(has(out, ",{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"a \\\"block\\\"\\n\"},"
                   "{\"role\":\"tool\",\"tool_call_id\":\"2\",\"content\":\"none\"}]"));
    out = recall_text_close(&s.arena, RECALL_TEXT_CHAT, s.json, NULL, 0);
    CHECK_STR(out, "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":null},"
                   "\"finish_reason\":\"stop\"}]}");
    close_scene(&s);
}

static void calls_are_answered_in_the_words_of_anthropic(void **state)
{
    struct recall_text_calls calls;
    struct scene s;
    struct str out;

    (void)state;
    open_scene(&s,
               "{\"content\":[{\"type\":\"thinking\",\"signature\":\"x\"},{\"type\":\"tool_use\","
               "\"id\":\"t\",\"name\":\"" OURS
               "\",\"input\":{\"key\":\"ab\"}}],\"stop_reason\":\"tool_use\"}");
    recall_text_find(&s.arena, RECALL_TEXT_MESSAGES, s.json, &calls);
    CHECK(calls.n == 1 && !calls.has_others);
    calls.of[0].result = STR("block");
    out = recall_text_extend(&s.arena, RECALL_TEXT_MESSAGES, STR("[1]"), &calls);
    CHECK(
        has(out, "[1,{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"signature\":"));
    CHECK(has(out,
              "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
              "\"content\":\"block\"}]}]"));
    out = recall_text_close(&s.arena, RECALL_TEXT_MESSAGES, s.json, NULL, 0);
    CHECK_STR(out, "{\"content\":[{\"type\":\"thinking\",\"signature\":\"x\"}],\"stop_reason\":"
                   "\"end_turn\"}");
    close_scene(&s);
}

#define REASONING(more) "{\"id\":\"rs\",\"type\":\"reasoning\",\"summary\":[]" more "}"
#define ITEM_CALL(id, name)                                                                        \
    "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"" name                          \
    "\",\"arguments\":\"{\\\"key\\\":\\\"ab\\\"}\"}"
#define ITEMS(rest, items) "{\"status\":\"completed\"," rest "\"output\":[" items "]}"

static void calls_are_answered_in_the_items_of_responses(void **state)
{
    struct recall_text_calls calls;
    struct scene s;
    struct str out;

    (void)state;
    open_scene(&s, ITEMS("", REASONING("") "," ITEM_CALL("c", OURS)));
    recall_text_find(&s.arena, RECALL_TEXT_RESPONSES, s.json, &calls);
    CHECK(calls.n == 1 && !calls.has_others);
    CHECK_STR(calls.of[0].key, "ab");
    calls.of[0].result = STR("block");
    out = recall_text_extend(&s.arena, RECALL_TEXT_RESPONSES, STR("[1]"), &calls);
    CHECK_STR(out, "[1," REASONING("") "," ITEM_CALL(
                       "c", OURS) ",{\"type\":\"function_call_output\",\"call_id\":\"c\","
                                  "\"output\":\"block\"}]");
    out = recall_text_close(&s.arena, RECALL_TEXT_RESPONSES, s.json, NULL, 0);
    CHECK_STR(out, ITEMS("", REASONING("")));
    close_scene(&s);
}

static void a_thought_that_nobody_stored_goes_back_only_with_its_proof(void **state)
{
    struct recall_text_calls calls;
    struct scene s;
    struct str out;

    (void)state;
    open_scene(&s, ITEMS("\"store\":false,",
                         REASONING("") "," REASONING(",\"encrypted_content\":\"x\"") "," ITEM_CALL(
                             "c", OURS)));
    recall_text_find(&s.arena, RECALL_TEXT_RESPONSES, s.json, &calls);
    out = recall_text_extend(&s.arena, RECALL_TEXT_RESPONSES, STR("[1]"), &calls);
    CHECK(has(out, "[1," REASONING(",\"encrypted_content\":\"x\"") ",{\"type\":\"function_call\""));
    close_scene(&s);
}

static void an_answer_that_names_its_tools_does_not_name_ours(void **state)
{
    struct scene s;

    (void)state;
    open_scene(&s, "{\"tools\":[{\"name\":\"a\"},{\"name\":\"" OURS "\"}],\"output\":[]}");
    CHECK_STR(recall_text_close(&s.arena, RECALL_TEXT_RESPONSES, s.json, NULL, 0),
              "{\"tools\":[{\"name\":\"a\"}],\"output\":[]}");
    close_scene(&s);
}

static void the_last_answer_tells_of_what_all_used(void **state)
{
    static const char last[] =
        "{\"usage\":{\"a\":1,\"b\":{\"c\":2,\"d\":null},\"e\":\"x\",\"f\":4}}";
    const struct json_value *before[2];
    struct scene s, first, second;

    (void)state;
    open_scene(&s, last);
    open_scene(&first, "{\"usage\":{\"b\":{\"c\":30},\"a\":10,\"e\":\"y\",\"g\":9}}");
    open_scene(&second, "{\"id\":7}");
    before[0] = first.json;
    before[1] = second.json;
    CHECK_STR(recall_text_close(&s.arena, RECALL_TEXT_CHAT, s.json, before, 2),
              "{\"usage\":{\"a\":11,\"b\":{\"c\":32,\"d\":null},\"e\":\"x\",\"f\":4}}");
    CHECK_STR(recall_text_close(&s.arena, RECALL_TEXT_CHAT, s.json, before, 0), last);
    close_scene(&s);
    close_scene(&first);
    close_scene(&second);
}

static void what_was_cut_short_says_so_and_stays_so(void **state)
{
    struct recall_text_calls calls;
    struct scene s;
    struct str out;

    (void)state;
    open_scene(&s, "{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"" OURS
                   "\",\"input\":{}}],\"stop_reason\":\"max_tokens\"}");
    recall_text_find(&s.arena, RECALL_TEXT_MESSAGES, s.json, &calls);
    CHECK(calls.n == 1 && calls.is_cut_short);
    out = recall_text_close(&s.arena, RECALL_TEXT_MESSAGES, s.json, NULL, 0);
    CHECK_STR(out, "{\"content\":[],\"stop_reason\":\"max_tokens\"}");
    close_scene(&s);
}

static void the_caller_s_calls_stay(void **state)
{
    struct recall_text_calls calls;
    struct scene s;
    struct str out;

    (void)state;
    open_scene(&s, OPENAI_ANSWER(OPENAI_CALL("1", OURS, "{}") "," OPENAI_CALL("2", "read", "{}")));
    recall_text_find(&s.arena, RECALL_TEXT_CHAT, s.json, &calls);
    CHECK(calls.n == 1 && calls.has_others);
    out = recall_text_close(&s.arena, RECALL_TEXT_CHAT, s.json, NULL, 0);
    CHECK_STR(out, OPENAI_ANSWER(OPENAI_CALL("2", "read", "{}")));
    close_scene(&s);
    open_scene(&s, "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}");
    recall_text_find(&s.arena, RECALL_TEXT_CHAT, s.json, &calls);
    CHECK(calls.n == 0 && !calls.has_others);
    CHECK_STR(recall_text_close(&s.arena, RECALL_TEXT_CHAT, s.json, NULL, 0),
              "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}");
    close_scene(&s);
}

static void more_calls_than_there_is_room_for_are_others(void **state)
{
    struct recall_text_calls calls;
    struct scene s;

    (void)state;
    open_scene(
        &s,
        OPENAI_ANSWER(OPENAI_CALL("1", OURS, "{}") "," OPENAI_CALL("2", OURS, "{}") "," OPENAI_CALL("3", OURS, "{}") "," OPENAI_CALL(
            "4", OURS,
            "{}") "," OPENAI_CALL("5", OURS,
                                  "{}") "," OPENAI_CALL("6", OURS,
                                                        "{}") "," OPENAI_CALL("7", OURS,
                                                                              "{}") "," OPENAI_CALL("8",
                                                                                                    OURS,
                                                                                                    "{}") "," OPENAI_CALL("9",
                                                                                                                          OURS,
                                                                                                                          "{}")));
    recall_text_find(&s.arena, RECALL_TEXT_CHAT, s.json, &calls);
    CHECK(calls.n == RECALL_TEXT_MAX_CALLS && calls.has_others);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_added_to_the_tools_and_the_rest_stays_as_it_is_spelled),
        cmocka_unit_test(it_is_not_offered_against_the_caller_s_word),
        cmocka_unit_test(calls_are_answered_in_the_words_of_openai),
        cmocka_unit_test(calls_are_answered_in_the_words_of_anthropic),
        cmocka_unit_test(calls_are_answered_in_the_items_of_responses),
        cmocka_unit_test(a_thought_that_nobody_stored_goes_back_only_with_its_proof),
        cmocka_unit_test(an_answer_that_names_its_tools_does_not_name_ours),
        cmocka_unit_test(the_last_answer_tells_of_what_all_used),
        cmocka_unit_test(what_was_cut_short_says_so_and_stays_so),
        cmocka_unit_test(the_caller_s_calls_stay),
        cmocka_unit_test(more_calls_than_there_is_room_for_are_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
