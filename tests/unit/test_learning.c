#include "proto/learning.h"

#include "vectors.h"

static void check_vector(struct fixture *f, const char *name, enum message_type type,
                         const struct learning *expected)
{
    struct vector v = load(f, name);
    struct learning l;

    CHECK_INT(v.header.type, type);
    CHECK(learning_decode(&f->arena, v.body, &l));
    CHECK(str_equal(l.model, expected->model));
    CHECK_INT(l.n_numbers, expected->n_numbers);
    for (unsigned i = 0; i < l.n_numbers; i++)
        CHECK(l.numbers[i] == expected->numbers[i]);
    CHECK(l.tokens == expected->tokens && l.margin == expected->margin);
    CHECK_INT(learning_encode(expected, &f->out), BUF_OK);
    CHECK(str_equal(buf_str(&f->out), v.body));
}

static void what_was_billed_and_what_is_known_match_their_vectors(void **state)
{
    struct learning billed = {
        .model = STR("claude-sonnet-4"), .numbers = {120.5, 3, 0}, .n_numbers = 3, .tokens = 140};
    struct learning weights = {.model = STR("claude-sonnet-4"),
                               .numbers = {1.25, 0.9, 1},
                               .n_numbers = 3,
                               .margin = 0.0625};
    struct fixture *f = *state;

    check_vector(f, "billed", MESSAGE_BILLED, &billed);
    buf_clear(&f->out);
    check_vector(f, "weights", MESSAGE_WEIGHTS, &weights);
}

static void what_is_wrong_is_not_read(void **state)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"model\":\"\",\"numbers\":[]}",
        "{\"model\":\"m\"}",
        "{\"model\":\"m\",\"numbers\":{}}",
        "{\"model\":\"m\",\"numbers\":[-1]}",
        "{\"model\":\"m\",\"numbers\":[\"1\"]}",
        "{\"model\":\"m\",\"numbers\":[],\"tokens\":-1}",
    };
    struct fixture *f = *state;
    struct learning l;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(!learning_decode(&f->arena, str_from(wrong[i]), &l));

    char many[200] = "{\"model\":\"m\",\"numbers\":[1";
    for (int i = 0; i < LEARNING_MAX_NUMBERS; i++)
        strcat(many, ",1");
    CHECK(!learning_decode(&f->arena, str_from(strcat(many, "]}")), &l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_billed_and_what_is_known_match_their_vectors),
        cmocka_unit_test(what_is_wrong_is_not_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
