#include "router.h"

#include "base/money.h"
#include "check.h"

#include <math.h>

static struct router_candidate usable(void)
{
    return (struct router_candidate){
        .weight = 1, .is_available = true, .price = MONEY_UNKNOWN, .kv_cache_usage = NAN};
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

static void others_requests_count_as_ours_do(void **state)
{
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[0].in_flight = 1;
    c[0].elsewhere = 3;
    c[1].in_flight = 3;
    CHECK_U64(router_choose(STRATEGY_LEAST_BUSY, c, 2, 0), 1);
    c[1].elsewhere = 2;
    CHECK_U64(router_choose(STRATEGY_LEAST_BUSY, c, 2, 0), 0);
}

static void of_equally_busy_the_one_with_more_cache_left_is_taken(void **state)
{
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[0].kv_cache_usage = 0.81;
    c[1].kv_cache_usage = 0.32;
    for (uint64_t random = 0; random < 4; random++)
        CHECK_U64(router_choose(STRATEGY_LEAST_BUSY, c, 2, random), 1);
    c[0].kv_cache_usage = 0.35; /* about as full: turn and turn about */
    CHECK_U64(router_choose(STRATEGY_LEAST_BUSY, c, 2, 0), 0);
    CHECK_U64(router_choose(STRATEGY_LEAST_BUSY, c, 2, 1), 1);
    c[1].in_flight = 1;
    CHECK_U64(router_choose(STRATEGY_LEAST_BUSY, c, 2, 1), 0);
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

static void the_pair_that_is_compared_is_never_one_twice(void **state)
{
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[0].latency = 0.5;
    c[1].latency = 0.1;
    for (uint64_t random = 0; random < 1000; random++)
        CHECK_U64(router_choose(STRATEGY_LATENCY, c, 2, random * UINT64_C(0x9e3779b97f4a7c15)), 1);
}

static void each_pair_is_drawn_as_often(void **state)
{
    struct router_candidate c[4] = {usable(), usable(), usable(), usable()};
    unsigned hits[4] = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        c[i].latency = i + 1; /* 0 wins each pair it is in, 3 none */
    for (uint64_t i = 0; i < 4; i++)
        for (uint64_t k = 0; k < 3; k++)
            hits[router_choose(STRATEGY_LATENCY, c, 4, i | k << 32)]++;
    CHECK_U64(hits[0], 6);
    CHECK_U64(hits[1], 4);
    CHECK_U64(hits[2], 2);
    CHECK_U64(hits[3], 0);
}

static void nobody_waits_behind_the_first_request_of_the_unknown(void **state)
{
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[0].latency = 3;
    CHECK_U64(router_choose(STRATEGY_LATENCY, c, 2, 0), 1);
    c[1].in_flight = 1;
    CHECK_U64(router_choose(STRATEGY_LATENCY, c, 2, 0), 0);
}

static void twice_the_weight_may_be_twice_as_slow(void **state)
{
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[0].latency = 1.9;
    c[0].weight = 2;
    c[1].latency = 1;
    CHECK_U64(router_choose(STRATEGY_LATENCY, c, 2, 1), 0);
    c[0].latency = 2.1;
    CHECK_U64(router_choose(STRATEGY_LATENCY, c, 2, 1), 1);
}

static void equals_share_an_idle_hour(void **state)
{
    struct router_candidate c[3] = {usable(), usable(), usable()};
    unsigned hits[3] = {0};

    (void)state;
    for (uint64_t random = 0; random < 300; random++)
        hits[router_choose(STRATEGY_LEAST_BUSY, c, 3, random)]++;
    for (int i = 0; i < 3; i++)
        CHECK_U64(hits[i], 100);
}

static void a_free_place_is_better_than_a_line_where_targets_are_equals(void **state)
{
    static const enum settings_strategy equals[] = {STRATEGY_WEIGHTED, STRATEGY_LATENCY,
                                                    STRATEGY_LEAST_BUSY};
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[0].is_full = true;
    c[0].weight = 1000;
    c[1].in_flight = 5;
    for (size_t s = 0; s < 3; s++)
        CHECK_U64(router_choose(equals[s], c, 2, 0), 1);
    CHECK_U64(router_choose(STRATEGY_PRIORITY, c, 2, 0), 0); /* its line is what was asked for */
    CHECK_U64(router_choose(STRATEGY_COST, c, 2, 0), 0);
    c[1].is_full = true; /* then any line is as good */
    CHECK_U64(router_choose(STRATEGY_WEIGHTED, c, 2, 0), 0);
    c[0].is_available = false;
    CHECK_U64(router_choose(STRATEGY_WEIGHTED, c, 2, 0), 1);
}

static uint64_t hash(uint64_t session, uint64_t target)
{
    uint64_t x = session * UINT64_C(0x9e3779b97f4a7c15) + target * UINT64_C(0xd1b54a32d192ed03) + 1;

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (x ^ (x >> 31)) | 1;
}

static size_t choice_of(uint64_t session, struct router_candidate *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        c[i].affinity = hash(session, i);
    return router_choose(STRATEGY_WEIGHTED, c, n, session * 77);
}

static void a_session_keeps_its_target_and_comes_back_to_it(void **state)
{
    struct router_candidate c[5] = {usable(), usable(), usable(), usable(), usable()};

    (void)state;
    for (uint64_t session = 1; session <= 1000; session++) {
        size_t before = choice_of(session, c, 5);
        size_t gone = session % 5;
        c[gone].is_available = false;
        size_t meanwhile = choice_of(session, c, 5);
        CHECK(gone == before ? meanwhile != before : meanwhile == before);
        c[gone].is_available = true;
        c[before].is_full = true; /* its line is shorter than a prompt read anew */
        CHECK_U64(choice_of(session, c, 5), before);
        c[before].is_full = false;
    }
}

static void sessions_are_shared_out_by_weight(void **state)
{
    struct router_candidate c[3] = {usable(), usable(), usable()};
    unsigned hits[3] = {0};

    (void)state;
    c[0].weight = 2;
    for (uint64_t session = 1; session <= 40000; session++)
        hits[choice_of(session, c, 3)]++;
    CHECK(hits[0] > 19500 && hits[0] < 20500);
    CHECK(hits[1] > 9500 && hits[1] < 10500);
}

static void an_order_that_was_given_goes_before_a_session(void **state)
{
    struct router_candidate c[2] = {usable(), usable()};

    (void)state;
    c[1].price = 5;
    for (uint64_t session = 1; session <= 100; session++) {
        choice_of(session, c, 2);
        CHECK_U64(router_choose(STRATEGY_PRIORITY, c, 2, session), 0);
        CHECK_U64(router_choose(STRATEGY_COST, c, 2, session), 1);
        CHECK(!router_is_sticky(STRATEGY_COST, c, 2));
        CHECK(router_is_sticky(STRATEGY_LATENCY, c, 2));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priority_takes_the_first_that_is_left),
        cmocka_unit_test(nothing_left_is_no_target_under_any_strategy),
        cmocka_unit_test(weights_are_shares),
        cmocka_unit_test(least_busy_counts_load_per_weight),
        cmocka_unit_test(others_requests_count_as_ours_do),
        cmocka_unit_test(of_equally_busy_the_one_with_more_cache_left_is_taken),
        cmocka_unit_test(an_unknown_price_is_never_the_cheapest),
        cmocka_unit_test(of_two_choices_the_faster_wins),
        cmocka_unit_test(the_pair_that_is_compared_is_never_one_twice),
        cmocka_unit_test(each_pair_is_drawn_as_often),
        cmocka_unit_test(nobody_waits_behind_the_first_request_of_the_unknown),
        cmocka_unit_test(twice_the_weight_may_be_twice_as_slow),
        cmocka_unit_test(equals_share_an_idle_hour),
        cmocka_unit_test(a_free_place_is_better_than_a_line_where_targets_are_equals),
        cmocka_unit_test(a_session_keeps_its_target_and_comes_back_to_it),
        cmocka_unit_test(sessions_are_shared_out_by_weight),
        cmocka_unit_test(an_order_that_was_given_goes_before_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
