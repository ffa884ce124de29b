#include "base/json_skim.h"

#include "base/json.h"
#include "check.h"

#include <stdio.h>
#include <string.h>

static const char *member(const char *text, const char *key)
{
    static char copy[256];
    struct str value;

    if (!json_skim_member(str_from(text), key, &value))
        return NULL;
    snprintf(copy, sizeof(copy), "%.*s", STR_ARG(value));
    return copy;
}

static void a_member_of_the_outermost_object_is_found(void **state)
{
    (void)state;
    CHECK_TEXT(member("{\"usage\":{\"a\":[1]}}", "usage"), "{\"a\":[1]}");
    CHECK_TEXT(member(" { \"x\" : [ {\"usage\":1} , \"]\\\"}\" ] , \"usage\" :\n7 } ", "usage"),
               "7");
    CHECK_TEXT(member("{\"a\":\"\\\\\",\"usage\":\"\\\\\\\"\"}", "usage"), "\"\\\\\\\"\"");
    CHECK_TEXT(member("{\"usage\":1,\"usage\":2}", "usage"), "1");
    CHECK_TEXT(member("{\"a\":null,\"usage\":-1e3}", "usage"), "-1e3");
}

static void what_is_no_whole_object_or_lacks_it_is_told_apart_from_it(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "7",
        "\"usage\"",
        "{}",
        "{\"a\":1}",
        "{\"usage\":1",
        "{\"usage\":1,",
        "{\"usage\"}",
        "{\"usage\":}",
        "{\"usage\":1}x",
        "{\"usage\":1}}",
        "{\"usage\":[1}",
        "{\"usage\":[1}]}",
        "{\"usage\":\"a}",
        "{\"usage\":\"a\\\"}",
        "{usage:1}",
        "{\"a\":{\"usage\":1}}",
        "{\"usage\":1 2}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (member(texts[i], "usage"))
            fail_msg("found in %s", texts[i]);
}

static void depth_has_a_ceiling(void **state)
{
    char text[2 * JSON_MAX_DEPTH + 64];
    struct str value;
    size_t len;

    (void)state;
    for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
        len = (size_t)snprintf(text, sizeof(text), "{\"usage\":");
        memset(text + len, '[', (size_t)depth);
        memset(text + len + depth, ']', (size_t)depth);
        text[len + 2 * (size_t)depth] = '}';
        bool is_found =
            json_skim_member((struct str){text, len + 2 * (size_t)depth + 1}, "usage", &value);
        CHECK_INT(is_found, depth <= JSON_MAX_DEPTH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_of_the_outermost_object_is_found),
        cmocka_unit_test(what_is_no_whole_object_or_lacks_it_is_told_apart_from_it),
        cmocka_unit_test(depth_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
