#include "base/buf.h"

#include "check.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_buffer_refuses_and_keeps_what_it_has),
        cmocka_unit_test(consuming_keeps_the_tail_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
