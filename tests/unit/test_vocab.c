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

static void test_merges_follow_from_the_ranks(void **state)
{
    struct fixture *f = *state;

    CHECK_INT(vocab_merge(&f->v, find(&f->v, "ab"), find(&f->v, "c")), find(&f->v, "abc"));
    CHECK_INT(vocab_merge(&f->v, find(&f->v, "a"), find(&f->v, "bc")), VOCAB_NONE);
    CHECK_INT(vocab_merge(&f->v, find(&f->v, "l"), find(&f->v, "l")), VOCAB_NONE);
    CHECK_INT(f->v.tokens[find(&f->v, "lll")].left, VOCAB_NONE);
}

static void test_the_longest_token_and_the_next_shorter_ones(void **state)
{
    struct fixture *f = *state;
    uint32_t id = vocab_longest(&f->v, STR("abcab"));

    CHECK_INT(id, find(&f->v, "abca"));
    CHECK_INT(id = f->v.tokens[id].shorter, find(&f->v, "abc"));
    CHECK_INT(id = f->v.tokens[id].shorter, find(&f->v, "ab"));
    CHECK_INT(id = f->v.tokens[id].shorter, find(&f->v, "a"));
    CHECK_INT(f->v.tokens[id].shorter, VOCAB_NONE);
    CHECK_INT(vocab_longest(&f->v, STR("lll")), find(&f->v, "l"));
    CHECK_INT(vocab_longest(&f->v, STR("a")), find(&f->v, "a"));
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
    struct buf table;
    enum vocab_make_result r;

    buf_init(&table, room);
    r = vocab_make(buf_str(ranks), "toy", PRETOKEN_GPT2, &table);
    buf_done(&table);
    return r;
}

static enum vocab_make_result make_with(const char *more)
{
    struct buf ranks;
    enum vocab_make_result r;

    buf_init(&ranks, 1 << 20);
    toy_ranks(&ranks);
    CHECK_INT(buf_add_str(&ranks, str_from(more)), BUF_OK);
    r = make(&ranks, 16 << 20);
    buf_done(&ranks);
    return r;
}

static void test_a_list_that_is_no_list_of_ranks_is_refused(void **state)
{
    char long_line[512];
    struct buf ranks;

    (void)state;
    CHECK_INT(make_with(""), VOCAB_MAKE_OK);
    CHECK_INT(make_with("enp6 300\n"), VOCAB_MAKE_OK);
    CHECK_INT(make_with("enp6\n"), VOCAB_MAKE_SYNTAX);
    CHECK_INT(make_with("e?p6 300\n"), VOCAB_MAKE_SYNTAX);
    CHECK_INT(make_with("enp6 3x0\n"), VOCAB_MAKE_SYNTAX);
    CHECK_INT(make_with("enp6 200\n"), VOCAB_MAKE_SYNTAX);
    CHECK_INT(make_with("eg== 300\n"), VOCAB_MAKE_BYTES);
    CHECK_INT(make_with("enp6 99999999\n"), VOCAB_MAKE_TOO_BIG);
    CHECK_INT(make_with("YWI= 300\n"), VOCAB_MAKE_CROWDED);
    memset(long_line, 'a', sizeof(long_line));
    strcpy(long_line + 400, " 300\n");
    CHECK_INT(make_with(long_line), VOCAB_MAKE_TOO_BIG);

    buf_init(&ranks, 1 << 20);
    CHECK_INT(make(&ranks, 16 << 20), VOCAB_MAKE_BYTES);
    toy_ranks(&ranks);
    CHECK_INT(make(&ranks, 4096), VOCAB_MAKE_TOO_BIG);
    buf_done(&ranks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_token_is_found_and_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_merges_follow_from_the_ranks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_longest_token_and_the_next_shorter_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_table_that_is_not_whole_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test(test_a_list_that_is_no_list_of_ranks_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
