#include "check.h"
#include "tokens/encode.h"
#include "tokens/vocab_json.h"
#include "toy_json.h"
#include "toy_vocab.h"

#define SPLIT(regex)                                                                               \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex                                          \
    "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define BYTES         "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"
#define SEQUENCE(...) "{\"type\":\"Sequence\",\"pretokenizers\":[" __VA_ARGS__ "," BYTES "]}"
#define QWEN2                                                                                      \
    SPLIT("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "        \
          "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+")

static struct arena scratch;

static int set_up(void **state)
{
    (void)state;
    arena_init(&scratch, 16 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&scratch);
    return 0;
}

static enum vocab_json_result read_text(struct str text, struct vocab_source *ret)
{
    struct str what;

    return vocab_json_read(&scratch, text, ret, &what);
}

static enum vocab_json_result read_toy(struct toy_json toy)
{
    CLEANUP(buf_done) struct buf text;
    CLEANUP(vocab_source_done) struct vocab_source source;

    buf_init(&text, 1 << 20);
    toy_json_write(&text, toy);
    return read_text(buf_str(&text), &source);
}

struct made {
    struct buf text, table;
    struct vocab v;
    struct encode *e;
};

static void made_done(struct made *m)
{
    encode_free(&m->e);
    buf_done(&m->table);
    buf_done(&m->text);
}

static void make(struct made *m, struct toy_json toy)
{
    CLEANUP(vocab_source_done) struct vocab_source source;

    buf_init(&m->text, 1 << 20);
    buf_init(&m->table, 16 << 20);
    toy_json_write(&m->text, toy);
    CHECK_INT(read_text(buf_str(&m->text), &source), VOCAB_JSON_OK);
    CHECK_INT(vocab_make(&source, "toy", &m->table), VOCAB_MAKE_OK);
    CHECK_INT(vocab_init(&m->v, buf_str(&m->table)), VOCAB_OK);
    m->e = encode_new(&m->v);
}

static uint64_t count(const struct made *m, const char *text)
{
    uint64_t n = 0;

    CHECK_INT(encode_count(m->e, str_from(text), UINT64_MAX, &n), ENCODE_OK);
    return n;
}

static void check_counts(const struct made *m)
{
    uint32_t seed = 1, ids[120];

    for (int round = 0; round < 3000; round++) {
        char text[121] = "";
        size_t n = (size_t)round % 120;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = "abcabcab the lll "[(seed >> 16) % (round % 3 == 0 ? 17 : 3)];
        }
        CHECK_U64(count(m, text), toy_encode(PRETOKEN_GPT2, (struct str){text, n}, ids));
    }
}

static void test_merges_make_the_tokens_that_ranks_make(void **state)
{
    CLEANUP(made_done) struct made m = {0};

    (void)state;
    make(&m, (struct toy_json){0});
    CHECK_INT(m.v.header->n_tokens, 256 + TOY_WORDS);
    CHECK_INT(m.v.header->family, PRETOKEN_GPT2);
    check_counts(&m);
}

static void test_merges_may_be_pairs_and_some_never_apply(void **state)
{
    CLEANUP(made_done) struct made m = {0};

    (void)state;
    make(&m,
         (struct toy_json){.merges = "[\"a\",\"b\"],[\"b\",\"c\"],[\"a\",\"bc\"],[\"ab\",\"c\"],"
                                     "\"a a\",\"aa aa\",\"c a\",\"ab ca\",\"abc a\",\"b b\","
                                     "\"\\u0120 \\u0120\",\"\\u0120\\u0120 \\u0120\\u0120\","
                                     "\"t h\",\"h e\",\"th e\",\"t he\",\"\\u0120 the\","
                                     "\"i n\",\"in g\",\"b a\",\"ba b\",\"b ab\",\"ab a\""});
    check_counts(&m);
}

static void test_what_merging_cannot_reach_is_a_token_only_where_the_file_says_so(void **state)
{
    CLEANUP(made_done) struct made with = {0}, without = {0};

    (void)state;
    make(&with, (struct toy_json){0});
    make(&without, (struct toy_json){.model = "\"ignore_merges\":false,"});
    CHECK_U64(count(&with, "lll"), 1);
    CHECK_U64(count(&without, "lll"), 3);
    CHECK_U64(count(&without, "abc the"), 2);
}

static void test_added_tokens_are_ordinary_text(void **state)
{
    CLEANUP(made_done) struct made m = {0};

    (void)state;
    make(&m, (struct toy_json){.added = "{\"id\":400,\"content\":\"<x>\"}",
                               .more_tokens = ",\"<x>\":400",
                               .pre_tokenizer = NULL});
    CHECK_U64(count(&m, "<x>"), 3);
}

static void test_the_expression_names_the_family(void **state)
{
    CLEANUP(made_done) struct made m = {0};

    (void)state;
    make(&m,
         (struct toy_json){.pre_tokenizer = SEQUENCE(QWEN2), .normalizer = "{\"type\":\"NFC\"}"});
    CHECK_INT(m.v.header->family, PRETOKEN_QWEN2);
    CHECK_INT(m.v.header->needs_nfc, 1);
}

static void test_text_that_may_be_normalized_first_is_counted_about(void **state)
{
    CLEANUP(made_done) struct made m = {0}, plain = {0};
    static const char *const unsure[] = {"e\xcc\x81", "\xe2\x84\xab", "\xe1\x84\x80\xe1\x85\xa1",
                                         "\xef\xa4\x80", "\xe0\xa4\x95\xe0\xa5\x8d"};
    uint64_t n = 0;

    (void)state;
    make(&m, (struct toy_json){.normalizer = "{\"type\":\"NFC\"}"});
    make(&plain, (struct toy_json){0});
    CHECK_U64(
        count(&m, "the \xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 \xea\xb0\x80 \xf0\x9f\x98\x80 \xff"),
        count(&plain, "the \xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 \xea\xb0\x80 \xf0\x9f\x98\x80 \xff"));
    for (size_t i = 0; i < sizeof(unsure) / sizeof(unsure[0]); i++) {
        CHECK_INT(encode_count(m.e, str_from(unsure[i]), UINT64_MAX, &n), ENCODE_ABOUT);
        CHECK_U64(n, count(&plain, unsure[i]));
    }
}

static void test_what_is_not_known_is_refused(void **state)
{
    static const char *const cuts[] = {
        "null",
        "{\"type\":\"Whitespace\"}",
        "{\"type\":\"ByteLevel\",\"add_prefix_space\":true}",
        "{\"type\":\"ByteLevel\"}",
        BYTES,
        "{\"type\":\"Sequence\",\"pretokenizers\":[]}",
        "{\"type\":\"Sequence\",\"pretokenizers\":3}",
        SEQUENCE(SPLIT("\\\\p{N}{1,4}")),
        SEQUENCE(QWEN2 "," QWEN2),
        SEQUENCE(QWEN2 "," QWEN2 "," QWEN2 "," QWEN2),
        "{\"type\":\"Sequence\",\"pretokenizers\":[" QWEN2 "]}",
        "{\"type\":\"Sequence\",\"pretokenizers\":[" QWEN2 "," TOY_GPT2 "]}",
        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\"}," TOY_GPT2 "]}",
    };
    static const char *const models[] = {"\"type\":\"BPE\",", "\"end_of_word_suffix\":\"</w>\",",
                                         "\"continuing_subword_prefix\":\"##\",",
                                         "\"byte_fallback\":true,"};

    (void)state;
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
        CHECK_INT(read_toy((struct toy_json){.pre_tokenizer = cuts[i]}), VOCAB_JSON_PATTERN);
    CHECK_INT(read_toy((struct toy_json){.model = models[0]}), VOCAB_JSON_SYNTAX); /* twice */
    for (size_t i = 1; i < sizeof(models) / sizeof(models[0]); i++)
        CHECK_INT(read_toy((struct toy_json){.model = models[i]}), VOCAB_JSON_FOREIGN);
    CHECK_INT(read_toy((struct toy_json){.normalizer = "{\"type\":\"Lowercase\"}"}),
              VOCAB_JSON_NORMALIZER);
    CHECK_INT(read_toy((struct toy_json){
                  .normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},"
                                "{\"type\":\"Prepend\",\"prepend\":\"_\"}]}"}),
              VOCAB_JSON_NORMALIZER);
    CHECK_INT(
        read_toy((struct toy_json){.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[]}"}),
        VOCAB_JSON_OK);
}

static void test_tokens_and_merges_that_contradict_each_other_are_refused(void **state)
{
    CLEANUP(vocab_source_done) struct vocab_source source;

    (void)state;
    CHECK_INT(read_toy((struct toy_json){.more_tokens = ",\"\xe4\xb8\xad\":400"}),
              VOCAB_JSON_TOKENS);
    CHECK_INT(read_toy((struct toy_json){.more_tokens = ",\"zz\":-1"}), VOCAB_JSON_TOKENS);
    CHECK_INT(read_toy((struct toy_json){.more_tokens = ",\"zz\":\"1\""}), VOCAB_JSON_TOKENS);
    CHECK_INT(read_toy((struct toy_json){.more_tokens = ",\"\":400"}), VOCAB_JSON_TOKENS);
    CHECK_INT(read_toy((struct toy_json){.added = "{\"id\":97,\"content\":\"a\"}"}),
              VOCAB_JSON_TOKENS);
    CHECK_INT(read_toy((struct toy_json){.merges = "\"a z\""}), VOCAB_JSON_MERGES);
    CHECK_INT(read_toy((struct toy_json){.merges = "\"ab ab\""}), VOCAB_JSON_MERGES);
    CHECK_INT(read_toy((struct toy_json){.merges = "\"ab\""}), VOCAB_JSON_MERGES);
    CHECK_INT(read_toy((struct toy_json){.merges = "3"}), VOCAB_JSON_MERGES);
    CHECK_INT(read_toy((struct toy_json){.merges = "[\"a\"]"}), VOCAB_JSON_MERGES);
    CHECK_INT(read_text(STR("{}"), &source), VOCAB_JSON_FOREIGN);
    vocab_source_done(&source);
    CHECK_INT(read_text(STR("{"), &source), VOCAB_JSON_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_merges_make_the_tokens_that_ranks_make, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_merges_may_be_pairs_and_some_never_apply, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_what_merging_cannot_reach_is_a_token_only_where_the_file_says_so, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_added_tokens_are_ordinary_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_expression_names_the_family, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_that_may_be_normalized_first_is_counted_about,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_known_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_tokens_and_merges_that_contradict_each_other_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
