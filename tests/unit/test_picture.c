#include "tokens/picture.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void encode(const unsigned char *bytes, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < n; i += 3, out += 4) {
        unsigned three = (unsigned)bytes[i] << 16 | (i + 1 < n ? (unsigned)bytes[i + 1] << 8 : 0) |
                         (i + 2 < n ? bytes[i + 2] : 0);
        for (unsigned d = 0; d < 4; d++)
            out[d] = digits[three >> (18 - 6 * d) & 63];
        if (i + 1 >= n)
            out[2] = '=';
        if (i + 2 >= n)
            out[3] = '=';
    }
    *out = '\0';
}

static bool find(const char *bytes, size_t n, uint32_t *w, uint32_t *h)
{
    char text[4096];

    encode((const unsigned char *)bytes, n, text);
    return picture_find_size(str_from(text), w, h);
}

#define BYTES(s) s, sizeof(s) - 1

static const struct {
    const char *what, *bytes;
    size_t n;
    uint32_t width, height;
} headers[] = {
    {"PNG", BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\xd2\0\0\x02\x37\x08\x02"), 1234, 567},
    {"GIF", BYTES("GIF89a\xd2\x04\x37\x02\xf7\0\0"), 1234, 567},
    {"JPEG",
     BYTES("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x11\x08\x02\x37\x04\xd2\3\1"),
     1234, 567},
    {"progressive JPEG, filled with FF",
     BYTES("\xff\xd8\xff\xe1\0\6abcd\xff\xff\xff\xc2\0\x11\x08\x02\x37\x04\xd2\3"), 1234, 567},
    {"WebP, lossy", BYTES("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\xd2\x04\x37\x02"), 1234,
     567},
    {"WebP, lossless", BYTES("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\xd1\x84\x8d\0\0"), 1234, 567},
    {"WebP, extended", BYTES("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xd1\x04\0\x36\x02\0"), 1234,
     567},
};

static void the_size_is_read_off_the_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        uint32_t w = 0, h = 0;
        if (!find(headers[i].bytes, headers[i].n, &w, &h) || w != headers[i].width ||
            h != headers[i].height)
            fail_msg("%s: %u x %u", headers[i].what, w, h);
    }
}

static void what_is_cut_short_or_no_picture_has_no_size(void **state)
{
    uint32_t w = 7, h = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        for (size_t n = 0; n < 20 && n < headers[i].n / 2; n++)
            CHECK(!find(headers[i].bytes, n, &w, &h));
    CHECK(!find(BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\x02\x37"), &w, &h));
    CHECK(!find(BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\0\0\0\0\0\x02\x37"), &w, &h));
    CHECK(!find(BYTES("%PDF-1.7 and so on, for a while"), &w, &h));
    CHECK(!picture_find_size(STR("no base64 at all!"), &w, &h));
    CHECK_INT(w, 7);
}

static uint64_t tokens(const char *model, uint32_t w, uint32_t h, bool is_low)
{
    const struct picture p = {w, h, is_low};

    return picture_count(counting_rule_find(str_from(model)), &p).tokens;
}

/* The examples of the providers' guides. */
static void pictures_cost_what_the_guides_say(void **state)
{
    (void)state;
    CHECK_U64(tokens("gpt-4o", 1024, 1024, false), 765);
    CHECK_U64(tokens("gpt-4o", 2048, 4096, false), 1105);
    CHECK_U64(tokens("gpt-4o", 4096, 8192, true), 85);
    CHECK_U64(tokens("gpt-4o", 100, 100, false), 85 + 170);
    CHECK_U64(tokens("gpt-4o", 512, 512, false), 85 + 170);
    CHECK_U64(tokens("gpt-4o-mini", 1024, 1024, false), 2833 + 4 * 5667);
    CHECK_U64(tokens("o1", 1024, 1024, false), 75 + 4 * 150);
    CHECK_U64(tokens("gpt-4.1-mini", 1024, 1024, false), (1024 * 162 + 99) / 100);
    CHECK_U64(tokens("gpt-4.1-mini", 1800, 2400, false), (1452 * 162 + 99) / 100);
    CHECK_U64(tokens("gemini-2.5-pro", 384, 384, false), 258);
    CHECK_U64(tokens("gemini-2.5-pro", 1000, 700, false), 2 * 258);
    uint64_t claude = tokens("claude-sonnet-4", 1000, 1000, false);
    CHECK(claude >= 1333 && claude <= 1335);
    claude = tokens("claude-sonnet-4", 3000, 3000, false);
    CHECK(claude >= 1500 && claude <= 1650);
    CHECK(tokens("claude-opus-4-7", 3000, 3000, false) > 2 * claude);
}

static void no_size_is_too_odd(void **state)
{
    static const char *const models[] = {"gpt-4o", "o4-mini", "claude-x", "gemini-x"};
    static const uint32_t sides[] = {1, 2, 31, 33, 513, 5000, 100000};

    (void)state;
    for (size_t m = 0; m < 4; m++)
        for (size_t i = 0; i < 49; i++) {
            uint64_t n = tokens(models[m], sides[i % 7], sides[i / 7], false);
            if (n == 0 || n > (m == 3 ? UINT64_C(10000000) : 5000))
                fail_msg("%s: %u x %u: %lu", models[m], sides[i % 7], sides[i / 7],
                         (unsigned long)n);
        }
}

static void a_picture_of_unknown_size_is_in_doubt(void **state)
{
    const struct picture unknown = {0, 0, false}, low = {0, 0, true}, known = {1024, 1024, false};
    const struct counting_rule *gpt = counting_rule_find(STR("gpt-4o"));

    (void)state;
    CHECK_U64(picture_count(gpt, &unknown).tokens, 765);
    CHECK_U64(picture_count(gpt, &unknown).doubt, 765);
    CHECK_U64(picture_count(gpt, &low).doubt, 0);
    CHECK_U64(picture_count(gpt, &known).doubt, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_size_is_read_off_the_header),
        cmocka_unit_test(what_is_cut_short_or_no_picture_has_no_size),
        cmocka_unit_test(pictures_cost_what_the_guides_say),
        cmocka_unit_test(no_size_is_too_odd),
        cmocka_unit_test(a_picture_of_unknown_size_is_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
