#include "base/ratelimit.h"

#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MINUTE (60 * USEC_PER_SEC)

static void the_whole_burst_passes_at_one_moment_and_not_one_more(void **state)
{
    static const uint64_t rates[] = {1, 2, 3, 7, 60, 61, 100, 999, 1000, 3500};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        struct ratelimit rl = {0};
        struct ratelimit_rate rate = {rates[i], MINUTE};
        for (uint64_t n = 0; n < rates[i]; n++) {
            CHECK_U64(ratelimit_remaining(&rl, rate, 1234567), rates[i] - n);
            CHECK_U64(ratelimit_take(&rl, rate, 1, 1234567), 0);
        }
        CHECK_U64(ratelimit_remaining(&rl, rate, 1234567), 0);
        CHECK(ratelimit_take(&rl, rate, 1, 1234567) > 0);
    }
}

static void the_wait_it_names_is_enough_and_no_more(void **state)
{
    (void)state;
    srand(2);
    for (int i = 0; i < 2000; i++) {
        struct ratelimit rl = {0};
        struct ratelimit_rate rate = {1 + (uint64_t)rand() % 100000, MINUTE};
        usec_t now = (usec_t)rand();
        CHECK_U64(ratelimit_take(&rl, rate, rate.units, now), 0);
        uint64_t units = 1 + (uint64_t)rand() % rate.units;
        usec_t wait = ratelimit_take(&rl, rate, units, now);
        CHECK(wait > 0 && wait <= MINUTE);
        CHECK(ratelimit_take(&rl, rate, units, now + wait - 1) > 0);
        CHECK_U64(ratelimit_take(&rl, rate, units, now + wait), 0);
    }
}

static void over_any_time_it_admits_the_burst_and_the_rate_and_never_one_over(void **state)
{
    static const uint64_t rates[] = {1, 7, 60, 99, 1000, 12345, 40000000};

    (void)state;
    srand(3);
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        struct ratelimit rl = {0};
        struct ratelimit_rate rate = {rates[i], MINUTE};
        uint64_t admitted = 0;
        usec_t now = 0;
        for (int step = 0; step < 200000; step++) {
            now += (usec_t)rand() % (1 + MINUTE / rates[i] / 2);
            uint64_t units = 1 + (uint64_t)rand() % (1 + rates[i] / 1000);
            if (ratelimit_take(&rl, rate, units, now) == 0)
                admitted += units;
        }
        double allowed = (double)rates[i] * (1 + (double)(now + 1) / MINUTE);
        CHECK((double)admitted <= allowed);
        if (rates[i] > 1 && rates[i] <= 12345) /* more was asked for than allowed: none is lost */
            CHECK((double)admitted >= allowed * 0.98 - 1);
    }
}

static void what_a_unit_costs_is_rounded_up_even_where_it_is_next_to_nothing(void **state)
{
    struct ratelimit rl = {0};
    struct ratelimit_rate rate = {3000000, USEC_PER_MSEC};
    uint64_t admitted = 0;

    (void)state;
    for (int i = 0; i < 5000000; i++)
        admitted += ratelimit_take(&rl, rate, 1, 0) == 0;
    CHECK(admitted > 0 && admitted <= rate.units);
}

static void refusal_spends_nothing(void **state)
{
    struct ratelimit rl = {0};
    struct ratelimit_rate rate = {3, MINUTE};

    (void)state;
    CHECK_U64(ratelimit_take(&rl, rate, 2, 0), 0);
    CHECK(ratelimit_take(&rl, rate, 2, 0) > 0);
    CHECK_U64(ratelimit_take(&rl, rate, 1, 0), 0);
}

static void more_than_the_burst_can_never_pass(void **state)
{
    struct ratelimit rl = {0};

    (void)state;
    CHECK(ratelimit_take(&rl, (struct ratelimit_rate){3, MINUTE}, 4, 0) == USEC_INFINITY);
}

static void no_rate_is_no_limit(void **state)
{
    struct ratelimit rl = {0};
    struct ratelimit_rate rate = {0, MINUTE};

    (void)state;
    ratelimit_charge(&rl, rate, INT64_MAX, 0);
    CHECK_U64(ratelimit_take(&rl, rate, UINT64_MAX, 0), 0);
    CHECK(ratelimit_remaining(&rl, rate, 0) == UINT64_MAX);
}

static void a_charge_makes_debt_and_giving_back_undoes_it(void **state)
{
    struct ratelimit rl = {0};
    struct ratelimit_rate rate = {100, MINUTE};

    (void)state;
    ratelimit_charge(&rl, rate, 250, 0);
    CHECK_U64(ratelimit_remaining(&rl, rate, 0), 0);
    CHECK_U64(ratelimit_reset(&rl, 0), MINUTE * 5 / 2);
    CHECK_U64(ratelimit_take(&rl, rate, 1, 0), MINUTE / 100 * 151);
    ratelimit_charge(&rl, rate, -200, 0);
    CHECK_U64(ratelimit_remaining(&rl, rate, 0), 50);
    ratelimit_charge(&rl, rate, -1000, 0);
    CHECK_U64(ratelimit_remaining(&rl, rate, 0), 100);
    CHECK_U64(ratelimit_reset(&rl, 7), 7);
}

static void absurd_amounts_saturate(void **state)
{
    struct ratelimit rl = {0};
    struct ratelimit_rate rate = {UINT64_MAX, 365 * 24 * 60 * MINUTE};

    (void)state;
    ratelimit_charge(&rl, (struct ratelimit_rate){1, MINUTE}, INT64_MAX, 0);
    ratelimit_charge(&rl, (struct ratelimit_rate){1, MINUTE}, INT64_MAX, USEC_INFINITY);
    CHECK(ratelimit_take(&rl, (struct ratelimit_rate){1, MINUTE}, 1, 0) > 0);
    ratelimit_charge(&rl, (struct ratelimit_rate){1, MINUTE}, INT64_MIN, 0);
    CHECK_U64(ratelimit_reset(&rl, 0), 0);
    CHECK_U64(ratelimit_take(&rl, rate, UINT64_MAX, 0), 0);
    CHECK(ratelimit_take(&rl, rate, UINT64_MAX, 0) > 0);
}

enum { THREADS = 8, RATE = 100000, TRIES = 100000 };

struct contest {
    struct ratelimit rl;
    _Atomic uint64_t admitted;
};

static void *spend(void *arg)
{
    struct contest *c = arg;
    struct ratelimit_rate rate = {RATE, MINUTE};

    for (int i = 0; i < TRIES; i++)
        if (ratelimit_take(&c->rl, rate, 1, 42) == 0)
            c->admitted++;
    return NULL;
}

static void eight_threads_together_never_spend_one_over(void **state)
{
    struct contest c = {0};
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, spend, &c), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_U64(c.admitted, RATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_burst_passes_at_one_moment_and_not_one_more),
        cmocka_unit_test(the_wait_it_names_is_enough_and_no_more),
        cmocka_unit_test(over_any_time_it_admits_the_burst_and_the_rate_and_never_one_over),
        cmocka_unit_test(what_a_unit_costs_is_rounded_up_even_where_it_is_next_to_nothing),
        cmocka_unit_test(refusal_spends_nothing),
        cmocka_unit_test(more_than_the_burst_can_never_pass),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(a_charge_makes_debt_and_giving_back_undoes_it),
        cmocka_unit_test(absurd_amounts_saturate),
        cmocka_unit_test(eight_threads_together_never_spend_one_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
