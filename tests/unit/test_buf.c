#include "base/buf.h"

#include "check.h"

#include <string.h>

static void a_full_buffer_refuses_and_keeps_what_it_has(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    CHECK_INT(buf_add(&b, "12345678", 8), BUF_OK);
    CHECK_INT(buf_add(&b, "9", 1), BUF_FULL);
    CHECK_INT(buf_printf(&b, "%d", 9), BUF_FULL);
    CHECK_STR(buf_str(&b), "12345678");
    buf_done(&b);
}

static void consuming_keeps_the_tail_terminated(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    CHECK_INT(buf_printf(&b, "%s-%d", "head", 42), BUF_OK);
    buf_consume(&b, 5);
    CHECK_TEXT(b.data, "42");
    buf_done(&b);
}

static void an_empty_buffer_is_empty_text_and_takes_nothing_gladly(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    CHECK_STR(buf_str(&b), "");
    CHECK_INT(buf_add(&b, NULL, 0), BUF_OK);
    CHECK_INT(buf_printf(&b, "%s", ""), BUF_OK);
    CHECK_TEXT(b.data, "");
    buf_consume(&b, 0);
    buf_clear(&b);
    buf_done(&b);
    CHECK(b.data == NULL && b.max == 4);
    buf_done(&b);
}

static void it_never_holds_more_memory_than_its_ceiling(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (int i = 0; i < 1000; i++) {
        CHECK_INT(buf_add(&b, "x", 1), BUF_OK);
        CHECK(b.cap <= 1001 && b.data[b.len] == '\0');
    }
    CHECK_INT(buf_add(&b, "x", 1), BUF_FULL);
    CHECK_U64(b.len, 1000);
    buf_done(&b);
}

static void reserved_room_counts_only_when_committed(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    char *room = buf_reserve(&b, 10);
    CHECK(room != NULL);
    memcpy(room, "0123456789", 10);
    CHECK_U64(b.len, 0);
    buf_commit(&b, 4);
    CHECK_STR(buf_str(&b), "0123");
    CHECK(buf_reserve(&b, 7) == NULL);
    CHECK(buf_reserve(&b, 6) == b.data + 4);
    buf_commit(&b, 0);
    CHECK_TEXT(b.data, "0123");
    buf_clear(&b);
    CHECK_INT(buf_add_str(&b, STR("abcdefghij")), BUF_OK);
    buf_consume(&b, 10);
    CHECK_TEXT(b.data, "");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_buffer_refuses_and_keeps_what_it_has),
        cmocka_unit_test(an_empty_buffer_is_empty_text_and_takes_nothing_gladly),
        cmocka_unit_test(it_never_holds_more_memory_than_its_ceiling),
        cmocka_unit_test(reserved_room_counts_only_when_committed),
        cmocka_unit_test(consuming_keeps_the_tail_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
