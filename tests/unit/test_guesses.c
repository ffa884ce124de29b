#include "guesses.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#define START (UINT64_C(1000) * USEC_PER_SEC)

static unsigned told(struct guesses *g, const char *peer, unsigned n, usec_t from, usec_t step)
{
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++)
        found += guesses_note(g, str_from(peer), from + i * step) == 0;
    return found;
}

static void test_one_source_is_told_ten_times_in_any_second(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    CHECK_U64(told(g, "192.0.2.1", 1000, START, 1000), 9); /* five at once, five over the second */
    for (unsigned second = 1; second < 10; second++)
        CHECK(told(g, "192.0.2.1", 1000, START + second * USEC_PER_SEC, 1000) <= 10);
    CHECK(guesses_note(g, STR("192.0.2.1"), START + 10 * USEC_PER_SEC) <= USEC_PER_SEC);
    guesses_free(&g);
    assert_null(g);
}

static void test_a_slow_failure_is_always_told(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    CHECK_U64(told(g, "192.0.2.1", 100, START, USEC_PER_SEC / 4), 100);
    guesses_free(&g);
}

static void test_sources_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    CHECK_U64(told(g, "192.0.2.1", 100, START, 0), 5);
    CHECK_U64(told(g, "192.0.2.2", 100, START, 0), 5);
    CHECK_U64(told(g, "unix", 100, START, 0), 5);
    guesses_free(&g);
}

static void test_a_network_of_ipv6_is_one_source(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    char peer[64];
    unsigned n = 0;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(peer, sizeof(peer), "2001:db8:1:2:%x::%x", i, i);
        n += guesses_note(g, str_from(peer), START) == 0;
    }
    CHECK_U64(n, 5);
    CHECK_U64(guesses_note(g, STR("2001:db8:1:3::1"), START), 0);
    CHECK_U64(guesses_note(g, STR("::ffff:192.0.2.1"), START),
              0); /* not of a network with others */
    CHECK_U64(guesses_note(g, STR("::ffff:192.0.2.2"), START), 0);
    guesses_free(&g);
}

static void test_a_hundred_thousand_sources_are_all_remembered(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    char peer[64];
    unsigned forgotten = 0;
    for (unsigned turn = 0; turn < 6; turn++)
        for (unsigned i = 0; i < 100000; i++) {
            snprintf(peer, sizeof(peer), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
            bool is_told = guesses_note(g, str_from(peer), START) == 0;
            forgotten += turn == 5 && is_told;
        }
    CHECK(forgotten < 100); /* where seventeen share sixteen places */
    CHECK_U64(told(g, "192.0.2.1", 100, START + 60 * USEC_PER_SEC, 0), 5);
    guesses_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_source_is_told_ten_times_in_any_second),
        cmocka_unit_test(test_a_slow_failure_is_always_told),
        cmocka_unit_test(test_sources_do_not_disturb_each_other),
        cmocka_unit_test(test_a_network_of_ipv6_is_one_source),
        cmocka_unit_test(test_a_hundred_thousand_sources_are_all_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
