#include "budget.h"

#include "check.h"

#include <pthread.h>

#define DAY (UINT64_C(86400) * USEC_PER_SEC)

static void test_what_is_left_can_be_had_and_not_one_nano_more(void **state)
{
    (void)state;
    struct budget b = {0};
    CHECK(budget_reserve(&b, 100, 60));
    CHECK(!budget_reserve(&b, 100, 41));
    CHECK_INT(budget_used(&b), 60);
    CHECK(budget_reserve(&b, 100, 40));
    CHECK(!budget_reserve(&b, 100, 1));
    budget_settle(&b, 60, 10);
    CHECK_INT(budget_used(&b), 50);
    CHECK_INT(budget_settled(&b), 10);
    CHECK(budget_reserve(&b, 100, 50));
}

static void test_a_cost_above_what_was_reserved_counts_in_full(void **state)
{
    (void)state;
    struct budget b = {0};
    CHECK(budget_reserve(&b, 100, 90));
    budget_settle(&b, 90, 130);
    CHECK_INT(budget_used(&b), 130);
    CHECK(!budget_reserve(&b, 100, 1));
}

static void test_what_costs_nothing_passes_an_exhausted_budget(void **state)
{
    (void)state;
    struct budget b = {0};
    budget_settle(&b, 0, 500);
    CHECK(budget_reserve(&b, 100, 0));
    CHECK(!budget_reserve(&b, 0, 1));
    CHECK(!budget_reserve(&b, INT64_MAX, INT64_MAX));
    CHECK(budget_reserve(&b, MONEY_UNKNOWN, INT64_MAX));
}

static void
test_a_period_that_is_over_takes_its_spending_with_it_and_leaves_what_is_reserved(void **state)
{
    (void)state;
    struct budget b = {0};
    usec_t ends_at;
    budget_load(&b, 70, DAY);
    CHECK(!budget_is_over(&b, DAY - 1, &ends_at));
    CHECK(budget_reserve(&b, 100, 30));
    CHECK(!budget_reserve(&b, 100, 1));
    CHECK(budget_is_over(&b, DAY, &ends_at));
    budget_roll(&b, ends_at, 2 * DAY);
    CHECK_INT(budget_used(&b), 30);
    CHECK_INT(budget_settled(&b), 0);
    budget_settle(&b, 30, 20); /* counts in the new period */
    CHECK_INT(budget_settled(&b), 20);
    CHECK_INT(budget_used(&b), 20);
}

static void test_a_period_ends_once_whatever_the_clock_does(void **state)
{
    (void)state;
    struct budget b = {0};
    usec_t first, second;
    budget_load(&b, 70, DAY);
    CHECK(budget_is_over(&b, DAY, &first));
    CHECK(budget_is_over(&b, DAY, &second));
    budget_roll(&b, first, 2 * DAY);
    budget_settle(&b, 0, 5);
    budget_roll(&b, second, 2 * DAY); /* another thread that saw the same */
    CHECK_INT(budget_used(&b), 5);
    CHECK(!budget_is_over(&b, DAY / 2, &first)); /* the clock was set back */
    CHECK(!budget_is_over(&b, 2 * DAY - 1, &first));
    CHECK(budget_is_over(&b, 9 * DAY, &first));
    budget_roll(&b, first, 10 * DAY);
    CHECK_INT(budget_used(&b), 0);
}

static void test_absurd_costs_exhaust_a_budget_and_never_fill_it(void **state)
{
    (void)state;
    struct budget b = {0};
    for (unsigned i = 0; i < 3; i++) {
        budget_settle(&b, 0, INT64_MAX);
        CHECK(!budget_reserve(&b, INT64_MAX - 1, 1));
    }
    CHECK(budget_used(&b) == INT64_MAX);
}

/* ---- many threads ---- */

#define THREADS  8
#define TURNS    20000
#define LIMIT    INT64_C(1000)
#define AMOUNT   INT64_C(7)
#define N_PERIOD 50

struct race {
    struct budget b;
    _Atomic int64_t held, spent, refused; /* what the threads believe */
    _Atomic usec_t now;
    _Atomic bool is_over;
};

static void *spend(void *arg)
{
    struct race *r = arg;
    for (unsigned i = 0; i < TURNS; i++) {
        if (!budget_reserve(&r->b, LIMIT, AMOUNT)) {
            atomic_fetch_add(&r->refused, 1);
            continue;
        }
        if (atomic_fetch_add(&r->held, AMOUNT) + AMOUNT + atomic_load(&r->spent) > LIMIT)
            atomic_store(&r->is_over, true);
        int64_t cost = i % 3 == 0 ? 1 : 0;
        atomic_fetch_sub(&r->held, AMOUNT);
        atomic_fetch_add(&r->spent, cost);
        budget_settle(&r->b, AMOUNT, cost);
    }
    return NULL;
}

static void run(struct race *r, void *(*fn)(void *))
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, fn, r), 0);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
}

static void test_many_threads_together_never_hold_more_than_the_limit(void **state)
{
    (void)state;
    struct race r = {0};
    run(&r, spend);
    CHECK(!r.is_over);
    CHECK(r.refused > 0);
    CHECK_INT(budget_used(&r.b), r.spent);
    CHECK_INT(budget_settled(&r.b), r.spent);
    CHECK(r.spent <= LIMIT && r.spent > LIMIT - AMOUNT); /* and all of it could be had */
}

/* Each thread takes, spends, and rolls when the period is over; now and then one of them lets time
 * pass. In no period may more than the limit be settled. */
static void *spend_and_roll(void *arg)
{
    struct race *r = arg;
    for (unsigned i = 0; i < TURNS; i++) {
        usec_t ends_at, now = atomic_load(&r->now);
        if (budget_is_over(&r->b, now, &ends_at)) {
            int64_t before = budget_settled(&r->b);
            if (before > LIMIT)
                atomic_store(&r->is_over, true);
            budget_roll(&r->b, ends_at, ends_at + DAY);
        }
        if (!budget_reserve(&r->b, LIMIT, AMOUNT)) {
            atomic_fetch_add(&r->refused, 1);
            if (now < N_PERIOD * DAY)
                atomic_compare_exchange_strong(&r->now, &now, now + DAY);
            continue;
        }
        budget_settle(&r->b, AMOUNT, AMOUNT - 2);
        atomic_fetch_add(&r->spent, AMOUNT - 2);
    }
    return NULL;
}

static void test_periods_roll_under_many_threads_and_none_is_overspent(void **state)
{
    (void)state;
    struct race r = {0};
    budget_load(&r.b, 0, DAY);
    run(&r, spend_and_roll);
    CHECK(!r.is_over);
    CHECK_INT(atomic_load(&r.b.settled), r.spent);
    CHECK_INT(budget_used(&r.b), budget_settled(&r.b));
    CHECK(budget_used(&r.b) <= LIMIT);
    CHECK(r.spent <= LIMIT * (N_PERIOD + 1));
    CHECK(r.spent > LIMIT * N_PERIOD / 2); /* every period gave what it had */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left_can_be_had_and_not_one_nano_more),
        cmocka_unit_test(test_a_cost_above_what_was_reserved_counts_in_full),
        cmocka_unit_test(test_what_costs_nothing_passes_an_exhausted_budget),
        cmocka_unit_test(
            test_a_period_that_is_over_takes_its_spending_with_it_and_leaves_what_is_reserved),
        cmocka_unit_test(test_a_period_ends_once_whatever_the_clock_does),
        cmocka_unit_test(test_absurd_costs_exhaust_a_budget_and_never_fill_it),
        cmocka_unit_test(test_many_threads_together_never_hold_more_than_the_limit),
        cmocka_unit_test(test_periods_roll_under_many_threads_and_none_is_overspent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
