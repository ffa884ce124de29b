#include "squeeze.h"

#include "check.h"

#include <string.h>

static void squeezing_understands_escapes(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"\"\"", "\"\""},
        {"\"   \"", "\"   \""}, /* never to nothing */
        {"\"a \\\\n b\"", "\"a \\\\n b\""},
        {"\"a \\n\"", "\"a\\n\""},
        {"\"a \\t \\n\\tb\\\"  \"", "\"a\\n\\tb\\\"\""},
        {"\"a\\r\\n\\r\\n\\r\\n\"", "\"a\\r\\n\\r\\n\\r\\n\""},
        {"\"a\\u0020\\n\"", "\"a\\u0020\\n\""},
        {"\" \\n\\n\\n\\n a\"", "\"\\n\\n a\""},
        {"\"a\\n  \\n \\n\\n\"", "\"a\\n\\n\""},
        /* colours */
        {"\"\\u001b[1;31merror\\u001B[0m: x\"", "\"error: x\""},
        {"\"\\u001b[31\"", "\"\\u001b[31\""},
        {"\"\\u001b[\\n\"", "\"\\u001b[\\n\""},
        {"\"\\\\u001b[0mx\"", "\"\\\\u001b[0mx\""},
        /* the same line again and again */
        {"\"a long line of text\\na long line of text\\na long line of text\\nb\"",
         "\"a long line of text [\xc3\x97 3]\\nb\""},
        {"\"a\\na\\na\\nb\"", "\"a\\na\\na\\nb\""}, /* no shorter */
        {"\"\\nsame same same same\\nsame same same same\\nsame same same same\"",
         "\"\\nsame same same same [\xc3\x97 3]\""},
        /* JSON */
        {"\"{\\n  \\\"a b\\\": [1, 2],\\n  \\\"c\\\": \\\"\\\\\\\" d\\\"\\n}\"",
         "\"{\\\"a b\\\":[1,2],\\\"c\\\":\\\"\\\\\\\" d\\\"}\""},
        {"\"[1, 2\"", "\"[1, 2\""}, /* which it is not */
        {"\"[a]  [b]\"", "\"[a]  [b]\""},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str s = squeeze_string(&a, str_from(cases[i].from));
        CHECK_TEXT(arena_copy(&a, s), cases[i].to);
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squeezing_understands_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
