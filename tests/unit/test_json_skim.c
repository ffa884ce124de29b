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

static void the_elements_of_an_array_come_one_by_one(void **state)
{
    static const struct {
        struct str array;
        const char *elements;
    } cases[] = {
        {STR_INIT("[]"), ""},
        {STR_INIT(" [ ] "), ""},
        {STR_INIT("[1, \"a,]\" ,[2,[3]],{\"b\":[4]} , null]"),
         "<1><\"a,]\"><[2,[3]]><{\"b\":[4]}><null>"},
        {STR_INIT("{\"a\":1}"), ""},
        {STR_INIT("[1 2]"), "<1>"},
        {STR_INIT("[1,[2"), "<1>"},
        {STR_INIT("[,1]"), ""},
        {STR_INIT(""), ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char got[128] = "";
        size_t cursor = 0;
        struct str element;
        while (json_skim_element(cases[i].array, &cursor, &element)) {
            size_t at = strlen(got);
            snprintf(got + at, sizeof(got) - at, "<%.*s>", STR_ARG(element));
        }
        CHECK_TEXT(got, cases[i].elements);
    }
}

static void a_whole_value_is_told_from_a_cut_one(void **state)
{
    (void)state;
    CHECK(json_skim_is_whole(STR(" [{\"a\":\"]\"},1] \n")));
    CHECK(!json_skim_is_whole(STR("\"a\"")));
    CHECK(!json_skim_is_whole(STR("<html></html>")));
    CHECK(!json_skim_is_whole(STR("")));
    CHECK(!json_skim_is_whole(STR("{\"a\":[1}")));
    CHECK(!json_skim_is_whole(STR("[1]]")));
    CHECK(!json_skim_is_whole(STR("<html></html> x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_of_the_outermost_object_is_found),
        cmocka_unit_test(what_is_no_whole_object_or_lacks_it_is_told_apart_from_it),
        cmocka_unit_test(depth_has_a_ceiling),
        cmocka_unit_test(a_whole_value_is_told_from_a_cut_one),
        cmocka_unit_test(the_elements_of_an_array_come_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
