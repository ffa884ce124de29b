#include "base/utf8.h"

#include "check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The definition, written the slow way: decode the bits, then look at the number. */
static size_t slow_step(const unsigned char *p, size_t len)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    uint32_t code = n == 1 ? p[0] : p[0] & (0x7fU >> n);

    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < smallest[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return n;
}

static size_t slow_valid_length(const unsigned char *p, size_t len)
{
    size_t at = 0;

    for (size_t n; at < len && (n = slow_step(p + at, len - at)) > 0;)
        at += n;
    return at;
}

static void every_sequence_of_three_bytes_is_judged_by_its_code_point(void **state)
{
    (void)state;
    for (uint32_t n = 0x800000; n < 0x1000000; n++) { /* every lead but ASCII */
        unsigned char p[8] = {
            0xe4, 0xb8, 0xad, (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n,
            'a',  'b'};
        if (utf8_valid_length((char *)p + 3, 3) != slow_valid_length(p + 3, 3) ||
            utf8_valid_length((char *)p, 8) != slow_valid_length(p, 8))
            fail_msg("%02x %02x %02x", p[3], p[4], p[5]);
    }
}

static void sequences_of_four_bytes_are_judged_by_their_code_point(void **state)
{
    static const unsigned char tails[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};

    (void)state;
    for (unsigned lead = 0xf0; lead < 0x100; lead++) {
        for (unsigned second = 0; second < 0x100; second++) {
            for (unsigned i = 0; i < 36; i++) {
                unsigned char p[4] = {(unsigned char)lead, (unsigned char)second, tails[i / 6],
                                      tails[i % 6]};
                CHECK_U64(utf8_valid_length((char *)p, 4), slow_valid_length(p, 4));
                CHECK_U64(utf8_step((char *)p, 4), slow_step(p, 4));
            }
        }
    }
}

static void a_bad_byte_is_found_at_every_place_of_a_long_text(void **state)
{
    char text[80];

    (void)state;
    for (size_t len = 1; len <= sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            memset(text, 'a', len);
            CHECK(utf8_is_valid(text, len));
            text[at] = (char)0xff;
            CHECK(!utf8_is_valid(text, len));
            CHECK_U64(utf8_valid_length(text, len), at);
        }
    }
}

static void random_mixtures_agree_with_the_definition(void **state)
{
    static const char *const pieces[] = {
        "a",
        "plain ascii words ",
        "\xc3\xa9",
        "\xe4\xb8\xad",
        "\xf0\x9f\x98\x80",
        "\0",
        "\xf4\x8f\xbf\xbf",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xc0\xaf",
        "\n",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xe0\x80\xaf",
        "\xf0\x80\x80\xaf",
        "z",
        "more than sixteen..",
        "\x80",
        "\xc3",
        "\xe4\xb8",
    };
    char text[400];

    (void)state;
    srand(7);
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = 0, n = (size_t)rand() % 12;
        size_t kinds = round % 2 ? 9 : sizeof(pieces) / sizeof(pieces[0]);
        for (size_t i = 0; i < n; i++) {
            const char *piece = pieces[(size_t)rand() % kinds];
            size_t piece_len = *piece ? strlen(piece) : 1;
            memcpy(text + len, piece, piece_len);
            len += piece_len;
        }
        CHECK_U64(utf8_valid_length(text, len),
                  slow_valid_length((const unsigned char *)text, len));
    }
}

static void a_preview_never_ends_inside_a_character(void **state)
{
    static const char text[] = "a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80z";
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

    (void)state;
    for (size_t max = 0; max < sizeof(expected) / sizeof(expected[0]); max++)
        CHECK_U64(utf8_prefix(text, sizeof(text) - 1, max), expected[max]);
}

static void a_preview_of_ill_formed_text_still_ends(void **state)
{
    (void)state;
    CHECK_U64(utf8_prefix("\x80\x80\x80\x80\x80\x80\x80\x80", 8, 6), 3);
    CHECK_U64(utf8_prefix("\x80\x80", 2, 1), 0);
}

static void an_empty_text_is_valid(void **state)
{
    (void)state;
    CHECK(utf8_is_valid("", 0));
    CHECK(utf8_is_valid(NULL, 0));
    CHECK_U64(utf8_step("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sequence_of_three_bytes_is_judged_by_its_code_point),
        cmocka_unit_test(sequences_of_four_bytes_are_judged_by_their_code_point),
        cmocka_unit_test(a_bad_byte_is_found_at_every_place_of_a_long_text),
        cmocka_unit_test(random_mixtures_agree_with_the_definition),
        cmocka_unit_test(a_preview_never_ends_inside_a_character),
        cmocka_unit_test(a_preview_of_ill_formed_text_still_ends),
        cmocka_unit_test(an_empty_text_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
