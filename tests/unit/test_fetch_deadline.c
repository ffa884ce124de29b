#include "check.h"

#include "io/fetch_deadline.h"

static const struct fetch_origin limits = {
    .connect_timeout = 10,
    .first_byte_timeout = 100,
    .idle_timeout = 20,
    .total_timeout = 1000,
};

static void check_next(const struct fetch_deadline *d, const struct fetch_origin *origin, usec_t at,
                       enum fetch_result result)
{
    enum fetch_result got;

    CHECK_U64(fetch_deadline_next(d, origin, &got), at);
    if (at != USEC_INFINITY)
        CHECK_INT(got, result);
}

static void test_each_phase_has_its_own_limit(void **state)
{
    (void)state;
    struct fetch_deadline d = {.started_at = 5000, .connecting_at = 5000};

    check_next(&d, &limits, 5010, FETCH_CONNECT_TIMEOUT);
    d.connecting_at = 5003; /* sent again */
    check_next(&d, &limits, 5013, FETCH_CONNECT_TIMEOUT);
    d.connected_at = 5004;
    check_next(&d, &limits, 5104, FETCH_FIRST_BYTE_TIMEOUT);
    d.is_heard = true;
    d.heard_at = 5050;
    check_next(&d, &limits, 5070, FETCH_IDLE_TIMEOUT);
}

static void test_every_byte_moves_the_idle_limit_but_not_the_total(void **state)
{
    (void)state;
    struct fetch_deadline d = {
        .started_at = 5000, .connected_at = 5001, .heard_at = 5975, .is_heard = true};

    check_next(&d, &limits, 5995, FETCH_IDLE_TIMEOUT);
    d.heard_at = 5985;
    check_next(&d, &limits, 6000, FETCH_TOTAL_TIMEOUT);
}

static void test_only_the_total_runs_during_a_pause(void **state)
{
    (void)state;
    struct fetch_deadline d = {.started_at = 5000,
                               .connected_at = 5001,
                               .heard_at = 5002,
                               .is_heard = true,
                               .is_paused = true};

    check_next(&d, &limits, 6000, FETCH_TOTAL_TIMEOUT);
    d.is_paused = false;
    d.heard_at = 5500; /* the end of the pause */
    check_next(&d, &limits, 5520, FETCH_IDLE_TIMEOUT);
}

static void test_a_pause_before_the_first_byte_starts_its_limit_again(void **state)
{
    (void)state;
    struct fetch_deadline d = {.started_at = 5000, .connected_at = 5001, .heard_at = 5200};

    check_next(&d, &limits, 5300, FETCH_FIRST_BYTE_TIMEOUT);
}

static void test_a_limit_of_zero_is_none(void **state)
{
    (void)state;
    struct fetch_origin none = {0};
    struct fetch_deadline d = {.started_at = 5000, .connecting_at = 5000};

    check_next(&d, &none, USEC_INFINITY, FETCH_OK);
    d.connected_at = 5001;
    check_next(&d, &none, USEC_INFINITY, FETCH_OK);
    d.is_heard = true;
    check_next(&d, &none, USEC_INFINITY, FETCH_OK);
    none.total_timeout = USEC_INFINITY;
    check_next(&d, &none, USEC_INFINITY, FETCH_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_phase_has_its_own_limit),
        cmocka_unit_test(test_every_byte_moves_the_idle_limit_but_not_the_total),
        cmocka_unit_test(test_only_the_total_runs_during_a_pause),
        cmocka_unit_test(test_a_pause_before_the_first_byte_starts_its_limit_again),
        cmocka_unit_test(test_a_limit_of_zero_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
