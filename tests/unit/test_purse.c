#include "purse.h"

#include "check.h"

#define DAY (UINT64_C(86400) * USEC_PER_SEC)
#define NOW (UINT64_C(1795276800) * USEC_PER_SEC + 60 * USEC_PER_SEC) /* 2026-11-21 16:01 UTC */

static struct purse key, team;
static struct purse_limits key_limits, team_limits;

static struct purse_hold start(void)
{
    struct purse_hold h = {
        .owners = {{&key, &key_limits}, {&team, &team_limits}}, .n_owners = 2, .amount = 0};
    return h;
}

static int reset(void **state)
{
    (void)state;
    key = team = (struct purse){0};
    key_limits = team_limits =
        (struct purse_limits){.nano = {MONEY_UNKNOWN, MONEY_UNKNOWN, MONEY_UNKNOWN}, .zone = NULL};
    return 0;
}

static enum purse_period period;
static size_t owner;

static int64_t used(struct purse *p, enum purse_period which, usec_t wall)
{
    return purse_used((struct purse_owner){p, p == &key ? &key_limits : &team_limits}, which, wall);
}

static void test_all_budgets_of_all_owners_must_cover_it_or_none_is_touched(void **state)
{
    (void)state;
    key_limits.nano[PURSE_TOTAL] = 1000;
    key_limits.nano[PURSE_DAILY] = 100;
    team_limits.nano[PURSE_MONTHLY] = 50;
    struct purse_hold h = start();
    CHECK(purse_is_limited(&h));
    CHECK(!purse_reserve(&h, 101, NOW, &period, &owner));
    CHECK(period == PURSE_DAILY && owner == 0);
    CHECK(!purse_reserve(&h, 60, NOW, &period, &owner));
    CHECK(period == PURSE_MONTHLY && owner == 1);
    CHECK_INT(h.amount, 0);
    CHECK_INT(used(&key, PURSE_TOTAL, NOW), 0);
    CHECK_INT(used(&key, PURSE_DAILY, NOW), 0);
    CHECK(purse_reserve(&h, 50, NOW, &period, &owner));
    CHECK_INT(used(&key, PURSE_TOTAL, NOW), 50);
    CHECK_INT(used(&team, PURSE_MONTHLY, NOW), 50);
    purse_release(&h);
    CHECK_INT(used(&key, PURSE_TOTAL, NOW), 0);
    CHECK_INT(used(&team, PURSE_MONTHLY, NOW), 0);
}

static void test_a_dearer_attempt_tops_up_and_a_cheaper_one_keeps_what_there_is(void **state)
{
    (void)state;
    key_limits.nano[PURSE_TOTAL] = 100;
    struct purse_hold h = start();
    CHECK(purse_reserve(&h, 40, NOW, &period, &owner));
    CHECK(purse_reserve(&h, 30, NOW, &period, &owner));
    CHECK_INT(h.amount, 40);
    CHECK(purse_reserve(&h, 100, NOW, &period, &owner));
    CHECK_INT(used(&key, PURSE_TOTAL, NOW), 100);
    CHECK(!purse_reserve(&h, 101, NOW, &period, &owner));
    CHECK_INT(h.amount, 100);
}

static void test_spending_comes_out_of_what_is_held_and_counts_everywhere(void **state)
{
    (void)state;
    key_limits.nano[PURSE_TOTAL] = 100;
    struct purse_hold h = start();
    CHECK(purse_reserve(&h, 40, NOW, &period, &owner));
    purse_spend(&h, 15, NOW);
    CHECK_INT(h.amount, 25);
    CHECK_INT(used(&key, PURSE_TOTAL, NOW), 40);
    CHECK_INT(used(&key, PURSE_DAILY, NOW), 15); /* without a limit nothing is held */
    CHECK_INT(used(&team, PURSE_MONTHLY, NOW), 15);
    purse_spend(&h, 30, NOW); /* more than was left of it */
    CHECK_INT(h.amount, 0);
    CHECK_INT(used(&key, PURSE_TOTAL, NOW), 45);
    CHECK_INT(used(&team, PURSE_TOTAL, NOW), 45);
    purse_release(&h);
    CHECK_INT(used(&key, PURSE_TOTAL, NOW), 45);
}

static void test_days_and_months_begin_anew_and_totals_never(void **state)
{
    (void)state;
    for (unsigned p = 0; p < PURSE_PERIODS; p++)
        key_limits.nano[p] = 100;
    struct purse_hold h = start();
    CHECK(purse_reserve(&h, 80, NOW, &period, &owner));
    purse_spend(&h, 60, NOW);
    usec_t tomorrow = purse_period_end(&key_limits, PURSE_DAILY, NOW);
    CHECK_U64(tomorrow % DAY, 0);
    CHECK(tomorrow > NOW && tomorrow - NOW <= DAY);
    CHECK_U64(purse_period_start(&key_limits, PURSE_DAILY, NOW), tomorrow - DAY);
    CHECK_INT(used(&key, PURSE_DAILY, tomorrow - 1), 80);
    CHECK_INT(used(&key, PURSE_DAILY, tomorrow), 20); /* what is held is held */
    CHECK_INT(used(&key, PURSE_MONTHLY, tomorrow), 80);
    usec_t next = purse_period_end(&key_limits, PURSE_MONTHLY, NOW);
    CHECK_INT(used(&key, PURSE_MONTHLY, next - 1), 80);
    CHECK_INT(used(&key, PURSE_MONTHLY, next), 20);
    CHECK_INT(used(&key, PURSE_TOTAL, next), 80);
    CHECK_U64(purse_period_end(&key_limits, PURSE_TOTAL, NOW), USEC_INFINITY);
}

static void test_what_is_left_is_that_of_the_tightest_budget(void **state)
{
    (void)state;
    struct purse_owner o = {&key, &key_limits};
    CHECK(purse_left(o, NOW) == MONEY_UNKNOWN);
    key_limits.nano[PURSE_TOTAL] = 1000;
    key_limits.nano[PURSE_DAILY] = 100;
    struct purse_hold h = start();
    CHECK_INT(purse_left(o, NOW), 100);
    purse_spend(&h, 120, NOW);
    CHECK_INT(purse_left(o, NOW), -20);
    CHECK_INT(purse_left(o, NOW + 2 * DAY), 100);
}

static void test_without_a_limit_nothing_is_refused(void **state)
{
    (void)state;
    struct purse_hold h = start();
    CHECK(!purse_is_limited(&h));
    CHECK(purse_reserve(&h, INT64_MAX, NOW, &period, &owner));
    CHECK_INT(used(&key, PURSE_TOTAL, NOW), 0);
    purse_spend(&h, 5, NOW);
    purse_release(&h);
    CHECK_INT(used(&key, PURSE_TOTAL, NOW), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_budgets_of_all_owners_must_cover_it_or_none_is_touched,
                               reset),
        cmocka_unit_test_setup(test_a_dearer_attempt_tops_up_and_a_cheaper_one_keeps_what_there_is,
                               reset),
        cmocka_unit_test_setup(test_spending_comes_out_of_what_is_held_and_counts_everywhere,
                               reset),
        cmocka_unit_test_setup(test_days_and_months_begin_anew_and_totals_never, reset),
        cmocka_unit_test_setup(test_what_is_left_is_that_of_the_tightest_budget, reset),
        cmocka_unit_test_setup(test_without_a_limit_nothing_is_refused, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
