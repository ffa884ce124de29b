#include "schedule.h"
#include "verdict.h"

#include "check.h"

static void the_first_good_answer_makes_it_healthy(void **state)
{
    struct verdict v = {0};

    (void)state;
    CHECK(verdict_probe(&v, VERDICT_OK, 10));
    CHECK_INT(v.state, HEALTH_HEALTHY);
    CHECK_U64(v.since, 10);
    CHECK(!verdict_probe(&v, VERDICT_OK, 20));
    CHECK_U64(v.since, 10);
}

static void one_failure_does_not_condemn(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};

    (void)state;
    CHECK(verdict_probe(&v, VERDICT_TIMEOUT, 1));
    CHECK_INT(v.state, HEALTH_DEGRADED);
    CHECK(!verdict_probe(&v, VERDICT_TIMEOUT, 2));
    CHECK(verdict_probe(&v, VERDICT_TIMEOUT, 3));
    CHECK_INT(v.state, HEALTH_DOWN);
}

static void one_success_does_not_acquit(void **state)
{
    struct verdict v;

    (void)state;
    verdict_restore(&v, HEALTH_DOWN, VERDICT_CONNECT, 9, 0);
    CHECK(verdict_probe(&v, VERDICT_OK, 1));
    CHECK_INT(v.state, HEALTH_RECOVERING);
    CHECK(verdict_probe(&v, VERDICT_OK, 2));
    CHECK_INT(v.state, HEALTH_HEALTHY);
}

static void a_relapse_while_recovering_is_down_at_once(void **state)
{
    struct verdict v;

    (void)state;
    verdict_restore(&v, HEALTH_DOWN, VERDICT_CONNECT, 3, 0);
    CHECK(verdict_probe(&v, VERDICT_OK, 1));
    CHECK(verdict_probe(&v, VERDICT_CONNECT, 2));
    CHECK_INT(v.state, HEALTH_DOWN);
}

static void flapping_never_gets_to_healthy(void **state)
{
    struct verdict v;

    (void)state;
    verdict_restore(&v, HEALTH_DOWN, VERDICT_CONNECT, 3, 0);
    for (usec_t now = 0; now < 100; now += 2) {
        (void)!verdict_probe(&v, VERDICT_OK, now);
        CHECK(v.state != HEALTH_HEALTHY);
        (void)!verdict_probe(&v, VERDICT_HTTP_5XX, now + 1);
    }
}

static void a_refused_credential_is_no_outage(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};

    (void)state;
    for (int i = 0; i < 10; i++)
        (void)!verdict_probe(&v, i % 2 ? VERDICT_AUTH : VERDICT_HTTP_429, (usec_t)i);
    CHECK_INT(v.state, HEALTH_DEGRADED);
    CHECK_INT(v.reason, VERDICT_AUTH);
}

static void failing_traffic_outweighs_good_probes(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};
    usec_t now = USEC_PER_SEC;

    (void)state;
    for (int i = 0; i < VERDICT_MIN_TRAFFIC - 1; i++)
        CHECK(!verdict_outcome(&v, OUTCOME_HTTP_5XX, 1, now));
    CHECK(verdict_outcome(&v, OUTCOME_TRUNCATED, 1, now));
    CHECK_INT(v.state, HEALTH_DEGRADED);
    CHECK(!verdict_probe(&v, VERDICT_OK, now));
    CHECK_INT(v.state, HEALTH_DEGRADED);
}

static void good_traffic_makes_it_healthy_again(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};
    usec_t now = USEC_PER_SEC;

    (void)state;
    for (int i = 0; i < VERDICT_MIN_TRAFFIC; i++)
        (void)!verdict_outcome(&v, OUTCOME_CONNECT, 1, now);
    for (int i = 0; i < VERDICT_MIN_TRAFFIC + 1; i++)
        (void)!verdict_outcome(&v, OUTCOME_OK, 1, now);
    CHECK_INT(v.state, HEALTH_HEALTHY);
}

static void old_traffic_is_forgotten(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};
    uint32_t all, failed;

    (void)state;
    for (int i = 0; i < 4; i++)
        (void)!verdict_outcome(&v, OUTCOME_CONNECT, 1, USEC_PER_SEC);
    verdict_traffic(&v, USEC_PER_SEC, &all, &failed);
    CHECK_U64(failed, 4);
    verdict_traffic(&v, USEC_PER_SEC + VERDICT_WINDOW, &all, &failed);
    CHECK_U64(all, 0);
    CHECK(!verdict_outcome(&v, OUTCOME_CONNECT, 1, USEC_PER_SEC + VERDICT_WINDOW));
}

static void what_the_caller_did_says_nothing(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};
    uint32_t all, failed;

    (void)state;
    for (int i = 0; i < 20; i++) {
        CHECK(!verdict_outcome(&v, OUTCOME_CANCELLED, 1, 1));
        CHECK(!verdict_outcome(&v, OUTCOME_HTTP_4XX, 1, 1));
    }
    verdict_traffic(&v, 1, &all, &failed);
    CHECK_U64(all, 0);
}

static void probes_are_spread_over_a_tenth_either_side(void **state)
{
    const usec_t interval = 15 * USEC_PER_SEC;
    usec_t least = USEC_INFINITY, most = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        usec_t next = schedule_next(interval, false, i * UINT64_C(0x9e3779b97f4a7c15));
        least = next < least ? next : least;
        most = next > most ? next : most;
        CHECK(schedule_first(interval, i * 7919) < USEC_PER_SEC);
    }
    CHECK(least >= interval * 9 / 10 && least < interval * 92 / 100);
    CHECK(most <= interval * 11 / 10 && most > interval * 108 / 100);
    CHECK_U64(schedule_first(0, 5), 0);
}

static void a_doubt_is_settled_within_one_interval(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};
    usec_t interval = 15 * USEC_PER_SEC, now = 0;

    (void)state;
    (void)!verdict_probe(&v, VERDICT_CONNECT, now);
    while (v.state != HEALTH_DOWN) {
        now += schedule_next(interval, verdict_is_in_doubt(&v), UINT64_MAX);
        (void)!verdict_probe(&v, VERDICT_CONNECT, now);
    }
    CHECK(now <= interval);
    CHECK(!verdict_is_in_doubt(&v));
}

/* Probes that all hang, begun as monitor does: when it is down, counted from the first one's
 * beginning. */
static usec_t time_to_down(usec_t interval, usec_t timeout, uint64_t random)
{
    struct verdict v = {.state = HEALTH_HEALTHY};
    usec_t begun[VERDICT_DOWN_AFTER] = {0}, next = 0, now = 0;
    unsigned n_begun = 0, n_ended = 0;

    while (v.state != HEALTH_DOWN) {
        bool may_begin = n_begun - n_ended < verdict_probes_wanted(&v);
        if (may_begin && (n_begun == n_ended || next <= begun[n_ended] + timeout)) {
            CHECK(n_begun < VERDICT_DOWN_AFTER);
            now = next > now ? next : now;
            begun[n_begun++] = now;
            next = now + schedule_next(interval, true, random);
        } else {
            now = begun[n_ended++] + timeout;
            (void)!verdict_probe(&v, VERDICT_TIMEOUT, now);
            next = begun[n_begun - 1] + schedule_next(interval, verdict_is_in_doubt(&v), random);
        }
    }
    CHECK_U64(verdict_probes_wanted(&v), 1);
    return now;
}

static void a_hang_is_down_within_two_intervals_of_the_first_probe_that_meets_it(void **state)
{
    const usec_t interval = 15 * USEC_PER_SEC;

    (void)state;
    for (usec_t timeout = interval / 100; timeout <= interval; timeout += interval / 100)
        for (uint64_t random = 0; random < interval; random += interval / 50)
            CHECK(time_to_down(interval, timeout, random) < 2 * interval);
    CHECK(time_to_down(interval, 2 * interval, 0) < 3 * interval);
}

static void only_a_verdict_that_is_open_needs_more_than_one_probe_at_a_time(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};

    (void)state;
    CHECK_U64(verdict_probes_wanted(&v), 3);
    (void)!verdict_probe(&v, VERDICT_CONNECT, 1);
    CHECK_U64(verdict_probes_wanted(&v), 2);
    (void)!verdict_probe(&v, VERDICT_AUTH, 2);
    (void)!verdict_probe(&v, VERDICT_AUTH, 3);
    (void)!verdict_probe(&v, VERDICT_AUTH, 4);
    CHECK_U64(verdict_probes_wanted(&v), 1);
    verdict_restore(&v, HEALTH_RECOVERING, VERDICT_CONNECT, 0, 5);
    CHECK_U64(verdict_probes_wanted(&v), 1);
}

static void a_message_may_stand_for_many_attempts(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};
    uint32_t all, failed;

    (void)state;
    CHECK(verdict_outcome(&v, OUTCOME_CONNECT, VERDICT_MIN_TRAFFIC, 1));
    CHECK(!verdict_outcome(&v, OUTCOME_CONNECT, UINT32_MAX, 1));
    CHECK(!verdict_outcome(&v, OUTCOME_CONNECT, UINT32_MAX, 1));
    verdict_traffic(&v, 1, &all, &failed);
    CHECK(all == failed && failed > 100000000);
    CHECK_INT(v.state, HEALTH_DEGRADED);
}

static void after_a_failure_two_successes_make_it_healthy(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};

    (void)state;
    CHECK(verdict_probe(&v, VERDICT_TIMEOUT, 1));
    CHECK(!verdict_probe(&v, VERDICT_OK, 2));
    CHECK(verdict_is_in_doubt(&v));
    CHECK(verdict_probe(&v, VERDICT_OK, 3));
    CHECK_INT(v.state, HEALTH_HEALTHY);
    CHECK(!verdict_is_in_doubt(&v));
}

static void one_that_fails_every_other_time_changes_once(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};
    unsigned changes = 0;

    (void)state;
    for (usec_t now = 0; now < 100; now++)
        changes += verdict_probe(&v, now % 2 ? VERDICT_OK : VERDICT_HTTP_5XX, now);
    CHECK_U64(changes, 1);
    CHECK_INT(v.state, HEALTH_DEGRADED);
}

static void traffic_that_has_ceased_is_no_reason_any_more(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};

    (void)state;
    CHECK(verdict_outcome(&v, OUTCOME_HTTP_5XX, VERDICT_MIN_TRAFFIC, 1));
    CHECK(!verdict_probe(&v, VERDICT_OK, 2));
    CHECK(str_is(str_from(verdict_reason(&v)), "traffic"));
    CHECK(verdict_probe(&v, VERDICT_OK, 2 + VERDICT_WINDOW));
    CHECK_INT(v.state, HEALTH_HEALTHY);
    CHECK(str_is(str_from(verdict_reason(&v)), ""));
}

static void a_paid_probe_that_fails_degrades_and_no_more(void **state)
{
    struct verdict v = {.state = HEALTH_HEALTHY};

    (void)state;
    CHECK(verdict_paid(&v, VERDICT_INVALID, 1));
    CHECK(!verdict_paid(&v, VERDICT_INVALID, 2));
    CHECK(!verdict_probe(&v, VERDICT_OK, 3));
    CHECK_INT(v.state, HEALTH_DEGRADED);
    CHECK(str_is(str_from(verdict_reason(&v)), "paid"));
    CHECK(verdict_paid(&v, VERDICT_OK, 4));
    CHECK_INT(v.state, HEALTH_HEALTHY);
}

static void what_was_down_at_our_end_must_prove_itself_at_our_start(void **state)
{
    struct verdict v;

    (void)state;
    verdict_restore(&v, HEALTH_DOWN, VERDICT_TIMEOUT, 7, 1);
    CHECK(str_is(str_from(verdict_reason(&v)), "timeout"));
    CHECK(verdict_probe(&v, VERDICT_OK, 2));
    CHECK_INT(v.state, HEALTH_RECOVERING);
    verdict_restore(&v, HEALTH_HEALTHY, VERDICT_TIMEOUT, 0, 1);
    CHECK(!verdict_probe(&v, VERDICT_OK, 2));
}

static void every_result_has_its_word(void **state)
{
    (void)state;
    for (int r = VERDICT_OK; r <= VERDICT_INVALID; r++) {
        enum verdict_result again;
        CHECK(verdict_result_parse(str_from(verdict_result_text(r)), &again));
        CHECK_INT(again, r);
    }
    enum verdict_result r;
    CHECK(!verdict_result_parse(STR("fine"), &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_failure_two_successes_make_it_healthy),
        cmocka_unit_test(one_that_fails_every_other_time_changes_once),
        cmocka_unit_test(traffic_that_has_ceased_is_no_reason_any_more),
        cmocka_unit_test(a_paid_probe_that_fails_degrades_and_no_more),
        cmocka_unit_test(what_was_down_at_our_end_must_prove_itself_at_our_start),
        cmocka_unit_test(every_result_has_its_word),
        cmocka_unit_test(the_first_good_answer_makes_it_healthy),
        cmocka_unit_test(one_failure_does_not_condemn),
        cmocka_unit_test(one_success_does_not_acquit),
        cmocka_unit_test(a_relapse_while_recovering_is_down_at_once),
        cmocka_unit_test(flapping_never_gets_to_healthy),
        cmocka_unit_test(a_refused_credential_is_no_outage),
        cmocka_unit_test(failing_traffic_outweighs_good_probes),
        cmocka_unit_test(good_traffic_makes_it_healthy_again),
        cmocka_unit_test(old_traffic_is_forgotten),
        cmocka_unit_test(what_the_caller_did_says_nothing),
        cmocka_unit_test(a_doubt_is_settled_within_one_interval),
        cmocka_unit_test(a_hang_is_down_within_two_intervals_of_the_first_probe_that_meets_it),
        cmocka_unit_test(only_a_verdict_that_is_open_needs_more_than_one_probe_at_a_time),
        cmocka_unit_test(probes_are_spread_over_a_tenth_either_side),
        cmocka_unit_test(a_message_may_stand_for_many_attempts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
