#include "base/map.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>

static struct str number(char text[16], int i)
{
    return (struct str){text, (size_t)snprintf(text, 16, "key-%d", i)};
}

static void the_hash_is_siphash_2_4(void **state)
{
    const uint64_t seed[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

    (void)state; /* the vectors of its authors' paper and reference code */
    CHECK(map_hash(seed, STR("")) == UINT64_C(0x726fdb47dd0e0e31));
    CHECK(map_hash(seed, STR("\0\1\2\3\4\5\6\7")) == UINT64_C(0x93f5f5799a932462));
    CHECK(map_hash(seed, STR("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16")) ==
          UINT64_C(0xa129ca6149be45e5));
}

static void the_first_value_under_a_key_stays(void **state)
{
    struct map m;
    int first, second;

    (void)state;
    map_init(&m);
    CHECK(map_add(&m, STR("a"), &first) == &first);
    CHECK(map_add(&m, STR("a"), &second) == &first);
    CHECK(map_find(&m, STR("a")) == &first);
    CHECK_U64(m.n, 1);
    map_done(&m);
}

static void keys_are_bytes_and_may_be_empty_or_hold_nul(void **state)
{
    struct map m;
    int empty, nul, longer;

    (void)state;
    map_init(&m);
    CHECK(map_find(&m, STR("")) == NULL);
    map_add(&m, STR(""), &empty);
    map_add(&m, STR("\0"), &nul);
    map_add(&m, STR("\0\0"), &longer);
    CHECK(map_find(&m, STR("")) == &empty);
    CHECK(map_find(&m, STR("\0")) == &nul);
    CHECK(map_find(&m, STR("\0\0")) == &longer);
    map_done(&m);
}

static void keys_are_copied(void **state)
{
    struct map m;
    char text[] = "before";
    int value;

    (void)state;
    map_init(&m);
    map_add(&m, str_from(text), &value);
    text[0] = 'X';
    CHECK(map_find(&m, STR("before")) == &value);
    CHECK(map_find(&m, str_from(text)) == NULL);
    map_done(&m);
}

static void two_maps_do_not_share_a_seed(void **state)
{
    struct map a, b;
    int value;

    (void)state;
    map_init(&a);
    map_init(&b);
    map_add(&a, STR("a"), &value);
    map_add(&b, STR("a"), &value);
    CHECK(a.seed[0] != b.seed[0] && a.seed[1] != b.seed[1]);
    map_done(&a);
    map_done(&b);
}

static void what_was_taken_is_gone_and_the_rest_stays(void **state)
{
    enum { N = 3000 };
    static int values[N];
    static unsigned char present[N];
    struct map m;
    char text[16];

    (void)state;
    map_init(&m);
    srand(1);
    for (int step = 0; step < 40 * N; step++) {
        int i = rand() % N;
        if (rand() % 5 < 3) {
            map_add(&m, number(text, i), &values[i]);
            present[i] = 1;
        } else {
            void *taken = map_take(&m, number(text, i));
            CHECK(taken == (present[i] ? &values[i] : NULL));
            present[i] = 0;
        }
    }
    size_t n = 0;
    for (int i = 0; i < N; i++) {
        CHECK(map_find(&m, number(text, i)) == (present[i] ? &values[i] : NULL));
        n += present[i];
    }
    CHECK_U64(m.n, n);
    map_done(&m);
}

static void a_walk_meets_every_key_once(void **state)
{
    enum { N = 500 };
    static int values[N];
    struct map m;
    struct str key;
    char text[16];
    void *value;
    size_t cursor = 0, n = 0;

    (void)state;
    map_init(&m);
    CHECK(!map_next(&m, &cursor, &key, &value));
    for (int i = 0; i < N; i++)
        map_add(&m, number(text, i), &values[i]);
    for (cursor = 0; map_next(&m, &cursor, &key, &value); n++) {
        int *counter = value;
        CHECK(str_equal(key, number(text, (int)(counter - values))));
        ++*counter;
    }
    CHECK_U64(n, N);
    for (int i = 0; i < N; i++)
        CHECK_INT(values[i], 1);
    map_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_siphash_2_4),
        cmocka_unit_test(the_first_value_under_a_key_stays),
        cmocka_unit_test(keys_are_bytes_and_may_be_empty_or_hold_nul),
        cmocka_unit_test(keys_are_copied),
        cmocka_unit_test(two_maps_do_not_share_a_seed),
        cmocka_unit_test(what_was_taken_is_gone_and_the_rest_stays),
        cmocka_unit_test(a_walk_meets_every_key_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
