#include "base/breaker.h"

#include "check.h"

#define SEC USEC_PER_SEC

static const struct breaker_config config = {
    .failures = 3, .half_open = 2, .window = 10 * SEC, .open_for = 30 * SEC};

static void fail_once(struct breaker *b, usec_t now)
{
    CHECK(breaker_take(b, &config, now));
    breaker_failure(b, &config, now);
}

/* Opened at 100 s. */
static struct breaker opened(void)
{
    struct breaker b = {0};

    for (int i = 0; i < 3; i++)
        fail_once(&b, 100 * SEC);
    CHECK_INT(b.state, BREAKER_OPEN);
    return b;
}

static void failures_in_a_row_open_it(void **state)
{
    struct breaker b = opened();

    (void)state;
    CHECK(!breaker_is_available(&b, &config, 100 * SEC));
    CHECK(!breaker_take(&b, &config, 129 * SEC));
}

static void a_success_ends_the_row(void **state)
{
    struct breaker b = {0};

    (void)state;
    for (int i = 0; i < 10; i++) {
        fail_once(&b, 0);
        fail_once(&b, 0);
        breaker_success(&b, &config, 0);
    }
    CHECK_INT(b.state, BREAKER_CLOSED);
}

static void failures_spread_wider_than_the_window_do_not_open_it(void **state)
{
    struct breaker b = {0};

    (void)state;
    for (usec_t at = 1; at < 200; at += 6)
        fail_once(&b, at * SEC);
    CHECK_INT(b.state, BREAKER_CLOSED);
}

static void an_abandoned_try_says_nothing(void **state)
{
    struct breaker b = {0};

    (void)state;
    fail_once(&b, 0);
    fail_once(&b, 0);
    breaker_abandon(&b);
    fail_once(&b, 0);
    CHECK_INT(b.state, BREAKER_OPEN);
}

static void half_open_lets_only_so_many_tries_through(void **state)
{
    struct breaker b = opened();

    (void)state;
    CHECK(breaker_is_available(&b, &config, 130 * SEC));
    CHECK_INT(b.state, BREAKER_OPEN); /* asking changes nothing */
    CHECK(breaker_take(&b, &config, 130 * SEC));
    CHECK(breaker_take(&b, &config, 130 * SEC));
    CHECK_INT(b.state, BREAKER_HALF_OPEN);
    CHECK(!breaker_take(&b, &config, 130 * SEC));
    breaker_success(&b, &config, 131 * SEC);
    CHECK(!breaker_take(&b, &config, 131 * SEC));
    breaker_success(&b, &config, 132 * SEC);
    CHECK_INT(b.state, BREAKER_CLOSED);
}

static void one_failed_try_opens_it_again_for_the_whole_time(void **state)
{
    struct breaker b = opened();

    (void)state;
    CHECK(breaker_take(&b, &config, 130 * SEC));
    CHECK(breaker_take(&b, &config, 130 * SEC));
    breaker_success(&b, &config, 131 * SEC);
    breaker_failure(&b, &config, 132 * SEC);
    CHECK_INT(b.state, BREAKER_OPEN);
    CHECK(!breaker_is_available(&b, &config, 161 * SEC));
    CHECK(breaker_is_available(&b, &config, 162 * SEC));
}

static void an_abandoned_try_gives_its_place_back(void **state)
{
    struct breaker b = opened();

    (void)state;
    CHECK(breaker_take(&b, &config, 130 * SEC));
    CHECK(breaker_take(&b, &config, 130 * SEC));
    breaker_abandon(&b);
    CHECK(breaker_take(&b, &config, 130 * SEC));
    CHECK(!breaker_take(&b, &config, 130 * SEC));
}

static void reports_of_tries_from_before_it_opened_change_nothing(void **state)
{
    struct breaker b = opened();

    (void)state;
    breaker_failure(&b, &config, 120 * SEC); /* does not keep it open longer */
    breaker_success(&b, &config, 120 * SEC);
    CHECK(breaker_take(&b, &config, 130 * SEC));
    breaker_abandon(&b);
    breaker_success(&b, &config, 130 * SEC);
    breaker_success(&b, &config, 130 * SEC);
    breaker_failure(&b, &config, 130 * SEC);
    breaker_abandon(&b);
    CHECK_INT(b.state, BREAKER_HALF_OPEN);
    CHECK(breaker_is_available(&b, &config, 130 * SEC));
}

static void a_report_with_a_slightly_earlier_time_is_not_a_leap(void **state)
{
    struct breaker b = {0};

    (void)state;
    fail_once(&b, 10 * SEC);
    fail_once(&b, 10 * SEC - 1);
    fail_once(&b, 10 * SEC - 1);
    CHECK_INT(b.state, BREAKER_OPEN);
    CHECK(!breaker_is_available(&b, &config, 10 * SEC - 2));
}

static void it_tells_how_long_it_stays_open(void **state)
{
    struct breaker b = opened();

    (void)state;
    CHECK_U64(breaker_wait(&b, &config, 100 * SEC), 30 * SEC);
    CHECK_U64(breaker_wait(&b, &config, 129 * SEC), SEC);
    CHECK_U64(breaker_wait(&b, &config, 130 * SEC), 0);
    CHECK(breaker_take(&b, &config, 130 * SEC));
    CHECK_U64(breaker_wait(&b, &config, 130 * SEC), 0);
}

static void it_grows_only_if_it_is_told_to(void **state)
{
    struct breaker_config growing = config;
    struct breaker b = opened();

    (void)state;
    growing.max_growth = 2;
    CHECK_U64(breaker_wait(&b, &growing, 100 * SEC), 30 * SEC);
    for (unsigned i = 0; i < 3; i++) {
        usec_t at = (200 + 100 * i) * SEC;
        CHECK(breaker_take(&b, &growing, at));
        breaker_failure(&b, &growing, at);
        CHECK_U64(breaker_wait(&b, &growing, at), 60 * SEC);
        CHECK_U64(breaker_wait(&b, &config, at), 30 * SEC);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_in_a_row_open_it),
        cmocka_unit_test(it_tells_how_long_it_stays_open),
        cmocka_unit_test(it_grows_only_if_it_is_told_to),
        cmocka_unit_test(a_success_ends_the_row),
        cmocka_unit_test(failures_spread_wider_than_the_window_do_not_open_it),
        cmocka_unit_test(an_abandoned_try_says_nothing),
        cmocka_unit_test(half_open_lets_only_so_many_tries_through),
        cmocka_unit_test(one_failed_try_opens_it_again_for_the_whole_time),
        cmocka_unit_test(an_abandoned_try_gives_its_place_back),
        cmocka_unit_test(reports_of_tries_from_before_it_opened_change_nothing),
        cmocka_unit_test(a_report_with_a_slightly_earlier_time_is_not_a_leap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
