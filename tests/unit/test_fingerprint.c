#include "base/fingerprint.h"

#include "check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct fingerprint_key key;

static bool is_same(struct fingerprint a, struct fingerprint b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void the_same_text_has_the_same_wherever_it_lies(void **state)
{
    char room[5000];

    (void)state;
    for (size_t len = 0; len < 4000; len = len * 3 / 2 + 1)
        for (size_t at = 0; at < 9; at++) {
            char first[5000];
            memset(room, 'x', sizeof(room));
            for (size_t i = 0; i < len; i++)
                first[i] = room[at + i] = (char)(i * 7);
            CHECK(is_same(fingerprint_of(&key, 1, (struct str){first, len}),
                          fingerprint_of(&key, 1, (struct str){room + at, len})));
        }
}

static void each_bit_each_length_and_the_domain_matter(void **state)
{
    static const size_t lengths[] = {1, 15, 16, 17, 63, 64, 65, 1023, 1024, 1025, 70000};
    char *text = calloc(1, 70001);

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct str s = {text, lengths[i]};
        struct fingerprint f = fingerprint_of(&key, 1, s);
        size_t step = s.len > 2000 ? 997 : 1;
        for (size_t bit = 0; bit < 8 * s.len; bit += step) {
            text[bit / 8] ^= (char)(1 << bit % 8);
            CHECK(!is_same(f, fingerprint_of(&key, 1, s)));
            text[bit / 8] ^= (char)(1 << bit % 8);
        }
        CHECK(!is_same(f, fingerprint_of(&key, 2, s)));
        CHECK(!is_same(f, fingerprint_of(&key, 1, (struct str){text, s.len - 1})));
        CHECK(!is_same(f, fingerprint_of(&key, 1, (struct str){text, s.len + 1})));
    }
    free(text);
}

static void another_key_gives_another(void **state)
{
    struct fingerprint_key other;

    (void)state;
    fingerprint_make_key(&other);
    CHECK(!is_same(fingerprint_of(&key, 1, STR("text")), fingerprint_of(&other, 1, STR("text"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_has_the_same_wherever_it_lies),
        cmocka_unit_test(each_bit_each_length_and_the_domain_matter),
        cmocka_unit_test(another_key_gives_another),
    };

    fingerprint_make_key(&key);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
