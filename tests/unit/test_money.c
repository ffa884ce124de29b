#include "base/money.h"

#include "check.h"

#include <stdlib.h>

static void prices_are_read_exactly(void **state)
{
    static const struct {
        const char *text;
        int64_t nano;
    } cases[] = {
        {"0", 0},
        {"1.25", 1250000000},
        {"0.125", 125000000},
        {"0.000000001", 1},
        {"15.0", 15000000000},
        {"000000001", 1000000000},
        {"999999999.999999999", INT64_C(999999999999999999)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t nano = -1;
        CHECK(money_parse(str_from(cases[i].text), &nano));
        CHECK(nano == cases[i].nano);
    }
}

static void anything_but_a_plain_decimal_is_refused(void **state)
{
    static const char *const cases[] = {
        "",     ".",     "1.", ".5",         "-1",           "+1",  "1e3", "1,5", " 1",   "1 ",
        "0x10", "1.2.3", "$1", "1000000000", "0.0000000001", "inf", "nan", "1_0", "1.-5", "١",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t nano = 77;
        CHECK(!money_parse(str_from(cases[i]), &nano));
        CHECK(nano == 77);
    }
    CHECK(!money_parse((struct str){NULL, 0}, &(int64_t){0}));
}

static int64_t cost(int64_t tokens, int64_t price)
{
    return money_cost(&(struct money_part){tokens, price}, 1);
}

static void cost_is_tokens_times_price_rounded_half_up(void **state)
{
    static const struct {
        int64_t tokens, price, cost;
    } cases[] = {
        {0, 1250000000, 0},
        {1000000, 1250000000, 1250000000},
        {1, 1250000000, 1250},
        {1, 1, 0},
        {499999, 1, 0},
        {500000, 1, 1},
        {1499999, 1, 1},
        {3, 75000001, 225}, /* 225.000003 */
        {123456789, 10000000000, INT64_C(1234567890000)},
        {INT64_MAX, 1000000, INT64_MAX},
        {INT64_MAX, 1000001, INT64_MAX},
        {INT64_MAX, INT64_MAX, INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK(cost(cases[i].tokens, cases[i].price) == cases[i].cost);
    CHECK(cost(5, MONEY_UNKNOWN) == MONEY_UNKNOWN);
}

/* Ten calls may not be dearer or cheaper than one by more than their roundings. */
static void splitting_a_bill_changes_it_by_less_than_half_a_nano_a_part(void **state)
{
    (void)state;
    srand(4);
    for (int i = 0; i < 100000; i++) {
        int64_t price = rand() % 2000000000 * INT64_C(100) + rand() % 100;
        int64_t a = rand() % 3000000, b = rand() % 3000000;
        int64_t parts = cost(a, price) + cost(b, price);
        CHECK(llabs(parts - cost(a + b, price)) <= 1);
        /* exact below 2^53 */
        long double exact = (long double)a * (long double)price / 1000000;
        CHECK(cost(a, price) >= exact - 0.5L && cost(a, price) <= exact + 0.5L);
    }
}

static void sums_saturate_and_unknown_stays_unknown(void **state)
{
    (void)state;
    CHECK(money_add(1, 2) == 3);
    CHECK(money_add(INT64_MAX, 1) == INT64_MAX);
    CHECK(money_add(-INT64_MAX, -5) == -INT64_MAX);
    CHECK(money_add(MONEY_UNKNOWN, 1) == MONEY_UNKNOWN);
    CHECK(money_add(1, MONEY_UNKNOWN) == MONEY_UNKNOWN);
    CHECK(money_add(MONEY_UNKNOWN, MONEY_UNKNOWN) == MONEY_UNKNOWN);
}

static void amounts_are_written_with_all_nine_decimals(void **state)
{
    char text[32];

    (void)state;
    money_format(1234000, text);
    CHECK_TEXT(text, "0.001234000");
    money_format(0, text);
    CHECK_TEXT(text, "0.000000000");
    money_format(-1, text);
    CHECK_TEXT(text, "-0.000000001");
    money_format(INT64_MAX, text);
    CHECK_TEXT(text, "9223372036.854775807");
    money_format(-INT64_MAX, text);
    CHECK_TEXT(text, "-9223372036.854775807");
    money_format(MONEY_UNKNOWN, text);
    CHECK_TEXT(text, "");
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    srand(5);
    for (int i = 0; i < 100000; i++) {
        int64_t nano = (int64_t)rand() << 28 ^ rand(), again;
        char text[32];
        money_format(nano, text);
        CHECK(money_parse(str_from(text), &again));
        CHECK(again == nano);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_are_read_exactly),
        cmocka_unit_test(anything_but_a_plain_decimal_is_refused),
        cmocka_unit_test(cost_is_tokens_times_price_rounded_half_up),
        cmocka_unit_test(splitting_a_bill_changes_it_by_less_than_half_a_nano_a_part),
        cmocka_unit_test(sums_saturate_and_unknown_stays_unknown),
        cmocka_unit_test(amounts_are_written_with_all_nine_decimals),
        cmocka_unit_test(what_was_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
