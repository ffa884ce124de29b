#include "base/json.h"

#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int set_up(void **state)
{
    static struct arena a;

    arena_init(&a, 64 << 20);
    *state = &a;
    return 0;
}

static int tear_down(void **state)
{
    arena_done(*state);
    return 0;
}

static const struct json_value *parse(struct arena *a, const char *text)
{
    const struct json_value *v = NULL;
    size_t offset;

    CHECK_INT(json_parse(a, str_from(text), &v, &offset), JSON_OK);
    return v;
}

static void check_refused(struct arena *a, struct str text, enum json_result expected, size_t at)
{
    const struct json_value *v = NULL;
    size_t offset = 12345;

    CHECK_INT(json_parse(a, text, &v, &offset), expected);
    CHECK_U64(offset, at);
    CHECK(!v);
}

static void every_value_points_into_the_text_as_it_was_spelled(void **state)
{
    static const char text[] =
        " {\"a\" : 1.50,\"b\":[ true ,\tnull,\"x\\ny\" , {} ],\r\n\"c\\u0041\":\"\"} \n";
    const struct json_value *v = parse(*state, text);

    CHECK_STR(v->raw, "{\"a\" : 1.50,\"b\":[ true ,\tnull,\"x\\ny\" , {} ],\r\n\"c\\u0041\":\"\"}");
    CHECK(v->raw.data == text + 1);
    CHECK_U64(v->n_children, 3);
    const struct json_value *m = v->child;
    CHECK_STR(m->key, "a");
    CHECK_STR(m->key_raw, "\"a\"");
    CHECK_STR(m->raw, "1.50");
    CHECK_INT(m->type, JSON_NUMBER);
    m = m->next;
    CHECK_STR(m->raw, "[ true ,\tnull,\"x\\ny\" , {} ]");
    CHECK_U64(m->n_children, 4);
    const struct json_value *e = m->child;
    CHECK_STR(e->raw, "true");
    CHECK_U64(e->key.len, 0);
    e = e->next;
    CHECK_STR(e->raw, "null");
    e = e->next;
    CHECK_STR(e->raw, "\"x\\ny\"");
    e = e->next;
    CHECK_STR(e->raw, "{}");
    CHECK_INT(e->type, JSON_OBJECT);
    CHECK(!e->child && !e->next);
    m = m->next;
    CHECK_STR(m->key, "cA");
    CHECK_STR(m->key_raw, "\"c\\u0041\"");
    CHECK_STR(m->raw, "\"\"");
    CHECK(!m->next);
}

static void a_lone_scalar_is_a_text(void **state)
{
    CHECK_STR(parse(*state, "42")->raw, "42");
    CHECK_STR(parse(*state, " -0.5e3 ")->raw, "-0.5e3");
    CHECK_STR(parse(*state, "\"\"")->raw, "\"\"");
    CHECK_STR(parse(*state, "true")->raw, "true");
    CHECK_STR(parse(*state, "\nfalse\n")->raw, "false");
    CHECK_STR(parse(*state, "null")->raw, "null");
    CHECK_STR(parse(*state, "0")->raw, "0");
}

static void members_are_found_by_decoded_key_and_by_path(void **state)
{
    const struct json_value *v =
        parse(*state, "{\"choices\":[{\"delta\":{\"c\\u006fntent\":\"hi\"}},{}],\"n\":1}");

    CHECK_STR(json_at(v, "choices.0.delta.content")->raw, "\"hi\"");
    CHECK(!json_at(v, "choices.1.delta.content"));
    CHECK(!json_at(v, "choices.2"));
    CHECK(!json_at(v, "choices.x"));
    CHECK(!json_at(v, "choices.-1"));
    CHECK(!json_at(v, "choices.0.delta.content.more"));
    CHECK(!json_at(v, "n.x"));
    CHECK(!json_at(NULL, "n"));
    CHECK(json_get(v, "n"));
    CHECK(!json_get(v, "m"));
    CHECK(!json_get(NULL, "n"));
    CHECK(!json_get(json_get(v, "n"), "n"));
    CHECK(!json_get(json_get(v, "choices"), "0"));
    CHECK(json_is(json_get(v, "n"), JSON_NUMBER));
    CHECK(!json_is(NULL, JSON_NULL));
}

static void strings_are_decoded_on_request(void **state)
{
    const struct json_value *v = parse(
        *state, "[\"plain\",\"\\\"\\\\\\/\\b\\f\\n\\r\\t.\",\"\\u0041\\u00e9\\u4e2d\\ud83d\\ude00"
                "\\uDBFF\\uDFFF\",\"\",7]");
    struct str s;

    CHECK(json_string(json_at(v, "0"), *state, &s));
    CHECK_STR(s, "plain");
    CHECK(s.data == v->child->raw.data + 1);
    CHECK(json_string(json_at(v, "1"), *state, &s));
    CHECK_STR(s, "\"\\/\b\f\n\r\t.");
    CHECK(json_string(json_at(v, "2"), *state, &s));
    CHECK_STR(s, "A\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf");
    CHECK(json_string(json_at(v, "3"), *state, &s));
    CHECK_STR(s, "");
    CHECK(!json_string(json_at(v, "4"), *state, &s));
    CHECK_U64(json_text(json_at(v, "4"), *state).len, 0);
    CHECK_STR(json_text(json_at(v, "0"), *state), "plain");
    CHECK_U64(json_text(NULL, *state).len, 0);
    CHECK(!json_string(NULL, *state, &s));
}

static void a_string_that_does_not_fit_the_arena_is_refused(void **state)
{
    char text[2000] = "\"\\n";
    struct arena small;
    struct str s;

    memset(text + 3, 'x', 1500);
    strcpy(text + 1503, "\"");
    arena_init(&small, 1000);
    CHECK(!json_string(parse(*state, text), &small, &s));
    arena_done(&small);
}

struct integer {
    const char *text;
    bool fits;
    int64_t value;
};

static void integers_must_fit_and_be_spelled_as_such(void **state)
{
    static const struct integer cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"1e400", false, 0},
        {"1e2", false, 0},
        {"0.5", false, 0},
        {"1.0", false, 0},
        {"\"5\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
        {"[]", false, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t n = 42;
        CHECK(json_int(parse(*state, cases[i].text), &n) == cases[i].fits);
        CHECK(n == (cases[i].fits ? cases[i].value : 42));
    }
    int64_t n;
    CHECK(!json_int(NULL, &n));
}

static void numbers_must_be_finite(void **state)
{
    double d = 42;

    CHECK(json_number(parse(*state, "-2.5e-1"), &d) && d == -0.25);
    CHECK(json_number(parse(*state, "9223372036854775808"), &d) && d == 9223372036854775808.0);
    CHECK(json_number(parse(*state, "-0"), &d) && d == 0 && signbit(d));
    d = 42;
    CHECK(!json_number(parse(*state, "1e400"), &d));
    CHECK(!json_number(parse(*state, "-1e400"), &d));
    CHECK(!json_number(parse(*state, "\"1\""), &d));
    CHECK(!json_number(NULL, &d));
    CHECK(d == 42);
}

static void booleans_are_no_numbers(void **state)
{
    bool b = false;

    CHECK(json_bool(parse(*state, "true"), &b) && b);
    CHECK(json_bool(parse(*state, "false"), &b) && !b);
    CHECK(!json_bool(parse(*state, "1"), &b));
    CHECK(!json_bool(parse(*state, "null"), &b));
    CHECK(!json_bool(NULL, &b));
}

static void the_first_byte_at_fault_is_named(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"", 0},           {"[1,2", 4},       {"[1,}", 3},
        {"[1 2]", 3},      {"{\"a\" 1}", 5},  {"[tru]", 1},
        {"{\"a\":1,}", 7}, {"[01]", 2},       {"{a:1}", 1},
        {"[1]x", 3},       {"[1,,2]", 3},     {":", 0},
        {"[\f1]", 1},      {"[1,\f2]", 3},    {"[1,2]\v", 5},
        {"[1.]", 1},       {"[\"a\nb\"]", 3}, {"[\"\\x\"]", 2},
        {"[\"abc", 5},     {"[1/**/,2]", 2},  {"\xef\xbb\xbf[]", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_refused(*state, str_from(cases[i].text), JSON_SYNTAX, cases[i].at);
    check_refused(*state, (struct str){NULL, 0}, JSON_SYNTAX, 0);
    check_refused(*state, STR("{\"a\":1,\"a\":2}"), JSON_REPEATED_KEY, 7);
    check_refused(*state, STR("{\"a\":\"\\u0000\"}"), JSON_UTF8, 6);
    check_refused(*state, STR("{\"a\":\"xy\xff\"}"), JSON_UTF8, 8);
}

static void a_fault_in_or_after_a_long_string_is_named_too(void **state)
{
    static const char *const tails[] = {"\n\"]", "\\q\"]", "\"x]", "\" 1]", "\"\f]", "\",,1]", ""};
    static const size_t behind[] = {0, 0, 1, 2, 1, 2, 0};
    char text[400] = "[true,\"";

    memset(text + 7, 'x', 200);
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        strcpy(text + 207, tails[i]);
        check_refused(*state, str_from(text), JSON_SYNTAX, 207 + behind[i]);
    }
    memcpy(text + 1, "tru,", 4); /* the first fault counts */
    strcpy(text + 207, "\n\"]");
    check_refused(*state, str_from(text), JSON_SYNTAX, 1);
}

/* An object of `n` members whose last key repeats that of the first, when asked to. */
static struct str many_keys(char *text, unsigned n, bool repeat)
{
    char *p = text;

    *p++ = '{';
    for (unsigned i = 0; i < n; i++)
        p += sprintf(p, "%s\"key%u\":%u", i ? "," : "", repeat && i == n - 1 ? 0 : i, i);
    *p++ = '}';
    return (struct str){text, (size_t)(p - text)};
}

static void a_repeated_key_is_found_in_objects_of_any_size(void **state)
{
    static const unsigned sizes[] = {2, 3, 15, 16, 17, 18, 100, 100000};
    char *text = malloc(3000000);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct json_value *v;
        size_t offset;
        CHECK_INT(json_parse(*state, many_keys(text, sizes[i], false), &v, &offset), JSON_OK);
        CHECK_U64(v->n_children, sizes[i]);
        struct str s = many_keys(text, sizes[i], true);
        CHECK_INT(json_parse(*state, s, &v, &offset), JSON_REPEATED_KEY);
        CHECK(s.data + offset > strrchr(text, ','));
        arena_clear(*state);
    }
    free(text);
}

static void keys_are_compared_decoded_and_only_within_their_object(void **state)
{
    check_refused(*state, STR("{\"model\":1,\"mo\\u0064el\":2}"), JSON_REPEATED_KEY, 11);
    check_refused(*state, STR("[{\"x\":{\"\":1,\"\":2}}]"), JSON_REPEATED_KEY, 12);
    parse(*state, "{\"a\":{\"a\":[{\"a\":1},{\"a\":1}]},\"A\":1,\"a \":2}");
}

static struct str nested(char *text, size_t depth, char open, char close)
{
    memset(text, open, depth);
    memset(text + depth, close, depth);
    return (struct str){text, 2 * depth};
}

static void depth_is_bounded(void **state)
{
    char text[2 * (JSON_MAX_DEPTH + 1)];
    const struct json_value *v;
    size_t offset;

    CHECK_INT(json_parse(*state, nested(text, JSON_MAX_DEPTH, '[', ']'), &v, &offset), JSON_OK);
    check_refused(*state, nested(text, JSON_MAX_DEPTH + 1, '[', ']'), JSON_DEPTH, JSON_MAX_DEPTH);
}

static long peak_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void a_depth_bomb_costs_next_to_nothing(void **state)
{
    const size_t depth = 1000000;
    char *text = malloc(6 * depth);
    size_t n = 0;

    check_refused(*state, nested(text, depth, '[', ']'), JSON_DEPTH, JSON_MAX_DEPTH);
    long before = peak_kib();
    check_refused(*state, nested(text, depth, '[', ']'), JSON_DEPTH, JSON_MAX_DEPTH);
    check_refused(*state, (struct str){text, depth}, JSON_DEPTH, JSON_MAX_DEPTH);
    CHECK(peak_kib() - before <= 1024);
    while (n + 6 <= 6 * depth) {
        memcpy(text + n, "{\"a\":[", 6);
        n += 6;
    }
    check_refused(*state, (struct str){text, n}, JSON_DEPTH, JSON_MAX_DEPTH / 2 * 6);
    free(text);
}

static void the_ceiling_of_the_arena_is_an_outcome(void **state)
{
    static const char text[] = "{\"model\":[1,2,3,4,5,6,7,8,9,{\"a\\n\":\"b\"}]}";
    const struct json_value *v;
    size_t offset, refused = 0;

    (void)state;
    for (size_t max = 0; max < 4000; max += 16) {
        struct arena small;
        arena_init(&small, max);
        enum json_result r = json_parse(&small, STR(text), &v, &offset);
        CHECK(r == JSON_OK || r == JSON_TOO_BIG);
        refused += r == JSON_TOO_BIG;
        arena_done(&small);
    }
    CHECK(refused > 10 && refused < 200);
}

static void text_beyond_the_given_length_is_never_read(void **state)
{
    static const char text[] = "[\"abc\\u00e9\",12.5,{\"k\":true}]";

    for (size_t len = 0; len <= sizeof(text) - 1; len++) {
        const struct json_value *v;
        size_t offset = 0;
        char *exact = malloc(len ? len : 1); /* a sanitizer watches its end */
        memcpy(exact, text, len);
        enum json_result r = json_parse(*state, (struct str){exact, len}, &v, &offset);
        CHECK_INT(r, len == sizeof(text) - 1 ? JSON_OK : JSON_SYNTAX);
        CHECK(offset <= len);
        free(exact);
    }
}

static void every_outcome_has_words(void **state)
{
    (void)state;
    for (enum json_result r = JSON_OK; r <= JSON_TOO_BIG; r++)
        CHECK(strlen(json_result_text(r)) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_points_into_the_text_as_it_was_spelled),
        cmocka_unit_test(a_lone_scalar_is_a_text),
        cmocka_unit_test(members_are_found_by_decoded_key_and_by_path),
        cmocka_unit_test(strings_are_decoded_on_request),
        cmocka_unit_test(a_string_that_does_not_fit_the_arena_is_refused),
        cmocka_unit_test(integers_must_fit_and_be_spelled_as_such),
        cmocka_unit_test(numbers_must_be_finite),
        cmocka_unit_test(booleans_are_no_numbers),
        cmocka_unit_test(the_first_byte_at_fault_is_named),
        cmocka_unit_test(a_fault_in_or_after_a_long_string_is_named_too),
        cmocka_unit_test(a_repeated_key_is_found_in_objects_of_any_size),
        cmocka_unit_test(keys_are_compared_decoded_and_only_within_their_object),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_depth_bomb_costs_next_to_nothing),
        cmocka_unit_test(the_ceiling_of_the_arena_is_an_outcome),
        cmocka_unit_test(text_beyond_the_given_length_is_never_read),
        cmocka_unit_test(every_outcome_has_words),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
