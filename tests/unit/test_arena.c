#include "base/arena.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

static void what_is_handed_out_is_zeroed_aligned_and_apart(void **state)
{
    enum { N = 2000 };
    static unsigned char *pieces[N];
    struct arena a;

    (void)state;
    arena_init(&a, 10 << 20);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            size_t n = 1 + (size_t)(i * 37) % 700;
            pieces[i] = arena_alloc(&a, n);
            CHECK(pieces[i] && (uintptr_t)pieces[i] % _Alignof(max_align_t) == 0);
            for (size_t at = 0; at < n; at++)
                CHECK_INT(pieces[i][at], 0);
            memset(pieces[i], i % 255 + 1, n);
        }
        for (int i = 0; i < N; i++)
            CHECK_INT(pieces[i][(i * 37) % 700], i % 255 + 1);
        arena_clear(&a);
        CHECK_U64(a.used, 0);
    }
    arena_done(&a);
}

static void the_ceiling_is_met_exactly(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1000);
    CHECK(arena_alloc(&a, 1001) == NULL);
    CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
    CHECK(arena_alloc(&a, 500) != NULL);
    CHECK(arena_alloc(&a, 600) == NULL);
    CHECK(arena_alloc(&a, 488) != NULL); /* 500 took 512 */
    CHECK(arena_alloc(&a, 1) == NULL);
    arena_clear(&a);
    CHECK(arena_alloc(&a, 1000) != NULL);
    arena_done(&a);
}

static void a_large_request_does_not_keep_its_memory(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 10 << 20);
    CHECK(arena_alloc(&a, 5 << 20) != NULL);
    arena_clear(&a);
    CHECK(a.blocks == NULL);
    CHECK(arena_alloc(&a, 10) != NULL);
    CHECK(arena_alloc(&a, 5 << 20) != NULL);
    struct arena_block *first = a.blocks;
    arena_clear(&a);
    CHECK(a.blocks != NULL && a.blocks != first);
    arena_done(&a);
    CHECK(a.blocks == NULL && a.max == 10 << 20);
}

static void copies_are_ended_by_nul(void **state)
{
    struct arena a;
    char *text;

    (void)state;
    arena_init(&a, 1000);
    text = arena_copy(&a, (struct str){"abcdef", 3});
    CHECK_TEXT(text, "abc");
    text = arena_copy(&a, (struct str){NULL, 0});
    CHECK_TEXT(text, "");
    text = arena_printf(&a, "%s-%d", "x", 42);
    CHECK_TEXT(text, "x-42");
    CHECK(arena_printf(&a, "%2000d", 1) == NULL);
    arena_done(&a);
}

static void what_another_handed_out_is_taken_over(void **state)
{
    struct arena a, b;

    (void)state;
    arena_init(&a, 20000);
    arena_init(&b, 20000);
    char *first = arena_copy(&b, STR("first"));
    CHECK(arena_alloc(&b, 9000) != NULL);
    CHECK(arena_adopt(&a, &b)); /* by an empty one */
    CHECK(b.blocks == NULL && b.used == 0);
    char *second = arena_copy(&b, STR("second"));
    CHECK(arena_adopt(&a, &b));
    char *third = arena_copy(&a, STR("third"));
    CHECK_TEXT(first, "first");
    CHECK_TEXT(second, "second");
    CHECK_TEXT(third, "third");
    CHECK(arena_alloc(&b, 12000) != NULL);
    CHECK(!arena_adopt(&a, &b)); /* 9,000 are in use */
    CHECK_U64(b.used, 12000);
    arena_done(&b);
    CHECK(arena_adopt(&a, &b)); /* of nothing */
    arena_clear(&a);
    CHECK_U64(a.used, 0);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_handed_out_is_zeroed_aligned_and_apart),
        cmocka_unit_test(the_ceiling_is_met_exactly),
        cmocka_unit_test(a_large_request_does_not_keep_its_memory),
        cmocka_unit_test(copies_are_ended_by_nul),
        cmocka_unit_test(what_another_handed_out_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
