#include "base/json_write.h"

#include "check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_OUT(out, text)                                                                       \
    do {                                                                                           \
        CHECK_STR(buf_str(out), text);                                                             \
        buf_done(out);                                                                             \
    } while (0)

static void commas_and_nesting_are_kept_by_the_writer(void **state)
{
    struct buf out;
    struct json_write w;

    (void)state;
    buf_init(&out, 1000);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member(&w, "a", "x");
    json_write_key(&w, "b");
    json_write_begin(&w, '[');
    json_write_int(&w, 1);
    json_write_begin(&w, '[');
    json_write_end(&w, ']');
    json_write_begin(&w, '{');
    json_write_end(&w, '}');
    json_write_null(&w);
    json_write_end(&w, ']');
    json_write_member_int(&w, "c", -5);
    json_write_member_bool(&w, "d", true);
    json_write_member_str(&w, "e", STR("y"));
    json_write_member(&w, "f", NULL);
    json_write_key(&w, "g");
    json_write_raw(&w, STR("{ \"raw\" : 1.50 }"));
    json_write_key(&w, "h");
    json_write_bool(&w, false);
    json_write_end(&w, '}');
    CHECK_INT(json_write_finish(&w), BUF_OK);
    CHECK_OUT(&out, "{\"a\":\"x\",\"b\":[1,[],{},null],\"c\":-5,\"d\":true,\"e\":\"y\",\"f\":null,"
                    "\"g\":{ \"raw\" : 1.50 },\"h\":false}");
}

static void whole_numbers_reach_both_ends(void **state)
{
    struct buf out;
    struct json_write w;

    (void)state;
    buf_init(&out, 1000);
    json_write_init(&w, &out);
    json_write_begin(&w, '[');
    json_write_int(&w, INT64_MIN);
    json_write_int(&w, INT64_MAX);
    json_write_int(&w, 0);
    json_write_u64(&w, UINT64_MAX);
    json_write_end(&w, ']');
    CHECK_INT(json_write_finish(&w), BUF_OK);
    CHECK_OUT(&out, "[-9223372036854775808,9223372036854775807,0,18446744073709551615]");
}

static void a_double_reads_back_as_itself(void **state)
{
    static const double values[] = {
        0.1, 1.0 / 3, 1e300, 5e-324, -2.5, DBL_MAX, DBL_MIN, 1e21, 123456789012345680.0};
    struct buf out;
    struct json_write w;

    (void)state;
    buf_init(&out, 100);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        buf_clear(&out);
        json_write_init(&w, &out);
        json_write_double(&w, values[i]);
        CHECK_INT(json_write_finish(&w), BUF_OK);
        CHECK(strtod(out.data, NULL) == values[i]);
    }
    buf_clear(&out);
    json_write_init(&w, &out);
    json_write_begin(&w, '[');
    json_write_double(&w, 0.1);
    json_write_double(&w, 42);
    json_write_double(&w, NAN);
    json_write_double(&w, -INFINITY);
    json_write_end(&w, ']');
    CHECK_INT(json_write_finish(&w), BUF_OK);
    CHECK_OUT(&out, "[0.1,42,null,null]");
}

static void strings_are_escaped_and_no_more_than_needed(void **state)
{
    struct buf out;
    struct json_write w;

    (void)state;
    buf_init(&out, 1000);
    json_write_init(&w, &out);
    json_write_str(&w, STR("a\"b\\c\n\r\t\0\x01\x1f\x7f/\xc3\xa9\xf0\x9f\x98\x80 end"));
    CHECK_INT(json_write_finish(&w), BUF_OK);
    CHECK_OUT(&out,
              "\"a\\\"b\\\\c\\n\\r\\t\\u0000\\u0001\\u001f\x7f/\xc3\xa9\xf0\x9f\x98\x80 end\"");
}

static void bytes_that_are_no_utf8_become_the_replacement_character(void **state)
{
    struct buf out;
    struct json_write w;

    (void)state;
    buf_init(&out, 1000);
    json_write_init(&w, &out);
    json_write_str(&w, STR("\xff"
                           "a\xc3"
                           "b\xed\xa0\x80\xe4\xb8"));
    CHECK_INT(json_write_finish(&w), BUF_OK);
    CHECK_OUT(&out, "\"\xef\xbf\xbd"
                    "a\xef\xbf\xbd"
                    "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                    "\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void keys_are_escaped_too(void **state)
{
    struct buf out;
    struct json_write w;

    (void)state;
    buf_init(&out, 100);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "\"\n", (struct str){NULL, 0});
    json_write_end(&w, '}');
    CHECK_INT(json_write_finish(&w), BUF_OK);
    CHECK_OUT(&out, "{\"\\\"\\n\":\"\"}");
}

static void a_full_buffer_is_remembered_until_the_end(void **state)
{
    static const char expected[] = "{\"name\":\"\xc3\xa9\\n\",\"n\":[1,2,3.5,true,null]}";
    struct buf out;
    struct json_write w;

    (void)state;
    for (size_t max = 0; max <= sizeof(expected) - 1; max++) {
        buf_init(&out, max);
        json_write_init(&w, &out);
        json_write_begin(&w, '{');
        json_write_member(&w, "name", "\xc3\xa9\n");
        json_write_key(&w, "n");
        json_write_begin(&w, '[');
        json_write_int(&w, 1);
        json_write_u64(&w, 2);
        json_write_double(&w, 3.5);
        json_write_bool(&w, true);
        json_write_null(&w);
        json_write_end(&w, ']');
        json_write_end(&w, '}');
        if (max < sizeof(expected) - 1)
            CHECK_INT(json_write_finish(&w), BUF_FULL);
        else
            CHECK_INT(json_write_finish(&w), BUF_OK);
        CHECK(out.len <= max);
        buf_done(&out);
    }
}

static void an_empty_member_is_left_out_with_its_comma(void **state)
{
    struct buf out;
    struct json_write w;

    (void)state;
    buf_init(&out, 100);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_optional_str(&w, "a", STR_EMPTY);
    json_write_optional_raw(&w, "b", STR_EMPTY);
    json_write_optional_str(&w, "c", STR("x"));
    json_write_optional_raw(&w, "d", STR("[1]"));
    json_write_end(&w, '}');
    CHECK_INT(json_write_finish(&w), BUF_OK);
    CHECK_OUT(&out, "{\"c\":\"x\",\"d\":[1]}");
}

static void a_quoted_text_lies_in_the_arena_or_is_empty(void **state)
{
    static char long_text[8192];
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 16);
    CHECK_STR(json_write_quoted(&a, "a \"b\""), "\"a \\\"b\\\"\"");
    memset(long_text, 'x', sizeof(long_text) - 1);
    CHECK_U64(json_write_quoted(&a, long_text).len, 0);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_nesting_are_kept_by_the_writer),
        cmocka_unit_test(whole_numbers_reach_both_ends),
        cmocka_unit_test(a_double_reads_back_as_itself),
        cmocka_unit_test(strings_are_escaped_and_no_more_than_needed),
        cmocka_unit_test(bytes_that_are_no_utf8_become_the_replacement_character),
        cmocka_unit_test(keys_are_escaped_too),
        cmocka_unit_test(a_full_buffer_is_remembered_until_the_end),
        cmocka_unit_test(an_empty_member_is_left_out_with_its_comma),
        cmocka_unit_test(a_quoted_text_lies_in_the_arena_or_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
