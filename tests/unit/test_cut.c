#include "cut.h"

#include "check.h"

#include <string.h>

#define TEN(t) t t t t t t t t t t

static void cuts(size_t (*cut)(struct str), const char *text, const char *first)
{
    struct str rest = str_from(text);
    char found[2048];

    CHECK(str_copy(found, sizeof(found), (struct str){rest.data, cut(rest)}));
    CHECK_TEXT(found, first);
}

static void a_line_ends_at_its_newline_and_short_ones_go_together(void **state)
{
    (void)state;
    cuts(cut_line, "a line that is long enough\nnext", "a line that is long enough");
    cuts(cut_line, "{\n  x\n}\nand so much more text here\nz",
         "{\n  x\n}\nand so much more text here");
    cuts(cut_line, "one", "one");
}

static void a_long_line_is_cut_at_a_blank_or_a_comma(void **state)
{
    size_t n = cut_line(str_from(TEN(TEN("words ")) TEN(TEN("words "))));

    (void)state;
    CHECK(n % 6 == 0 && n > 120 && n <= 240);
    n = cut_line(str_from(TEN(TEN("[1,2],")) TEN(TEN("[1,2],"))));
    CHECK(n > 120 && n <= 240);
}

static void nothing_is_cut_inside_a_sign(void **state)
{
    /* a woman, a joiner, a computer */
    const char *signs = TEN(TEN("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb"));
    const char *marks = TEN(TEN("e\xcc\x81\xcc\xa7"));

    (void)state;
    CHECK_U64(cut_line(str_from(signs)) % 11, 0);
    CHECK_U64(cut_line(str_from(marks)) % 5, 0);
    for (size_t max = 1; max < 60; max++) {
        CHECK_U64(cut_prefix(str_from(signs), max) % 11, 0);
        CHECK_U64(cut_prefix(str_from(marks), max) % 5, 0);
    }
}

static void sentences_are_taken_by_the_paragraph(void **state)
{
    const char *text = "Short one. " TEN("And a longer one that goes on. ") "Last.\nNext";
    struct str rest = str_from(text);
    size_t n = cut_sentence(rest);

    (void)state;
    CHECK(n > 100 && n <= 240 && rest.data[n - 1] == '.');
    cuts(cut_sentence, "One. Two.\nThree.", "One. Two.");
    n = cut_sentence(str_from(TEN(TEN("\xe4\xbd\xa0\xe3\x80\x82"))));
    CHECK(n > 100 && n <= 240 && n % 6 == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_ends_at_its_newline_and_short_ones_go_together),
        cmocka_unit_test(a_long_line_is_cut_at_a_blank_or_a_comma),
        cmocka_unit_test(nothing_is_cut_inside_a_sign),
        cmocka_unit_test(sentences_are_taken_by_the_paragraph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
