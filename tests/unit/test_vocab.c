#include "check.h"
#include "toy_vocab.h"

struct fixture {
    struct vocab v;
    struct buf table;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    toy_make(&f->v, &f->table, PRETOKEN_CL100K);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    buf_done(&f->table);
    free(f);
    return 0;
}

static uint32_t find(const struct vocab *v, const char *text)
{
    return vocab_find(v, str_from(text), vocab_hash((const unsigned char *)text, strlen(text)));
}

static void test_every_token_is_found_and_nothing_else(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < TOY_WORDS; i++)
        CHECK_INT(find(&f->v, toy_words[i]), 256 + i);
    CHECK_INT(find(&f->v, "a"), 'a' ^ 0x55);
    CHECK_INT(find(&f->v, ""), VOCAB_NONE);
    CHECK_INT(find(&f->v, "abb"), VOCAB_NONE);
    CHECK_INT(find(&f->v, "a longer text than any token is, by far"), VOCAB_NONE);
    CHECK_STR(vocab_text(&f->v, 258), "abc");
}

static uint32_t merge(const struct vocab *v, const char *left, const char *right)
{
    struct vocab_parts pair = {find(v, left), find(v, right)};

    return vocab_merge(v, pair, vocab_pair_hash(pair.left, pair.right), VOCAB_NONE);
}

static void test_merges_follow_from_the_ranks(void **state)
{
    struct fixture *f = *state;

    CHECK_INT(merge(&f->v, "ab", "c"), find(&f->v, "abc"));
    CHECK_INT(merge(&f->v, "a", "bc"), VOCAB_NONE);
    CHECK_INT(merge(&f->v, "l", "l"), VOCAB_NONE);
    CHECK_INT(f->v.parts[find(&f->v, "lll")].left, VOCAB_NONE);
}

static void test_prefixes_are_the_tokens_at_the_front_the_shortest_first(void **state)
{
    struct fixture *f = *state;
    uint32_t found[VOCAB_MAX_TOKEN];

    CHECK_INT(vocab_prefixes(&f->v, STR("abcab"), found), 4);
    CHECK_INT(found[0], find(&f->v, "a") << 8 | 1);
    CHECK_INT(found[1], find(&f->v, "ab") << 8 | 2);
    CHECK_INT(found[2], find(&f->v, "abc") << 8 | 3);
    CHECK_INT(found[3], find(&f->v, "abca") << 8 | 4);
    CHECK_INT(vocab_prefixes(&f->v, STR("abc"), found), 3);
    CHECK_INT(vocab_prefixes(&f->v, STR("lll"), found), 1);
    CHECK_INT(vocab_prefixes(&f->v, STR(""), found), 0);
}

static void test_every_byte_is_a_token(void **state)
{
    struct fixture *f = *state;
    uint32_t found[VOCAB_MAX_TOKEN];

    for (int i = 0; i < 256; i++) {
        const char text[2] = {(char)i, 'x'};
        CHECK_INT(vocab_prefixes(&f->v, (struct str){text, 2}, found), 1);
        CHECK_INT(found[0], (i ^ 0x55) << 8 | 1);
    }
}

static void test_a_table_that_is_not_whole_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str file = buf_str(&f->table);
    struct vocab v;

    CHECK(vocab_is_intact(&f->v));
    CHECK_INT(vocab_init(&v, (struct str){file.data, file.len - 64}), VOCAB_DAMAGED);
    CHECK_INT(vocab_init(&v, (struct str){file.data, 64}), VOCAB_FOREIGN);
    f->table.data[file.len / 2] ^= 1;
    CHECK(!vocab_is_intact(&f->v));
    f->table.data[20] ^= 1;
    CHECK_INT(vocab_init(&v, file), VOCAB_DAMAGED);
    f->table.data[8] ^= 1;
    CHECK_INT(vocab_init(&v, file), VOCAB_OTHER_VERSION);
    f->table.data[0] ^= 1;
    CHECK_INT(vocab_init(&v, file), VOCAB_FOREIGN);
}

static enum vocab_make_result make(const struct buf *ranks, size_t room)
{
    CLEANUP(vocab_source_done) struct vocab_source source;
    struct buf table;
    enum vocab_make_result r;

    buf_init(&table, room);
    CHECK_INT(vocab_ranks_read(buf_str(ranks), PRETOKEN_GPT2, &source), VOCAB_RANKS_OK);
    r = vocab_make(&source, "toy", &table);
    buf_done(&table);
    return r;
}

static void test_a_list_that_makes_no_table_is_refused(void **state)
{
    struct buf ranks;

    (void)state;
    buf_init(&ranks, 1 << 20);
    CHECK_INT(make(&ranks, 16 << 20), VOCAB_MAKE_BYTES);
    toy_ranks(&ranks);
    CHECK_INT(make(&ranks, 16 << 20), VOCAB_MAKE_OK);
    CHECK_INT(make(&ranks, 4096), VOCAB_MAKE_TOO_BIG);
    toy_add_line(&ranks, STR("zzz"), 400);
    CHECK_INT(make(&ranks, 16 << 20), VOCAB_MAKE_OK);
    toy_add_line(&ranks, STR("ab"), 401);
    CHECK_INT(make(&ranks, 16 << 20), VOCAB_MAKE_CROWDED);
    buf_clear(&ranks);
    toy_add_line(&ranks, STR("ab"), 0);
    CHECK_INT(make(&ranks, 16 << 20), VOCAB_MAKE_BYTES);
    buf_done(&ranks);
}

static enum vocab_ranks_result read_with(const char *more)
{
    CLEANUP(vocab_source_done) struct vocab_source source;
    struct buf ranks;
    enum vocab_ranks_result r;

    buf_init(&ranks, 1 << 20);
    toy_ranks(&ranks);
    CHECK_INT(buf_add_str(&ranks, str_from(more)), BUF_OK);
    r = vocab_ranks_read(buf_str(&ranks), PRETOKEN_GPT2, &source);
    buf_done(&ranks);
    return r;
}

static void test_a_list_that_is_no_list_of_ranks_is_refused(void **state)
{
    char line[512];

    (void)state;
    CHECK_INT(read_with(""), VOCAB_RANKS_OK);
    CHECK_INT(read_with("enp6 300\n"), VOCAB_RANKS_OK);
    CHECK_INT(read_with("enp6\n"), VOCAB_RANKS_SYNTAX);
    CHECK_INT(read_with("e?p6 300\n"), VOCAB_RANKS_SYNTAX);
    CHECK_INT(read_with("enp6 3x0\n"), VOCAB_RANKS_SYNTAX);
    CHECK_INT(read_with("enp6 200\n"), VOCAB_RANKS_SYNTAX);
    CHECK_INT(read_with("enp6 99999999\n"), VOCAB_RANKS_TOO_BIG);
    memset(line, 'a', sizeof(line));
    strcpy(line + 340, " 300\n");
    CHECK_INT(read_with(line), VOCAB_RANKS_OK);
    memset(line, 'a', sizeof(line));
    strcpy(line + 343, " 300\n");
    CHECK_INT(read_with(line), VOCAB_RANKS_TOO_BIG);
}

static void test_only_published_lists_have_a_name(void **state)
{
    enum pretoken_family family;

    (void)state;
    CHECK(vocab_ranks_name(STR("IQ== 0\n"), &family) == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_token_is_found_and_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_merges_follow_from_the_ranks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_prefixes_are_the_tokens_at_the_front_the_shortest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_table_that_is_not_whole_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_every_byte_is_a_token, set_up, tear_down),
        cmocka_unit_test(test_a_list_that_makes_no_table_is_refused),
        cmocka_unit_test(test_a_list_that_is_no_list_of_ranks_is_refused),
        cmocka_unit_test(test_only_published_lists_have_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
