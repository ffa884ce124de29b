#include "peak_ewma.h"

#include "check.h"

#define SEC USEC_PER_SEC

static void nothing_is_known_before_the_first_answer(void **state)
{
    struct peak_ewma e = {0};

    (void)state;
    CHECK(peak_ewma_seconds(&e, 5 * SEC) == 0);
    peak_ewma_add(&e, 2 * SEC, 5 * SEC);
    CHECK(peak_ewma_seconds(&e, 5 * SEC) == 2);
}

static void a_peak_counts_at_once_and_recovery_takes_time(void **state)
{
    struct peak_ewma e = {0};

    (void)state;
    peak_ewma_add(&e, SEC, 10 * SEC);
    peak_ewma_add(&e, 8 * SEC, 10 * SEC);
    CHECK(peak_ewma_seconds(&e, 10 * SEC) == 8);
    double before = 8;
    for (usec_t now = 11 * SEC; now < 200 * SEC; now += SEC) {
        peak_ewma_add(&e, SEC, now);
        double after = peak_ewma_seconds(&e, now);
        CHECK(after < before || after == 1);
        CHECK(after >= 1 || now > 60 * SEC);
        before = after;
    }
    CHECK(before > 0.9 && before < 1.1);
}

static void who_is_avoided_becomes_worth_a_try(void **state)
{
    struct peak_ewma e = {0};

    (void)state;
    peak_ewma_add(&e, 30 * SEC, 10 * SEC);
    CHECK(peak_ewma_seconds(&e, 10 * SEC + PEAK_EWMA_MEMORY) < 12);
    CHECK(peak_ewma_seconds(&e, 10 * SEC + 10 * PEAK_EWMA_MEMORY) < 0.01);
    CHECK(peak_ewma_seconds(&e, 10 * SEC + 10 * PEAK_EWMA_MEMORY) > 0);
}

static void a_slightly_earlier_time_is_now(void **state)
{
    struct peak_ewma e = {0};

    (void)state;
    peak_ewma_add(&e, 2 * SEC, 10 * SEC);
    CHECK(peak_ewma_seconds(&e, 9 * SEC) == 2);
    peak_ewma_add(&e, SEC, 9 * SEC);
    CHECK(peak_ewma_seconds(&e, 10 * SEC) == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_the_first_answer),
        cmocka_unit_test(a_peak_counts_at_once_and_recovery_takes_time),
        cmocka_unit_test(who_is_avoided_becomes_worth_a_try),
        cmocka_unit_test(a_slightly_earlier_time_is_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
