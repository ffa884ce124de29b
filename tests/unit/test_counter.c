/* With a toy table; against the reference, whole requests are in tests/conformance. */
#include "counting/memo.h"
#include "tokens/estimate_memory.h"

#include "check.h"
#include "toy_vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct vocab v;
    struct buf table;
    struct encode *e;
    struct arena arena;
    struct counter counter;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    toy_make(&f->v, &f->table, PRETOKEN_CL100K);
    f->e = encode_new(&f->v);
    arena_init(&f->arena, 64 << 20);
    counter_init(&f->counter, counting_rule_find(STR("gpt-4")), f->e);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    counter_done(&f->counter);
    encode_free(&f->e);
    buf_done(&f->table);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static const struct json_value *parse(struct fixture *f, const char *json)
{
    const struct json_value *v;
    size_t at;

    CHECK_INT(json_parse(&f->arena, str_from(json), &v, &at), JSON_OK);
    return v;
}

static uint64_t text(struct fixture *f, const char *s)
{
    return counter_text(&f->counter, str_from(s));
}

static uint64_t message(struct fixture *f, const char *json)
{
    return counter_message(&f->counter, parse(f, json));
}

static uint64_t request(struct fixture *f, const char *json)
{
    return counter_request(&f->counter, parse(f, json), UINT64_MAX);
}

static void a_message_is_its_parts_and_three(void **state)
{
    struct fixture *f = *state;

    CHECK_U64(message(f, "{\"role\":\"user\",\"content\":\"the thing\"}"),
              3 + text(f, "user") + text(f, "the thing"));
    CHECK_U64(message(f, "{\"role\":\"user\",\"name\":\"abc\",\"content\":null}"),
              3 + text(f, "user") + text(f, "abc") + 1);
    CHECK_U64(message(f, "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\\nb\"},"
                         "{\"type\":\"text\",\"text\":\"\\u0061\"}]}"),
              3 + text(f, "user") + text(f, "a\nb") + text(f, "a"));
    CHECK_INT(f->counter.parts, 0);
}

static void the_older_model_counts_names_otherwise(void **state)
{
    struct fixture *f = *state;

    counter_renew(&f->counter, counting_rule_find(STR("gpt-3.5-turbo-0301")));
    CHECK_U64(message(f, "{\"role\":\"user\",\"name\":\"abc\",\"content\":\"x\"}"),
              4 + text(f, "user") + text(f, "abc") + text(f, "x") - 1);
}

static void a_request_is_its_messages_and_three(void **state)
{
    struct fixture *f = *state;
    const char *one = "{\"role\":\"user\",\"content\":\"the thing\"}";

    CHECK_U64(request(f, "{\"messages\":[{\"role\":\"user\",\"content\":\"the thing\"},"
                         "{\"role\":\"user\",\"content\":\"the thing\"}]}"),
              3 + 2 * message(f, one));
    CHECK_U64(request(f, "{\"input\":[1,2,3]}"), 3);
    CHECK_U64(request(f, "{\"prompt\":[\"abc\",\"the\"]}"), text(f, "abc") + text(f, "the"));
    CHECK_U64(request(f, "{}"), 0);
    CHECK_U64(request(f, "{\"messages\":\"no array\",\"tools\":{},\"functions\":[]}"), 0);
}

static void a_limit_stops_the_count_above_it(void **state)
{
    struct fixture *f = *state;
    char json[20000] = "{\"messages\":[";
    size_t len = strlen(json);

    for (int i = 0; i < 200; i++)
        len += (size_t)snprintf(json + len, sizeof(json) - len,
                                "%s{\"role\":\"user\",\"content\":\"the %d\"}", i ? "," : "", i);
    strcpy(json + len, "]}");
    const struct json_value *body = parse(f, json);
    uint64_t whole = counter_request(&f->counter, body, UINT64_MAX);
    for (uint64_t limit = 0; limit < whole + 3; limit += 7) {
        uint64_t n = counter_request(&f->counter, body, limit);
        if (limit >= whole)
            CHECK_U64(n, whole);
        else
            CHECK(n > limit && n <= limit + 30);
    }
    CHECK_U64(counter_request(&f->counter, body, whole), whole);
}

static void functions_are_counted_as_they_are_shown(void **state)
{
    struct fixture *f = *state;
    const char *hello = "{\"role\":\"user\",\"content\":\"abc\"}";

    CHECK_U64(request(f, "{\"messages\":[{\"role\":\"user\",\"content\":\"abc\"}],\"functions\":["
                         "{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":"
                         "\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":"
                         "\"string\",\"enum\":[\"x\",\"y\"],\"description\":\"e\"},\"b\":{\"type\":"
                         "\"array\",\"items\":{\"type\":\"integer\"}},\"c\":{\"type\":\"object\","
                         "\"properties\":{\"d\":{\"type\":\"boolean\",\"description\":\"-\"}}}}}},"
                         "{\"name\":\"g\"}]}"),
              3 + message(f, hello) + 9 +
                  text(f, "namespace functions {\n\n// d\ntype f = (_: {\n// e\na: \"x\" | \"y\",\n"
                          "b?: number[],\nc?: {\n  d?: boolean,\n},\n}) => any;\n\n"
                          "type g = () => any;\n\n} // namespace functions"));
    CHECK_INT(f->counter.parts, 0);
    request(f, "{\"messages\":[],\"functions\":[{\"name\":\"g\",\"parameters\":{\"properties\":{"
               "\"a\":{\"anyOf\":[]}}}}]}");
    CHECK_INT(f->counter.parts, 1 << COUNTER_TOOLS);
}

static void a_choice_of_a_function_costs(void **state)
{
    struct fixture *f = *state;

    CHECK_U64(request(f, "{\"function_call\":\"auto\"}"), 0);
    CHECK_U64(request(f, "{\"function_call\":\"none\"}"), 1);
    CHECK_U64(request(f, "{\"function_call\":{\"name\":\"abc\"}}"), 4 + text(f, "abc"));
    CHECK_U64(request(f, "{\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"abc\"}}"
                         "}"),
              4 + text(f, "abc"));
}

static void what_is_not_known_is_named_and_widens_the_margin(void **state)
{
    struct fixture *f = *state;
    struct count c;

    counter_describe(&f->counter, 100, &c);
    CHECK(c.exact && c.margin == 0);
    CHECK_TEXT(c.method, "toy");
    uint64_t n = message(f, "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
                            "{\"url\":\"https://x\"}},{\"type\":\"input_audio\",\"input_audio\":"
                            "{\"data\":\"AAAA\"}}]}");
    counter_describe(&f->counter, n, &c);
    CHECK(!c.exact && c.margin > 0.9 && c.margin <= 1);
    CHECK_TEXT(c.method, "toy; estimated: pictures, media");
    f->counter.parts = (1 << COUNTER_PARTS) - 1;
    counter_describe(&f->counter, n, &c);
    CHECK(strlen(c.method) < COUNTER_METHOD - 1 && strstr(c.method, "other"));
}

static void without_a_table_all_is_estimated(void **state)
{
    struct fixture *f = *state;
    const struct json_value *body =
        parse(f, "{\"messages\":[{\"role\":\"user\",\"content\":\"the thing\"}],\"tools\":[{"
                 "\"name\":\"f\",\"input_schema\":{}}]}");
    struct counter none;
    struct count c;

    counter_init(&none, counting_rule_find(STR("gpt-4")), NULL);
    uint64_t n = counter_request(&none, body, UINT64_MAX);
    CHECK_U64(n, estimate_request(body));
    counter_describe(&none, n, &c);
    CHECK(!c.exact && c.margin == ESTIMATE_MARGIN);
    CHECK_TEXT(c.method, ESTIMATE_METHOD);
    counter_renew(&none, counting_rule_find(STR("claude-opus-4-7")));
    counter_describe(&none, n, &c);
    CHECK(c.margin == 0.5);
    counter_done(&none);
}

static void write_message(char *json, size_t size, int n)
{
    int len = snprintf(json, size, "{\"role\":\"user\",\"content\":\"");
    for (int i = 0; i < 40; i++)
        len += snprintf(json + len, size - (size_t)len, "the %d thing ", n * 7 + i);
    snprintf(json + len, size - (size_t)len, "\"}");
}

static void what_is_remembered_is_what_was_counted(void **state)
{
    struct fixture *f = *state;
    struct memo *memo = memo_new(1000, sizeof(struct counter_known));
    char json[2000];
    uint64_t before[300];

    for (int round = 0; round < 3; round++) {
        f->counter.memory = round ? memo_for_counters(memo) : (struct counter_memory){.find = NULL};
        for (int i = 0; i < 300; i++) {
            write_message(json, sizeof(json), i);
            uint64_t n = message(f, json);
            if (round == 0)
                before[i] = n;
            CHECK_U64(n, before[i]);
            arena_clear(&f->arena);
        }
    }
    struct memo_stats stats = memo_look(memo);
    CHECK(stats.hits > 200 && stats.hits + stats.misses == 600);
    CHECK(stats.entries > 200 && stats.entries <= 300);
    for (int i = 300; i < 5000; i++) {
        write_message(json, sizeof(json), i);
        message(f, json);
        arena_clear(&f->arena);
    }
    CHECK(memo_look(memo).entries <= 1000);
    memo_free(&memo);
}

static void estimates_are_remembered_whatever_is_learnt_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct memo *memo = memo_new(1000, sizeof(struct estimate_memory_parts));
    struct counter fresh, knowing;
    char one[2000], json[5000];

    counter_init(&fresh, counting_rule_find(STR("claude-opus-4-7")), NULL);
    counter_init(&knowing, counting_rule_find(STR("claude-opus-4-7")), NULL);
    knowing.estimates = memo_for_counters(memo);
    for (int i = 0; i < 30; i++) {
        write_message(one, sizeof(one), i % 10);
        snprintf(json, sizeof(json), "{\"system\":\"be brief\",\"messages\":[%s,%s,{\"role\":1}]}",
                 one, one);
        const struct json_value *body = parse(f, json);
        for (size_t k = 0; k < ESTIMATE_FEATURES; k++)
            fresh.weights.of[k] = knowing.weights.of[k] = 1 + i / 100.0;
        fresh.weights.is_learnt = knowing.weights.is_learnt = i >= 20;
        uint64_t n = counter_request(&fresh, body, UINT64_MAX);
        CHECK_U64(counter_request(&knowing, body, UINT64_MAX), n);
        const struct json_value *first = json_get(body, "messages")->child;
        CHECK_U64(counter_message(&knowing, first), counter_message(&fresh, first));
        arena_clear(&f->arena);
    }
    CHECK_U64(memo_look(memo).misses, 10);
    CHECK_U64(memo_look(memo).hits, 3 * 30 - 10);
    counter_done(&fresh);
    counter_done(&knowing);
    memo_free(&memo);
}

static void doubt_is_remembered_and_each_rule_has_its_own(void **state)
{
    struct fixture *f = *state;
    struct memo *memo = memo_new(1000, sizeof(struct counter_known));
    char json[400];

    f->counter.memory = memo_for_counters(memo);
    snprintf(json, sizeof(json),
             "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
             "\"https://%0120d\"}}]}",
             7);
    uint64_t first = message(f, json);
    for (int i = 0; i < 2; i++) {
        counter_renew(&f->counter, counting_rule_find(STR("gpt-4")));
        CHECK_U64(message(f, json), first);
        CHECK_INT(f->counter.parts, 1 << COUNTER_PICTURES);
        CHECK_U64(f->counter.doubt, 765);
    }
    CHECK_U64(memo_look(memo).hits, 2);
    counter_renew(&f->counter, counting_rule_find(STR("gpt-4o-mini")));
    CHECK(message(f, json) > 20000);
    CHECK_U64(memo_look(memo).hits, 2);
    memo_free(&memo);
}

static void names_of_models_find_their_rule(void **state)
{
    static const struct {
        const char *model, *family;
    } cases[] = {
        {"gpt-4o", "gpt-4o"},
        {"gpt-4o-mini-2024-07-18", "gpt-4o-mini"},
        {"gpt-4o-2024-08-06", "gpt-4o"},
        {"ft:gpt-4o-mini:us", "gpt-4o-mini"},
        {"gpt-4omega", ""},
        {"gpt-4", "gpt-4"},
        {"gpt-4-turbo", "gpt-4"},
        {"gpt-4.1-mini", "gpt-4.1-mini"},
        {"o3-mini", "o3"},
        {"claude-sonnet-4-5@20250929", "claude"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_TEXT(counting_rule_find(str_from(cases[i].model))->family, cases[i].family);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_its_parts_and_three),
        TEST(the_older_model_counts_names_otherwise),
        TEST(a_request_is_its_messages_and_three),
        TEST(a_limit_stops_the_count_above_it),
        TEST(functions_are_counted_as_they_are_shown),
        TEST(a_choice_of_a_function_costs),
        TEST(what_is_not_known_is_named_and_widens_the_margin),
        TEST(without_a_table_all_is_estimated),
        TEST(what_is_remembered_is_what_was_counted),
        TEST(estimates_are_remembered_whatever_is_learnt_meanwhile),
        TEST(doubt_is_remembered_and_each_rule_has_its_own),
        TEST(names_of_models_find_their_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
