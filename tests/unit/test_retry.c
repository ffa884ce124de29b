#include "retry.h"

#include "check.h"

static struct retry_failure failure(enum outcome_kind kind, int status)
{
    return (struct retry_failure){
        .kind = kind,
        .status = status,
        .tries = 1,
        .max_retries = 2,
        .backoff = 200 * USEC_PER_MSEC,
        .max_backoff = 5 * USEC_PER_SEC,
    };
}

static void what_blames_the_request_is_passed_on_even_with_other_targets(void **state)
{
    static const int statuses[] = {400, 404, 413, 422};
    usec_t wait;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct retry_failure f = failure(OUTCOME_HTTP_4XX, statuses[i]);
        f.has_other = true;
        CHECK_INT(retry_decide(&f, 0, &wait), RETRY_RELAY);
    }
}

static void a_bad_credential_of_ours_moves_on_and_is_not_repeated(void **state)
{
    struct retry_failure f = failure(OUTCOME_HTTP_4XX, 401);
    usec_t wait;

    (void)state;
    CHECK_INT(retry_decide(&f, 0, &wait), RETRY_STOP);
    f.has_other = true;
    CHECK_INT(retry_decide(&f, 0, &wait), RETRY_OTHER);
}

static void a_silent_route_is_never_tried_twice(void **state)
{
    struct retry_failure f = failure(OUTCOME_TIMEOUT, 0);
    usec_t wait;

    (void)state;
    CHECK_INT(retry_decide(&f, 0, &wait), RETRY_STOP);
}

static void the_same_target_is_tried_again_after_a_growing_wait(void **state)
{
    struct retry_failure f = failure(OUTCOME_HTTP_5XX, 500);
    usec_t wait;

    (void)state;
    CHECK_INT(retry_decide(&f, 0, &wait), RETRY_SAME);
    CHECK_U64(wait, 100 * USEC_PER_MSEC);
    CHECK_INT(retry_decide(&f, 100 * USEC_PER_MSEC, &wait), RETRY_SAME);
    CHECK_U64(wait, 200 * USEC_PER_MSEC);
    f.tries = 2;
    CHECK_INT(retry_decide(&f, 0, &wait), RETRY_SAME);
    CHECK_U64(wait, 200 * USEC_PER_MSEC);
    f.tries = 3;
    CHECK_INT(retry_decide(&f, 0, &wait), RETRY_STOP);
}

static void the_wait_stays_within_its_ceiling(void **state)
{
    struct retry_failure f = failure(OUTCOME_CONNECT, 0);
    usec_t wait;

    (void)state;
    f.max_retries = 100;
    for (f.tries = 1; f.tries <= 100; f.tries++) {
        CHECK_INT(retry_decide(&f, UINT64_MAX, &wait), RETRY_SAME);
        CHECK(wait <= f.max_backoff);
    }
}

static void a_provider_that_asks_for_more_patience_than_allowed_is_left(void **state)
{
    struct retry_failure f = failure(OUTCOME_HTTP_429, 429);
    usec_t wait;

    (void)state;
    f.has_retry_after = true;
    f.retry_after = 2 * USEC_PER_SEC;
    CHECK_INT(retry_decide(&f, 0, &wait), RETRY_SAME);
    CHECK_U64(wait, 2 * USEC_PER_SEC);
    f.retry_after = 60 * USEC_PER_SEC;
    CHECK_INT(retry_decide(&f, 0, &wait), RETRY_STOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_blames_the_request_is_passed_on_even_with_other_targets),
        cmocka_unit_test(a_bad_credential_of_ours_moves_on_and_is_not_repeated),
        cmocka_unit_test(a_silent_route_is_never_tried_twice),
        cmocka_unit_test(the_same_target_is_tried_again_after_a_growing_wait),
        cmocka_unit_test(the_wait_stays_within_its_ceiling),
        cmocka_unit_test(a_provider_that_asks_for_more_patience_than_allowed_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
