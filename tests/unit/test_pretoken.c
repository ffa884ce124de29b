#include "check.h"
#include "tokens/pretoken.h"
#include "tokens/unicode_class.h"

#include <string.h>

struct cut {
    const char *text;
    const char *pieces; /* with '|' between them */
};

static void check(enum pretoken_family family, const struct cut *cuts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str rest = str_from(cuts[i].text);
        char joined[256] = "";
        while (rest.len > 0) {
            size_t len = pretoken_length(family, rest);
            CHECK(len > 0 && len <= rest.len);
            if (joined[0])
                strcat(joined, "|");
            strncat(joined, rest.data, len);
            rest.data += len;
            rest.len -= len;
        }
        CHECK_TEXT(joined, cuts[i].pieces);
    }
}

static void test_cl100k_cuts_words_numbers_symbols_and_space(void **state)
{
    static const struct cut cuts[] = {
        {"", ""},
        {"Hello, world!", "Hello|,| world|!"},
        {"don't I'LL x'S 'sup", "don|'t| I|'LL| x|'S| '|sup"},
        {"it'\xc5\xbf", "it|'\xc5\xbf"},
        {"12345 67", "123|45| |67"},
        {"a  b", "a| | b"},
        {"a \n\n  b", "a| \n\n| | b"},
        {"a   ", "a|   "},
        {"x()\n\ny", "x|()\n\n|y"},
        {"\tif", "\tif"},
        {"\t!", "\t|!"},
        {"//\n/", "//\n|/"},
        {"e\xcc\x81t", "e|\xcc\x81t"},
        {"\xef\xbb\xbf# x", "\xef\xbb\xbf#| x"},
        {"\xc2\x85\xe3\x80\x80x", "\xc2\x85|\xe3\x80\x80x"},
    };

    (void)state;
    check(PRETOKEN_CL100K, cuts, sizeof(cuts) / sizeof(cuts[0]));
}

static void test_o200k_cuts_where_small_letters_end(void **state)
{
    static const struct cut cuts[] = {
        {"camelCaseWord", "camel|Case|Word"},
        {"HTTPServer", "HTTPServer"},
        {"HTTP server's", "HTTP| server's"},
        {"I'LL go", "I'LL| go"},
        {"x'\xc5\xbf", "x'\xc5\xbf"},
        {"//\n/a", "//\n/|a"},
        {"e\xcc\x81t", "e\xcc\x81t"},
        {"!\xcc\x81", "!\xcc\x81"},
        {"\xcc\x81"
         "AB",
         "\xcc\x81|AB"},
        {"\xcc\x81"
         "Ab",
         "\xcc\x81"
         "Ab"},
        {"\xcc\x81's", "\xcc\x81's"},
        {"\xe4\xb8\xad"
         "AB",
         "\xe4\xb8\xad|AB"},
        {"\xe4\xb8\xad"
         "Ab",
         "\xe4\xb8\xad"
         "Ab"},
        {"A\xe4\xb8\xad"
         "B",
         "A\xe4\xb8\xad|B"},
        {" 1", " |1"},
        {"a \n b", "a| \n| b"},
    };

    (void)state;
    check(PRETOKEN_O200K, cuts, sizeof(cuts) / sizeof(cuts[0]));
}

static void test_gpt2_keeps_numbers_whole_and_knows_small_contractions_only(void **state)
{
    static const struct cut cuts[] = {
        {"don't DON'T", "don|'t| DON|'|T"},
        {"in 12345", "in| 12345"},
        {"a \n\n b", "a| \n\n| b"},
        {"x (y)\n", "x| (|y|)|\n"},
    };

    (void)state;
    check(PRETOKEN_GPT2, cuts, sizeof(cuts) / sizeof(cuts[0]));
}

static void test_words_of_any_length_end_where_their_letters_do(void **state)
{
    static const struct cut cuts[] = {
        {" sevenab eightabc nineabcde", " sevenab| eightabc| nineabcde"},
        {"abcdefghijklmnopq1", "abcdefghijklmnopq|1"},
        {"abcdefghi{abcdefg`h", "abcdefghi|{abcdefg|`h"},
        {"abcdefgh\xc3\xa9x abcdefg\xc3\xa9", "abcdefgh\xc3\xa9x| abcdefg\xc3\xa9"},
        {"(Word(wOrd", "(Word|(w|Ord"},
        {"Abcdefghij's", "Abcdefghij's"},
    };

    (void)state;
    check(PRETOKEN_O200K, cuts, sizeof(cuts) / sizeof(cuts[0]));
    check(PRETOKEN_O200K, &(struct cut){"abcdefghZabcdefgh@", "abcdefgh|Zabcdefgh|@"}, 1);
    check(PRETOKEN_CL100K, &(struct cut){"abcdefghZabcdefgh@", "abcdefghZabcdefgh|@"}, 1);
    check(PRETOKEN_CL100K, &(struct cut){"abcdefgh\xc3\xa9x'sx", "abcdefgh\xc3\xa9x|'s|x"}, 1);
}

static void test_qwen2_takes_digits_one_by_one(void **state)
{
    static const struct cut cuts[] = {
        {"in 123", "in| |1|2|3"},
        {"don't I'LL", "don|'t| I|'LL"},
        {"a \n\n  b", "a| \n\n| | b"},
        {"\xd9\xa1\xd9\xa2", "\xd9\xa1|\xd9\xa2"},
    };

    (void)state;
    check(PRETOKEN_QWEN2, cuts, sizeof(cuts) / sizeof(cuts[0]));
}

static void test_tekken_knows_no_contractions(void **state)
{
    static const struct cut cuts[] = {
        {"don't 12", "don|'t| |1|2"},
        {"camelCase HTTPServer", "camel|Case| HTTPServer"},
        {"I'LL", "I|'LL"},
        {"//\n/a", "//\n/|a"},
    };

    (void)state;
    check(PRETOKEN_TEKKEN, cuts, sizeof(cuts) / sizeof(cuts[0]));
}

static void test_deepseek_cuts_numbers_and_cjk_out_first(void **state)
{
    static const struct cut cuts[] = {
        {"in 12345", "in| |123|45"},
        {"a  1  b", "a|  |1| | b"},
        {"a\xe4\xb8\xad\xe3\x81\x82"
         "b  \xe4\xb8\xad",
         "a|\xe4\xb8\xad\xe3\x81\x82|b|  |\xe4\xb8\xad"},
        {"\xea\xb0\x80\xe4\xb8\xad", "\xea\xb0\x80|\xe4\xb8\xad"},
        {"don't (x) .y", "don|'t| (|x|)| .|y"},
        {"e\xcc\x81t \xcc\x81", "e\xcc\x81t| \xcc\x81"},
        {"!\xcc\x81", "!|\xcc\x81"},
        {"!!ab\n", "!!|ab|\n"},
        {"!!\r\n\n x", "!!\r\n\n| x"},
        {"\x01\x02", "\x01\x02"},
        {"\x01\x02"
         "a\x03!",
         "\x01|\x02"
         "a|\x03|!"},
        {"a \n\n  b", "a| \n\n| | b"},
        {"a   ", "a|   "},
        {"\xe3\x83\xbb.", "\xe3\x83\xbb|."},
    };

    (void)state;
    check(PRETOKEN_DEEPSEEK, cuts, sizeof(cuts) / sizeof(cuts[0]));
}

static void test_bytes_that_are_no_text_are_symbols(void **state)
{
    static const struct cut cuts[] = {
        {"\xff\xfe a", "\xff\xfe| a"},
        {"\xe4\xb8 a", "\xe4\xb8| a"},
        {"\xf0\x9f\x98", "\xf0\x9f\x98"},
    };

    (void)state;
    check(PRETOKEN_O200K, cuts, sizeof(cuts) / sizeof(cuts[0]));
    check(PRETOKEN_CL100K, cuts, sizeof(cuts) / sizeof(cuts[0]));
}

static void test_classes_are_those_of_unicode_16(void **state)
{
    (void)state;
    CHECK_INT(unicode_class_of('A'), UNICODE_CLASS_UPPER);
    CHECK_INT(unicode_class_of('_'), UNICODE_CLASS_SYMBOL);
    CHECK_INT(unicode_class_of('+'), UNICODE_CLASS_SYMBOL);
    CHECK_INT(unicode_class_of(0x7f), UNICODE_CLASS_OTHER);
    CHECK_INT(unicode_class_of(0x85), UNICODE_CLASS_SPACE);
    CHECK_INT(unicode_class_of(0xfeff), UNICODE_CLASS_OTHER);
    CHECK_INT(unicode_class_of(0x10d50), UNICODE_CLASS_UPPER); /* Garay, new in 16.0 */
    CHECK_INT(unicode_class_of(0x16ea0), UNICODE_CLASS_OTHER); /* new in 17.0 */
    CHECK_INT(unicode_class_of(0x323af), UNICODE_CLASS_PLAIN);
    CHECK_INT(unicode_class_of(0x323b0), UNICODE_CLASS_OTHER);
    CHECK_INT(unicode_class_of(0xe0100), UNICODE_CLASS_MARK);
    CHECK_INT(unicode_class_of(0xe01f0), UNICODE_CLASS_OTHER);
    CHECK_INT(unicode_class_of(0x10ffff), UNICODE_CLASS_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cl100k_cuts_words_numbers_symbols_and_space),
        cmocka_unit_test(test_o200k_cuts_where_small_letters_end),
        cmocka_unit_test(test_gpt2_keeps_numbers_whole_and_knows_small_contractions_only),
        cmocka_unit_test(test_words_of_any_length_end_where_their_letters_do),
        cmocka_unit_test(test_qwen2_takes_digits_one_by_one),
        cmocka_unit_test(test_tekken_knows_no_contractions),
        cmocka_unit_test(test_deepseek_cuts_numbers_and_cjk_out_first),
        cmocka_unit_test(test_bytes_that_are_no_text_are_symbols),
        cmocka_unit_test(test_classes_are_those_of_unicode_16),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
