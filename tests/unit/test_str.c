#include "base/str.h"

#include "check.h"

#include <string.h>

static const struct str none = {NULL, 0};

static void equal_means_every_byte(void **state)
{
    (void)state;
    CHECK(str_is(STR("abc"), "abc"));
    CHECK(!str_is(STR("abc"), "abcd"));
    CHECK(!str_is(STR("abc"), "ABC"));
    CHECK(!str_equal(STR("a\0b"), STR("a\0c")));
    CHECK(str_is(none, "") && str_equal(none, STR_EMPTY));
    CHECK(str_is(str_from(NULL), ""));
}

static void case_is_ascii_case_and_nul_is_a_byte_like_others(void **state)
{
    (void)state;
    CHECK(str_is_nocase(STR("Content-Type"), "content-TYPE"));
    CHECK(!str_is_nocase(STR("@[`{"), "`{@["));
    CHECK(!str_is_nocase(STR("\xc3\x84"), "\xc3\xa4"));
    CHECK(!str_equal_nocase(STR("a\0b"), STR("a\0c")));
    CHECK(str_equal_nocase(STR("A\0B"), STR("a\0b")));
    CHECK(str_equal_nocase(none, STR_EMPTY));
}

static void a_prefix_may_be_empty_or_all_but_not_longer(void **state)
{
    (void)state;
    CHECK(str_has_prefix(STR("Bearer x"), "Bearer "));
    CHECK(str_has_prefix(STR("ab"), "ab"));
    CHECK(!str_has_prefix(STR("ab"), "abc"));
    CHECK(!str_has_prefix(STR("Ab"), "ab"));
    CHECK(str_has_prefix(none, ""));
    CHECK(str_has_prefix_nocase(STR("BEARER x"), "bearer "));
    CHECK(str_has_prefix_nocase(none, ""));
    CHECK(!str_has_prefix_nocase(none, "a"));
}

static void trimming_takes_spaces_and_tabs_from_both_ends(void **state)
{
    (void)state;
    CHECK_STR(str_trim(STR(" \t a b\t ")), "a b");
    CHECK_STR(str_trim(STR("\na\n")), "\na\n");
    CHECK_INT(str_trim(STR(" \t ")).len, 0);
    CHECK_INT(str_trim(none).len, 0);
}

static void cutting_gives_every_part_and_empty_ones_too(void **state)
{
    struct str rest = STR("a,,b,"), part;

    (void)state;
    CHECK(str_cut(&rest, ',', &part));
    CHECK_STR(part, "a");
    CHECK(str_cut(&rest, ',', &part));
    CHECK_STR(part, "");
    CHECK(str_cut(&rest, ',', &part));
    CHECK_STR(part, "b");
    CHECK(str_cut(&rest, ',', &part));
    CHECK_STR(part, "");
    CHECK(!str_cut(&rest, ',', &part));

    rest = STR_EMPTY;
    CHECK(str_cut(&rest, ',', &part) && part.len == 0);
    CHECK(!str_cut(&rest, ',', &part));
    rest = none;
    CHECK(!str_cut(&rest, ',', &part));
}

static void a_copy_is_always_ended_and_says_when_it_is_cut(void **state)
{
    char text[4];

    (void)state;
    CHECK(str_copy(text, sizeof(text), STR("abc")));
    CHECK_TEXT(text, "abc");
    CHECK(!str_copy(text, sizeof(text), STR("abcd")));
    CHECK_TEXT(text, "abc");
    CHECK(str_copy(text, sizeof(text), none));
    CHECK_TEXT(text, "");
    CHECK(!str_copy(text, 1, STR("a")));
    CHECK_TEXT(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_means_every_byte),
        cmocka_unit_test(case_is_ascii_case_and_nul_is_a_byte_like_others),
        cmocka_unit_test(a_prefix_may_be_empty_or_all_but_not_longer),
        cmocka_unit_test(trimming_takes_spaces_and_tabs_from_both_ends),
        cmocka_unit_test(cutting_gives_every_part_and_empty_ones_too),
        cmocka_unit_test(a_copy_is_always_ended_and_says_when_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
