#include "cache_key.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

static struct arena arena, scratch;
static struct buf text;

static struct cache_key key_with(struct cache_key_parts p, const char *json)
{
    struct cache_key key = {0};
    size_t offset;

    CHECK_INT(json_parse(&arena, str_from(json), &p.body, &offset), JSON_OK);
    CHECK_INT(cache_key_make(&p, &scratch, &text, &key), CACHE_KEY_OK);
    arena_clear(&scratch);
    return key;
}

static const struct str models[] = {STR_INIT("small"), STR_INIT("p"), STR_INIT("m")};
static const struct cache_key_parts parts = {
    .scope_kind = STR_INIT("key"),
    .scope = STR_INIT("k_1"),
    .endpoint = STR_INIT("/v1/chat/completions"),
    .also = models,
    .n_also = 3,
};

static bool are_one(const char *a, const char *b)
{
    struct cache_key x = key_with(parts, a), y = key_with(parts, b);

    return cache_key_equal(&x, &y);
}

static void how_a_request_is_spelled_does_not_count(void **state)
{
    (void)state;
    CHECK(are_one("{\"a\":1,\"b\":[true,null]}", " { \"b\" : [ true , null ] ,\n \"a\" : 1 } "));
    CHECK(are_one("{\"a\":\"\\u00e9\\n\\/\"}", "{\"a\":\"\xc3\xa9\\u000a/\"}"));
    CHECK(are_one("{\"\\u0061\":{\"x\":1,\"y\":2}}", "{\"a\":{\"y\":2,\"x\":1}}"));
    CHECK(are_one("{\"a\":{\"aa\":1,\"a\":2,\"\":3}}", "{\"a\":{\"\":3,\"a\":2,\"aa\":1}}"));
}

static void numbers_count_by_their_exact_value(void **state)
{
    static const char *const ones[] = {"1", "1.0", "1e0", "10e-1", "0.1E+1", "0.01e2", "100E-02"};
    char a[64], b[64];

    (void)state;
    for (unsigned i = 1; i < sizeof(ones) / sizeof(ones[0]); i++) {
        snprintf(a, sizeof(a), "{\"x\":%s}", ones[0]);
        snprintf(b, sizeof(b), "{\"x\":%s}", ones[i]);
        CHECK(are_one(a, b));
    }
    CHECK(are_one("{\"x\":0}", "{\"x\":-0.000e5}"));
    CHECK(are_one("{\"x\":120}", "{\"x\":1.2e2}"));
    CHECK(!are_one("{\"x\":1}", "{\"x\":-1}"));
    CHECK(!are_one("{\"x\":1}", "{\"x\":10}"));
    CHECK(!are_one("{\"x\":12}", "{\"x\":102}"));
    CHECK(!are_one("{\"x\":0.1}", "{\"x\":0.10000000000000000001}"));
    CHECK(!are_one("{\"x\":9007199254740992}", "{\"x\":9007199254740993}"));
    CHECK(!are_one("{\"x\":1e99999999999999999999}", "{\"x\":1e99999999999999999998}"));
}

static void every_difference_in_meaning_is_another_question(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"a\":1}",
        "{\"a\":\"1\"}",
        "{\"a\":[1]}",
        "{\"a\":[[1]]}",
        "{\"a\":[1,1]}",
        "{\"a\":[[],1]}",
        "{\"a\":[[1],[]]}",
        "{\"a\":{\"1\":1}}",
        "{\"a\":null}",
        "{\"a\":true}",
        "{\"a\":false}",
        "{\"a\":{}}",
        "{\"a\":[]}",
        "{\"a\":\"\"}",
        "{\"b\":1}",
        "{\"a\":1,\"unknown\":0}",
        "{\"a\":\"bc\",\"d\":\"\"}",
        "{\"a\":\"b\",\"cd\":\"\"}",
        "{\"a\":\"b\\\"\"}",
        "{\"a\":\"A\"}",
        "{\"A\":1}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x \"}]}",
        "{\"messages\":[{\"role\":\"system\",\"content\":\"x\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\"}]}",
        "{\"nested\":{\"model\":1,\"stream\":true}}",
        "{\"nested\":{\"model\":2,\"stream\":true}}",
        "{\"nested\":{\"model\":1,\"stream\":false}}",
    };
    enum { N = sizeof(bodies) / sizeof(bodies[0]) };

    (void)state;
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = 0; j < N; j++)
            CHECK(are_one(bodies[i], bodies[j]) == (i == j));
}

static void the_model_and_the_form_of_the_answer_count_as_they_were_understood(void **state)
{
    struct cache_key_parts as_stream = parts;

    (void)state;
    as_stream.is_stream = true;
    CHECK(are_one("{\"model\":\"small\",\"stream\":false}", "{\"model\":\"an-alias\"}"));
    struct cache_key whole = key_with(parts, "{}"), stream = key_with(as_stream, "{}");
    CHECK(!cache_key_equal(&whole, &stream));
}

static void nobody_shares_a_key_with_another_tenant_model_or_endpoint(void **state)
{
    static const struct str others[] = {STR_INIT("small"), STR_INIT("pm"), STR_INIT("")};
    struct cache_key_parts p[8];
    struct cache_key keys[8];

    (void)state;
    for (unsigned i = 0; i < 8; i++)
        p[i] = parts;
    p[1].scope = STR("k_2");
    p[2].scope_kind = STR("team");
    p[3].endpoint = STR("/v1/messages");
    p[4].also = others;
    p[5].n_also = 2;
    p[6].scope = STR("k_1/v1");
    p[6].endpoint = STR("/chat/completions");
    p[7].scope = STR_EMPTY;
    for (unsigned i = 0; i < 8; i++)
        keys[i] = key_with(p[i], "{\"a\":1}");
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = 0; j < i; j++)
            CHECK(!cache_key_equal(&keys[i], &keys[j]));
}

static void what_is_too_long_for_the_text_is_not_cut(void **state)
{
    struct cache_key_parts p = parts;
    struct cache_key key;
    struct buf small;
    size_t offset;

    (void)state;
    buf_init(&small, 80);
    CHECK_INT(json_parse(&arena, STR("{\"a\":\"0123456789012345678901234567890123456789\"}"),
                         &p.body, &offset),
              JSON_OK);
    CHECK_INT(cache_key_make(&p, &scratch, &small, &key), CACHE_KEY_TOO_BIG);
    buf_done(&small);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    buf_init(&text, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    arena_done(&scratch);
    buf_done(&text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_request_is_spelled_does_not_count),
        cmocka_unit_test(numbers_count_by_their_exact_value),
        cmocka_unit_test(every_difference_in_meaning_is_another_question),
        cmocka_unit_test(the_model_and_the_form_of_the_answer_count_as_they_were_understood),
        cmocka_unit_test(nobody_shares_a_key_with_another_tenant_model_or_endpoint),
        cmocka_unit_test(what_is_too_long_for_the_text_is_not_cut),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
