#include "retry_budget.h"

#include "check.h"

#define SEC USEC_PER_SEC

static unsigned take_all(struct retry_budget *b, double share, uint32_t under_way, usec_t now)
{
    unsigned n = 0;

    while (retry_budget_take(b, share, under_way, now)) {
        retry_budget_release(b);
        n++;
    }
    return n;
}

static void a_quiet_gateway_may_repeat_a_few(void **state)
{
    struct retry_budget b = {0};

    (void)state;
    retry_budget_note(&b, 1000 * SEC);
    CHECK_U64(take_all(&b, 0.2, 1, 1000 * SEC), RETRY_BUDGET_FLOOR);
    CHECK_U64(b.refused, 1);
}

static void of_many_requests_one_in_five_is_repeated(void **state)
{
    struct retry_budget b = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        retry_budget_note(&b, (1000 + i / 100) * SEC);
    CHECK_U64(take_all(&b, 0.2, 1000, 1009 * SEC), 200);
}

static void never_more_than_its_share_whatever_the_order(void **state)
{
    struct retry_budget b = {0};
    unsigned requests = 0, repeats = 0;

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        usec_t now = 7 * SEC + i * (SEC / 1000);
        retry_budget_note(&b, now);
        requests++;
        while (retry_budget_take(&b, 0.2, 100, now)) {
            retry_budget_release(&b);
            repeats++;
        }
        CHECK(repeats <= RETRY_BUDGET_FLOOR || repeats * 5 <= requests);
    }
    CHECK_U64(repeats, 1000);
}

static void what_is_older_than_ten_seconds_no_longer_counts(void **state)
{
    struct retry_budget b = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        retry_budget_note(&b, 100 * SEC);
    CHECK(retry_budget_take(&b, 0.2, 100, 109 * SEC));
    retry_budget_release(&b);
    CHECK_U64(take_all(&b, 0.2, 1, 110 * SEC), RETRY_BUDGET_FLOOR - 1); /* one at 109 s */
    CHECK_U64(take_all(&b, 0.2, 1, 500 * SEC), RETRY_BUDGET_FLOOR);
}

static void repeats_at_the_same_time_are_a_share_of_what_is_under_way(void **state)
{
    struct retry_budget b = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        retry_budget_note(&b, 100 * SEC);
    for (int i = 0; i < 3; i++)
        CHECK(retry_budget_take(&b, 0.2, 10, 100 * SEC));
    CHECK(!retry_budget_take(&b, 0.2, 11, 100 * SEC)); /* 20 % of 15, itself included */
    CHECK(retry_budget_take(&b, 0.2, 16, 100 * SEC));
    CHECK(!retry_budget_take(&b, 0.2, 16, 100 * SEC));
    retry_budget_release(&b);
    CHECK(retry_budget_take(&b, 0.2, 16, 100 * SEC));
}

static void a_budget_of_nothing_allows_nothing(void **state)
{
    struct retry_budget b = {0};

    (void)state;
    CHECK(!retry_budget_take(&b, 0, 100, 100 * SEC));
}

static void a_slightly_earlier_time_does_no_harm(void **state)
{
    struct retry_budget b = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        retry_budget_note(&b, 100 * SEC - (usec_t)(i % 2));
    CHECK_U64(take_all(&b, 0.2, 1000, 100 * SEC), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_gateway_may_repeat_a_few),
        cmocka_unit_test(of_many_requests_one_in_five_is_repeated),
        cmocka_unit_test(never_more_than_its_share_whatever_the_order),
        cmocka_unit_test(what_is_older_than_ten_seconds_no_longer_counts),
        cmocka_unit_test(repeats_at_the_same_time_are_a_share_of_what_is_under_way),
        cmocka_unit_test(a_budget_of_nothing_allows_nothing),
        cmocka_unit_test(a_slightly_earlier_time_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
