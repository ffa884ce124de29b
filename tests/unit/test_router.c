#include "router.h"

#include "base/money.h"
#include "check.h"

static struct router_candidate usable(void)
{
    return (struct router_candidate){.weight = 1, .is_available = true, .price = MONEY_UNKNOWN};
}

static void priority_takes_the_first_that_is_left(void **state)
{
    struct router_candidate c[3] = {usable(), usable(), usable()};

    (void)state;
    CHECK_U64(router_choose(STRATEGY_PRIORITY, c, 3, 7), 0);
    c[0].was_tried = true;
    c[1].is_available = false;
    CHECK_U64(router_choose(STRATEGY_PRIORITY, c, 3, 7), 2);
}

static void nothing_left_is_no_target_under_any_strategy(void **state)
{
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[0].was_tried = true;
    c[1].is_available = false;
    for (int s = STRATEGY_PRIORITY; s <= STRATEGY_COMPLEXITY; s++) {
        CHECK(router_choose(s, c, 2, 3) == ROUTER_NONE);
        CHECK(router_choose(s, c, 0, 3) == ROUTER_NONE);
    }
}

static void weights_are_shares(void **state)
{
    struct router_candidate c[3] = {usable(), usable(), usable()};
    unsigned hits[3] = {0};

    (void)state;
    c[0].weight = 3;
    c[2].weight = 0; /* not given: counts as 1 */
    for (uint64_t random = 0; random < 500; random++)
        hits[router_choose(STRATEGY_WEIGHTED, c, 3, random)]++;
    CHECK_U64(hits[0], 300);
    CHECK_U64(hits[1], 100);
    CHECK_U64(hits[2], 100);
}

static void least_busy_counts_load_per_weight(void **state)
{
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[0].weight = 4;
    c[0].in_flight = 3;
    c[1].in_flight = 1;
    CHECK_U64(router_choose(STRATEGY_LEAST_BUSY, c, 2, 0), 0);
    c[0].in_flight = 5;
    CHECK_U64(router_choose(STRATEGY_LEAST_BUSY, c, 2, 0), 1);
}

static void an_unknown_price_is_never_the_cheapest(void **state)
{
    struct router_candidate c[3] = {usable(), usable(), usable()};

    (void)state;
    c[1].price = 500;
    c[2].price = 200;
    CHECK_U64(router_choose(STRATEGY_COST, c, 3, 0), 2);
    c[2].was_tried = true;
    CHECK_U64(router_choose(STRATEGY_COST, c, 3, 0), 1);
    c[1].was_tried = true;
    CHECK_U64(router_choose(STRATEGY_COST, c, 3, 0), 0);
}

static void of_two_choices_the_faster_wins(void **state)
{
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[0].latency = 0.5;
    c[1].latency = 0.1;
    CHECK_U64(router_choose(STRATEGY_LATENCY, c, 2, UINT64_C(1) << 32), 1);
    c[1].in_flight = 9;
    CHECK_U64(router_choose(STRATEGY_LATENCY, c, 2, UINT64_C(1) << 32), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priority_takes_the_first_that_is_left),
        cmocka_unit_test(nothing_left_is_no_target_under_any_strategy),
        cmocka_unit_test(weights_are_shares),
        cmocka_unit_test(least_busy_counts_load_per_weight),
        cmocka_unit_test(an_unknown_price_is_never_the_cheapest),
        cmocka_unit_test(of_two_choices_the_faster_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
