#include "base/chain.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t key[CHAIN_KEY_SIZE] = "0123456789abcdef0123456789abcdef", other_key[32] = "x";

#define N 5

/* N records; line[i] is one without its newline. */
struct trail {
    struct buf text;
    struct str line[N];
};

static void write_trail(struct trail *t)
{
    struct chain c = {0};
    buf_init(&t->text, 1 << 20);
    for (int i = 0; i < N; i++) {
        char data[64];
        snprintf(data, sizeof(data), "{\"n\":%d,\"text\":\"a,\\\"prev\\\":\\\"b\"}", i);
        const struct chain_record r = {.time = STR("2026-11-21T16:58:00.000001Z"),
                                       .event = STR("key.created"),
                                       .data = str_from(data)};
        CHECK_INT(chain_append(&c, key, &r, &t->text), BUF_OK);
    }
    CHECK_U64(c.seq, N);
    struct str rest = buf_str(&t->text);
    for (int i = 0; i < N; i++)
        CHECK(str_cut(&rest, '\n', &t->line[i]));
}

/* The first line that is refused, from 1, and why; 0: none. */
static int first_broken(const struct str *lines, size_t n, const uint8_t *with,
                        enum chain_verdict *ret)
{
    struct chain c = {0};
    for (size_t i = 0; i < n; i++) {
        struct chain_record r;
        *ret = CHAIN_ALTERED;
        if (!chain_read(lines[i], &r))
            return (int)i + 1;
        *ret = chain_check(&c, with, &r);
        if (*ret)
            return (int)i + 1;
    }
    return 0;
}

static void check_broken(const struct str *lines, size_t n, int at, enum chain_verdict why)
{
    enum chain_verdict verdict = CHAIN_OK;
    CHECK_INT(first_broken(lines, n, key, &verdict), at);
    CHECK_INT(verdict, why);
}

static void test_what_was_written_is_whole(void **state)
{
    (void)state;
    struct trail t;
    struct chain_record r;
    write_trail(&t);
    check_broken(t.line, N, 0, CHAIN_OK);
    CHECK(chain_read(t.line[2], &r));
    CHECK_U64(r.seq, 3);
    CHECK(str_is(r.event, "key.created"));
    CHECK(str_is(r.data, "{\"n\":2,\"text\":\"a,\\\"prev\\\":\\\"b\"}"));
    buf_done(&t.text);
}

static void test_another_key_fits_nowhere(void **state)
{
    (void)state;
    struct trail t;
    enum chain_verdict verdict = CHAIN_OK;
    write_trail(&t);
    CHECK_INT(first_broken(t.line, N, other_key, &verdict), 1);
    CHECK_INT(verdict, CHAIN_ALTERED);
    buf_done(&t.text);
}

static void test_every_changed_byte_is_found_in_its_line(void **state)
{
    (void)state;
    struct trail t;
    write_trail(&t);
    for (size_t i = 0; i < t.line[1].len; i++) {
        char *byte = (char *)t.line[1].data + i, was = *byte;
        for (int bit = 0; bit < 8; bit++) {
            *byte = (char)(was ^ 1 << bit);
            check_broken(t.line, N, 2, CHAIN_ALTERED);
        }
        *byte = was;
    }
    check_broken(t.line, N, 0, CHAIN_OK);
    buf_done(&t.text);
}

static void test_what_is_left_out_moved_or_repeated_is_found(void **state)
{
    (void)state;
    struct trail t;
    write_trail(&t);
    const struct str *l = t.line;
    check_broken((struct str[]){l[0], l[2], l[3]}, 3, 2, CHAIN_MISSING);
    check_broken((struct str[]){l[1], l[2], l[3]}, 3, 1, CHAIN_MISSING);
    check_broken((struct str[]){l[0], l[2], l[1], l[3]}, 4, 2, CHAIN_MISSING);
    check_broken((struct str[]){l[0], l[1], l[1], l[2]}, 4, 3, CHAIN_OUT_OF_ORDER);
    check_broken((struct str[]){l[0], l[1], l[0], l[2]}, 4, 3, CHAIN_OUT_OF_ORDER);
    check_broken((struct str[]){l[0], STR(""), l[1]}, 3, 2, CHAIN_ALTERED);
    buf_done(&t.text);
}

static void test_a_record_of_another_chain_with_the_same_key_is_found(void **state)
{
    (void)state;
    struct trail t;
    write_trail(&t);
    struct chain c = {0};
    CLEANUP(buf_done) struct buf other;
    buf_init(&other, 1 << 20);
    for (int i = 0; i < 2; i++) {
        const struct chain_record r = {.time = STR("x"), .event = STR("y"), .data = STR("{}")};
        CHECK_INT(chain_append(&c, key, &r, &other), BUF_OK);
    }
    struct str rest = buf_str(&other), first = STR_EMPTY, second = STR_EMPTY;
    CHECK(str_cut(&rest, '\n', &first) && str_cut(&rest, '\n', &second));
    check_broken((struct str[]){t.line[0], second}, 2, 2, CHAIN_FOREIGN);
    check_broken((struct str[]){first, t.line[1]}, 2, 2, CHAIN_FOREIGN);
    buf_done(&t.text);
}

static void test_fields_cannot_flow_into_each_other(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 1 << 20);
    struct chain a = {0}, b = {0};
    const struct chain_record one = {.time = STR("12"), .event = STR("3"), .data = STR("{}")};
    const struct chain_record two = {.time = STR("1"), .event = STR("23"), .data = STR("{}")};
    CHECK_INT(chain_append(&a, key, &one, &out), BUF_OK);
    CHECK_INT(chain_append(&b, key, &two, &out), BUF_OK);
    CHECK(memcmp(a.hash, b.hash, sizeof(a.hash)) != 0);
}

static void test_what_has_no_room_or_form_is_not_written(void **state)
{
    (void)state;
    static char big[CHAIN_MAX_DATA + 2];
    memset(big, 'x', sizeof(big));
    big[0] = '{';
    big[sizeof(big) - 1] = '}';
    const struct chain_record wrong[] = {
        {.time = STR("t"), .event = STR("e"), .data = {big, sizeof(big)}},
        {.time = STR("t"), .event = STR("e"), .data = STR("[]")},
        {.time = STR("t"), .event = STR("e"), .data = STR("{\n}")},
        {.time = STR("t"), .event = STR("e\""), .data = STR("{}")},
        {.time = STR(""), .event = STR("e"), .data = STR("{}")},
    };
    struct chain c = {0};
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK_INT(chain_append(&c, key, &wrong[i], &out), BUF_FULL);
    struct buf small;
    buf_init(&small, 10);
    const struct chain_record r = {.time = STR("t"), .event = STR("e"), .data = STR("{}")};
    CHECK_INT(chain_append(&c, key, &r, &small), BUF_FULL);
    CHECK_U64(c.seq, 0);
    buf_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_whole),
        cmocka_unit_test(test_another_key_fits_nowhere),
        cmocka_unit_test(test_every_changed_byte_is_found_in_its_line),
        cmocka_unit_test(test_what_is_left_out_moved_or_repeated_is_found),
        cmocka_unit_test(test_a_record_of_another_chain_with_the_same_key_is_found),
        cmocka_unit_test(test_fields_cannot_flow_into_each_other),
        cmocka_unit_test(test_what_has_no_room_or_form_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
