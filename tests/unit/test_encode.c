#include "check.h"
#include "tokens/encode.h"
#include "toy_vocab.h"

struct fixture {
    struct vocab v;
    struct buf table;
    struct encode *e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    toy_make(&f->v, &f->table, PRETOKEN_CL100K);
    f->e = encode_new(&f->v);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    encode_free(&f->e);
    buf_done(&f->table);
    free(f);
    return 0;
}

static void check_text(struct fixture *f, struct str text)
{
    uint32_t *ids = malloc((text.len + 1) * sizeof(*ids));
    uint32_t *reference = malloc((text.len + 1) * sizeof(*reference));
    size_t n = 0, want = toy_encode(PRETOKEN_CL100K, text, reference);
    uint64_t count = 0;

    CHECK_INT(encode_ids(f->e, text, ids, &n), ENCODE_OK);
    CHECK_INT(n, want);
    assert_memory_equal(ids, reference, n * sizeof(*ids));
    for (int twice = 0; twice < 2; twice++) {
        CHECK_INT(encode_count(f->e, text, UINT64_MAX, &count), ENCODE_OK);
        CHECK_U64(count, n);
    }
    free(ids);
    free(reference);
}

static void test_tokens_are_those_of_the_definition(void **state)
{
    static const char *const texts[] = {
        "",        "a",        "abc", "abcab",  "babab",  "aaaaa", "aaaaaaaaaaaaaaa", "the thing",
        "abababa", "bbbcabca", "lll", "llllll", "thethe", "    x", "         ",       "\xff\xfe",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_text(*state, str_from(texts[i]));
}

static void test_random_text_of_few_letters_merges_as_defined(void **state)
{
    uint32_t seed = 1;

    for (int round = 0; round < 3000; round++) {
        char text[120];
        size_t n = (size_t)round % sizeof(text);
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = "abcabcab the"[(seed >> 16) % (round % 3 == 0 ? 12 : 3)];
        }
        check_text(*state, (struct str){text, n});
    }
}

static void test_a_limit_stops_the_count(void **state)
{
    struct fixture *f = *state;
    uint64_t count = 7;

    CHECK_INT(encode_count(f->e, STR("x y z"), 2, &count), ENCODE_OVER_LIMIT);
    CHECK_U64(count, 7);
    CHECK_INT(encode_count(f->e, STR("the"), 1, &count), ENCODE_OK);
    CHECK_U64(count, 1);
    CHECK_INT(encode_count(f->e, STR("the"), 0, &count), ENCODE_OVER_LIMIT);
    CHECK_INT(encode_count(f->e, STR(""), 0, &count), ENCODE_OK);
    CHECK_U64(count, 0);
}

static void test_a_piece_beyond_the_ceiling_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str text = {NULL, ENCODE_MAX_PIECE + 1};
    char *letters = malloc(text.len);
    uint32_t id;
    uint64_t count;
    size_t n;

    memset(letters, 'a', text.len);
    text.data = letters;
    CHECK_INT(encode_count(f->e, text, UINT64_MAX, &count), ENCODE_TOO_LONG);
    CHECK_INT(encode_ids(f->e, text, &id, &n), ENCODE_TOO_LONG);
    text.len--;
    CHECK_INT(encode_count(f->e, text, UINT64_MAX, &count), ENCODE_OK);
    CHECK_U64(count, ENCODE_MAX_PIECE / 4);
    free(letters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tokens_are_those_of_the_definition, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random_text_of_few_letters_merges_as_defined, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_limit_stops_the_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_piece_beyond_the_ceiling_is_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
