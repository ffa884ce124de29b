#include "retry.h"

#include "check.h"

static struct failure failure(enum failure_blame blame)
{
    return (struct failure){.kind = OUTCOME_HTTP_5XX, .status = 500, .blame = blame};
}

static struct retry_situation after(const struct failure *f)
{
    return (struct retry_situation){
        .failure = f,
        .tries = 1,
        .max_retries = 2,
        .backoff = 200 * USEC_PER_MSEC,
        .max_backoff = 5 * USEC_PER_SEC,
        .time_left = USEC_INFINITY,
    };
}

static void what_blames_the_request_is_passed_on_even_with_other_targets(void **state)
{
    struct failure f = failure(FAILURE_OF_REQUEST);
    struct retry_situation s = after(&f);
    usec_t wait;

    (void)state;
    s.has_other = true;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_RELAY);
}

static void what_is_too_long_wants_a_larger_window(void **state)
{
    struct failure f = failure(FAILURE_OF_WINDOW);
    struct retry_situation s = after(&f);
    usec_t wait;

    (void)state;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_LARGER);
    s.has_other = true;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_LARGER);
}

static void a_bad_credential_of_ours_moves_on_and_is_not_repeated(void **state)
{
    static const enum failure_blame blames[] = {FAILURE_OF_CREDENTIAL, FAILURE_OF_PERMISSION};
    usec_t wait;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct failure f = failure(blames[i]);
        struct retry_situation s = after(&f);
        CHECK_INT(retry_decide(&s, 0, &wait), RETRY_STOP);
        s.has_other = true;
        CHECK_INT(retry_decide(&s, 0, &wait), RETRY_OTHER);
    }
}

static void a_silent_route_is_never_tried_twice(void **state)
{
    struct failure f = failure(FAILURE_OF_CONNECTION);
    struct retry_situation s = after(&f);
    usec_t wait;

    (void)state;
    f.kind = OUTCOME_CONNECT;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_SAME); /* refused */
    f.is_silent = true;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_STOP);
    f = failure(FAILURE_OF_TARGET);
    f.kind = OUTCOME_TIMEOUT;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_STOP);
    s.has_other = true;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_OTHER);
}

static void rubbish_is_not_asked_for_again(void **state)
{
    struct failure f = failure(FAILURE_OF_TARGET);
    struct retry_situation s = after(&f);
    usec_t wait;

    (void)state;
    f.kind = OUTCOME_INVALID;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_STOP);
}

static void a_status_that_blames_nobody_is_repeated_if_it_may_pass(void **state)
{
    struct failure f = failure(FAILURE_OF_NOBODY);
    struct retry_situation s = after(&f);
    usec_t wait;

    (void)state;
    for (f.status = 400; f.status < 500; f.status++)
        CHECK_INT(retry_decide(&s, 0, &wait),
                  f.status == 408 || f.status == 409 || f.status == 425 ? RETRY_SAME : RETRY_STOP);
}

static void the_wait_is_drawn_from_a_growing_span(void **state)
{
    struct failure f = failure(FAILURE_OF_TARGET);
    struct retry_situation s = after(&f);
    usec_t wait;

    (void)state;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_SAME);
    CHECK_U64(wait, 0);
    CHECK_INT(retry_decide(&s, 200 * USEC_PER_MSEC, &wait), RETRY_SAME);
    CHECK_U64(wait, 200 * USEC_PER_MSEC);
    CHECK_INT(retry_decide(&s, 200 * USEC_PER_MSEC + 1, &wait), RETRY_SAME);
    CHECK_U64(wait, 0);
    s.tries = 2;
    CHECK_INT(retry_decide(&s, 400 * USEC_PER_MSEC, &wait), RETRY_SAME);
    CHECK_U64(wait, 400 * USEC_PER_MSEC);
    s.tries = 3;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_STOP);
}

static void the_wait_stays_within_its_ceiling(void **state)
{
    struct failure f = failure(FAILURE_OF_CONNECTION);
    struct retry_situation s = after(&f);
    usec_t wait;

    (void)state;
    s.max_retries = 100;
    for (s.tries = 1; s.tries <= 100; s.tries++) {
        CHECK_INT(retry_decide(&s, UINT64_MAX - s.tries, &wait), RETRY_SAME);
        CHECK(wait <= s.max_backoff);
    }
}

static void a_provider_that_asks_for_more_patience_than_allowed_is_left(void **state)
{
    struct failure f = failure(FAILURE_OF_RATE);
    struct retry_situation s = after(&f);
    usec_t wait;

    (void)state;
    f.has_rest = true;
    f.rest = 2 * USEC_PER_SEC;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_SAME);
    CHECK_U64(wait, 2 * USEC_PER_SEC + 10 * USEC_PER_MSEC);
    f.rest = 60 * USEC_PER_SEC;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_STOP);
    s.has_other = true;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_OTHER);
}

static void nobody_waits_beyond_the_callers_deadline(void **state)
{
    struct failure f = failure(FAILURE_OF_RATE);
    struct retry_situation s = after(&f);
    usec_t wait;

    (void)state;
    f.has_rest = true;
    f.rest = 2 * USEC_PER_SEC;
    s.time_left = 2 * USEC_PER_SEC + 10 * USEC_PER_MSEC;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_STOP);
    s.time_left++;
    CHECK_INT(retry_decide(&s, 0, &wait), RETRY_SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_blames_the_request_is_passed_on_even_with_other_targets),
        cmocka_unit_test(what_is_too_long_wants_a_larger_window),
        cmocka_unit_test(a_bad_credential_of_ours_moves_on_and_is_not_repeated),
        cmocka_unit_test(a_silent_route_is_never_tried_twice),
        cmocka_unit_test(rubbish_is_not_asked_for_again),
        cmocka_unit_test(a_status_that_blames_nobody_is_repeated_if_it_may_pass),
        cmocka_unit_test(the_wait_is_drawn_from_a_growing_span),
        cmocka_unit_test(the_wait_stays_within_its_ceiling),
        cmocka_unit_test(a_provider_that_asks_for_more_patience_than_allowed_is_left),
        cmocka_unit_test(nobody_waits_beyond_the_callers_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
