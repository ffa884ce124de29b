/* Time is a number here, and chance too. */
#include "lifecycle.h"

#include "check.h"

#include <string.h>

#define SEC USEC_PER_SEC

static const struct lifecycle_rules always = {
    .max_restarts = 5,
    .window = 300 * SEC,
    .backoff = SEC,
    .max_backoff = 60 * SEC,
    .load_timeout = 600 * SEC,
    .stop_timeout = 30 * SEC,
    .drain_timeout = 500 * SEC,
};

struct life {
    struct lifecycle l;
    struct lifecycle_rules rules;
    usec_t now;
};

/* The jitter of a wait w is (random % (2w/5 + 1)) - w/5: this one makes it nothing. */
static unsigned say(struct life *f, enum lifecycle_event e)
{
    usec_t wait = f->rules.backoff;

    for (unsigned i = 0; i < f->l.failures && wait < f->rules.max_backoff; i++)
        wait *= 2;
    if (wait > f->rules.max_backoff)
        wait = f->rules.max_backoff;
    return lifecycle_take(&f->l, &f->rules, e, f->now, wait / 5);
}

static unsigned wait_due(struct life *f)
{
    CHECK(f->l.due != USEC_INFINITY);
    f->now = f->l.due;
    return say(f, LIFECYCLE_TIME);
}

static struct life born(const struct lifecycle_rules *rules)
{
    struct life f = {.rules = *rules, .now = 1000 * SEC};

    lifecycle_init(&f.l, f.now);
    return f;
}

static void run(struct life *f, enum lifecycle_event how)
{
    CHECK_U64(say(f, how), LIFECYCLE_DO_ADMIT);
    CHECK_U64(say(f, LIFECYCLE_ROOM) & ~LIFECYCLE_DID_RESTART, LIFECYCLE_DO_SPAWN);
    CHECK_U64(say(f, LIFECYCLE_RAN), 0);
    CHECK_INT(f->l.state, LIFECYCLE_LOADING);
    CHECK_U64(say(f, LIFECYCLE_WELL), LIFECYCLE_DID_LOAD);
    CHECK_INT(f->l.state, LIFECYCLE_IDLE);
}

static void it_starts_loads_serves_and_stops(void **state)
{
    struct life f = born(&always);

    (void)state;
    CHECK_INT(lifecycle_use(&f.l), WORKERS_COLD);
    run(&f, LIFECYCLE_START);
    CHECK_INT(lifecycle_use(&f.l), WORKERS_READY);
    CHECK_U64(say(&f, LIFECYCLE_USED), 0);
    CHECK_INT(f.l.state, LIFECYCLE_BUSY);
    CHECK_U64(say(&f, LIFECYCLE_UNUSED), 0);
    CHECK_INT(f.l.state, LIFECYCLE_IDLE);
    CHECK_U64(say(&f, LIFECYCLE_STOP), 0);
    CHECK_INT(f.l.state, LIFECYCLE_STOPPING);
    CHECK_INT(lifecycle_use(&f.l), WORKERS_AWAY);
    CHECK_U64(say(&f, LIFECYCLE_DRAINED), LIFECYCLE_DO_TERM);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_STOP);
    CHECK_INT(f.l.state, LIFECYCLE_STOPPED);
    CHECK_INT(lifecycle_use(&f.l), WORKERS_AWAY);
}

static void what_was_stopped_by_hand_is_brought_back_by_hand_only(void **state)
{
    struct life f = born(&always);

    (void)state;
    CHECK_U64(say(&f, LIFECYCLE_STOP), 0);
    CHECK_U64(say(&f, LIFECYCLE_DEMAND), 0);
    CHECK_INT(f.l.state, LIFECYCLE_STOPPED);
    run(&f, LIFECYCLE_START);
    CHECK_INT(lifecycle_use(&f.l), WORKERS_READY);
}

static void failures_wait_1_2_4_seconds_up_to_60(void **state)
{
    static const unsigned expected[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct lifecycle_rules rules = always;

    (void)state;
    rules.max_restarts = 100;
    struct life f = born(&rules);
    run(&f, LIFECYCLE_START);
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_FAIL);
        CHECK_INT(f.l.state, LIFECYCLE_BACKOFF);
        CHECK_INT(lifecycle_use(&f.l), WORKERS_COLD);
        CHECK_U64(f.l.due - f.now, expected[i] * SEC);
        CHECK_U64(wait_due(&f), LIFECYCLE_DO_ADMIT);
        CHECK_U64(say(&f, LIFECYCLE_ROOM), LIFECYCLE_DO_SPAWN | LIFECYCLE_DID_RESTART);
        CHECK_U64(say(&f, LIFECYCLE_RAN), 0);
        CHECK_U64(say(&f, LIFECYCLE_WELL), LIFECYCLE_DID_LOAD);
    }
}

static void the_jitter_is_a_fifth_to_either_side(void **state)
{
    usec_t least = USEC_INFINITY, most = 0;

    (void)state;
    for (uint64_t random = 0; random < 500000; random += 997) {
        struct life f = born(&always);
        run(&f, LIFECYCLE_START);
        CHECK_U64(lifecycle_take(&f.l, &f.rules, LIFECYCLE_EXITED, f.now, random),
                  LIFECYCLE_DID_FAIL);
        usec_t wait = f.l.due - f.now;
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    CHECK(least >= 800000 && least < 802000);
    CHECK(most <= 1200000 && most > 1198000);
}

static void a_restart_that_fails_before_it_is_well_is_counted_as_such(void **state)
{
    struct life f = born(&always);

    (void)state;
    run(&f, LIFECYCLE_START);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_FAIL);
    CHECK_U64(wait_due(&f), LIFECYCLE_DO_ADMIT);
    CHECK(say(&f, LIFECYCLE_ROOM) & LIFECYCLE_DID_RESTART);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_FAIL | LIFECYCLE_DID_RESTART_FAIL);
}

static void fail_until_given_up(struct life *f, unsigned restarts)
{
    for (unsigned i = 0; i < restarts; i++) {
        CHECK(!(say(f, LIFECYCLE_EXITED) & LIFECYCLE_DID_GIVE_UP));
        CHECK_U64(wait_due(f), LIFECYCLE_DO_ADMIT);
        CHECK(say(f, LIFECYCLE_ROOM) & LIFECYCLE_DID_RESTART);
        CHECK_U64(say(f, LIFECYCLE_RAN), 0);
    }
    CHECK(say(f, LIFECYCLE_EXITED) & LIFECYCLE_DID_GIVE_UP);
    CHECK_INT(f->l.state, LIFECYCLE_FAILED);
    CHECK_INT(lifecycle_use(&f->l), WORKERS_AWAY);
}

static void after_5_restarts_in_the_window_it_is_given_up_for_the_window(void **state)
{
    struct life f = born(&always);

    (void)state;
    run(&f, LIFECYCLE_START);
    fail_until_given_up(&f, 5);
    CHECK_U64(f.l.due - f.now, 300 * SEC);
    CHECK_U64(say(&f, LIFECYCLE_DEMAND), 0);
    CHECK_U64(wait_due(&f), LIFECYCLE_DO_ADMIT); /* once */
    CHECK(say(&f, LIFECYCLE_ROOM) & LIFECYCLE_DID_RESTART);
    CHECK_U64(say(&f, LIFECYCLE_RAN), 0);
    CHECK(say(&f, LIFECYCLE_EXITED) & LIFECYCLE_DID_GIVE_UP);
}

static void the_breaker_closes_once_it_ran_well_for_the_window(void **state)
{
    struct life f = born(&always);

    (void)state;
    run(&f, LIFECYCLE_START);
    fail_until_given_up(&f, 5);
    CHECK_U64(wait_due(&f), LIFECYCLE_DO_ADMIT);
    CHECK(say(&f, LIFECYCLE_ROOM) & LIFECYCLE_DO_SPAWN);
    CHECK_U64(say(&f, LIFECYCLE_RAN), 0);
    CHECK_U64(say(&f, LIFECYCLE_WELL), LIFECYCLE_DID_LOAD);
    CHECK_INT(f.l.breaker.state, BREAKER_HALF_OPEN);
    CHECK_U64(f.l.due - f.now, 300 * SEC);
    CHECK_U64(wait_due(&f), 0);
    CHECK_INT(f.l.breaker.state, BREAKER_CLOSED);
    CHECK_U64(f.l.due, USEC_INFINITY);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_FAIL);
    CHECK_U64(f.l.due - f.now, SEC); /* as if it were the first */
}

static void a_hand_closes_the_breaker(void **state)
{
    struct life f = born(&always);

    (void)state;
    run(&f, LIFECYCLE_START);
    fail_until_given_up(&f, 5);
    run(&f, LIFECYCLE_START);
    CHECK_INT(f.l.breaker.state, BREAKER_CLOSED);
}

static void without_restarts_the_first_failure_is_the_last(void **state)
{
    struct lifecycle_rules rules = always;

    (void)state;
    rules.max_restarts = 0;
    struct life f = born(&rules);
    run(&f, LIFECYCLE_START);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_FAIL | LIFECYCLE_DID_GIVE_UP);
    CHECK_U64(f.l.due, USEC_INFINITY);
}

static void failures_far_apart_are_no_series(void **state)
{
    struct life f = born(&always);

    (void)state;
    run(&f, LIFECYCLE_START);
    for (unsigned i = 0; i < 50; i++) {
        CHECK_U64(wait_due(&f), 0); /* it has run for the window */
        CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_FAIL);
        CHECK_U64(f.l.due - f.now, SEC);
        CHECK_U64(wait_due(&f), LIFECYCLE_DO_ADMIT);
        CHECK(say(&f, LIFECYCLE_ROOM) & LIFECYCLE_DO_SPAWN);
        CHECK_U64(say(&f, LIFECYCLE_RAN), 0);
        CHECK_U64(say(&f, LIFECYCLE_WELL), LIFECYCLE_DID_LOAD);
    }
}

static void loading_for_too_long_is_a_failure(void **state)
{
    struct life f = born(&always);

    (void)state;
    CHECK_U64(say(&f, LIFECYCLE_START), LIFECYCLE_DO_ADMIT);
    CHECK_U64(say(&f, LIFECYCLE_ROOM), LIFECYCLE_DO_SPAWN);
    CHECK_U64(say(&f, LIFECYCLE_RAN), 0);
    CHECK_U64(say(&f, LIFECYCLE_BAD), 0); /* of course: it loads */
    CHECK_U64(f.l.due - f.now, 600 * SEC);
    CHECK_U64(wait_due(&f), LIFECYCLE_DO_KILL);
    CHECK_U64(wait_due(&f), LIFECYCLE_DO_KILL); /* until it is gone */
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_KILL | LIFECYCLE_DID_FAIL);
    CHECK_INT(f.l.state, LIFECYCLE_BACKOFF);
}

static void three_bad_checks_in_a_row_are_a_failure_and_two_are_not(void **state)
{
    struct life f = born(&always);

    (void)state;
    run(&f, LIFECYCLE_START);
    CHECK_U64(say(&f, LIFECYCLE_BAD), 0);
    CHECK_U64(say(&f, LIFECYCLE_BAD), 0);
    CHECK_U64(say(&f, LIFECYCLE_WELL), 0);
    CHECK_U64(say(&f, LIFECYCLE_BAD), 0);
    CHECK_U64(say(&f, LIFECYCLE_BAD), 0);
    CHECK_INT(f.l.state, LIFECYCLE_IDLE);
    CHECK_U64(say(&f, LIFECYCLE_BAD), LIFECYCLE_DO_KILL);
    CHECK_INT(lifecycle_use(&f.l), WORKERS_COLD);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_KILL | LIFECYCLE_DID_FAIL);
}

static void one_on_demand_starts_with_a_request_and_stops_when_idle(void **state)
{
    struct lifecycle_rules rules = always;

    (void)state;
    rules.idle_stop = 60 * SEC;
    struct life f = born(&rules);
    run(&f, LIFECYCLE_DEMAND);
    CHECK_U64(f.l.due - f.now, 60 * SEC);
    f.now += 59 * SEC;
    CHECK_U64(say(&f, LIFECYCLE_TOUCHED), 0);
    CHECK_U64(f.l.due - f.now, 60 * SEC);
    CHECK_U64(say(&f, LIFECYCLE_USED), 0);
    f.now += 1000 * SEC; /* a long one */
    CHECK_U64(say(&f, LIFECYCLE_TIME), 0);
    CHECK_INT(f.l.state, LIFECYCLE_BUSY);
    CHECK_U64(say(&f, LIFECYCLE_UNUSED), 0);
    CHECK_U64(wait_due(&f), 0);
    CHECK_INT(f.l.state, LIFECYCLE_STOPPING);
    CHECK_INT(lifecycle_use(&f.l), WORKERS_COLD);
    CHECK_U64(say(&f, LIFECYCLE_DRAINED), LIFECYCLE_DO_TERM);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_STOP);
    CHECK_INT(lifecycle_use(&f.l), WORKERS_COLD);
    run(&f, LIFECYCLE_DEMAND);
}

static void who_asks_while_it_stops_gets_it_started_again(void **state)
{
    struct lifecycle_rules rules = always;

    (void)state;
    rules.idle_stop = SEC;
    struct life f = born(&rules);
    run(&f, LIFECYCLE_DEMAND);
    CHECK_U64(wait_due(&f), 0);
    CHECK_U64(say(&f, LIFECYCLE_DEMAND), 0);
    CHECK_U64(say(&f, LIFECYCLE_DRAINED), LIFECYCLE_DO_TERM);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_STOP | LIFECYCLE_DO_ADMIT);
    CHECK_INT(f.l.state, LIFECYCLE_STARTING);
}

static void one_on_demand_that_was_given_up_waits_for_the_next_request(void **state)
{
    struct lifecycle_rules rules = always;

    (void)state;
    rules.idle_stop = 60 * SEC;
    rules.max_restarts = 1;
    struct life f = born(&rules);
    run(&f, LIFECYCLE_DEMAND);
    fail_until_given_up(&f, 1);
    CHECK_U64(wait_due(&f), 0);
    CHECK_INT(f.l.state, LIFECYCLE_STOPPED);
    CHECK_U64(say(&f, LIFECYCLE_DEMAND), LIFECYCLE_DO_ADMIT);
    CHECK_INT(f.l.breaker.state, BREAKER_HALF_OPEN);
}

static void without_room_it_is_tried_again_later_and_the_breaker_does_not_mind(void **state)
{
    struct life f = born(&always);

    (void)state;
    CHECK_U64(say(&f, LIFECYCLE_START), LIFECYCLE_DO_ADMIT);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_U64(say(&f, LIFECYCLE_NO_ROOM), 0);
        CHECK_INT(f.l.state, LIFECYCLE_BACKOFF);
        CHECK(f.l.due - f.now <= 72 * SEC);
        CHECK_U64(wait_due(&f), LIFECYCLE_DO_ADMIT);
    }
    CHECK_U64(say(&f, LIFECYCLE_ROOM), LIFECYCLE_DO_SPAWN); /* no restart: it never ran */
    CHECK_INT(f.l.breaker.state, BREAKER_CLOSED);
}

static void nobody_waits_for_room_for_ever(void **state)
{
    struct life f = born(&always);

    (void)state;
    CHECK_U64(say(&f, LIFECYCLE_START), LIFECYCLE_DO_ADMIT);
    CHECK_U64(f.l.due - f.now, LIFECYCLE_ROOM_WAIT);
    CHECK_U64(wait_due(&f), 0);
    CHECK_INT(f.l.state, LIFECYCLE_BACKOFF);
}

static void stopping_escalates_from_patience_to_a_request_to_a_signal_to_force(void **state)
{
    struct lifecycle_rules rules = always;

    (void)state;
    rules.has_drain = true;
    struct life f = born(&rules);
    run(&f, LIFECYCLE_START);
    CHECK_U64(say(&f, LIFECYCLE_USED), 0);
    CHECK_U64(say(&f, LIFECYCLE_STOP), 0);
    CHECK_U64(f.l.due - f.now, 30 * SEC);
    CHECK_U64(say(&f, LIFECYCLE_UNUSED), 0); /* the proxies may not have heard yet */
    CHECK_U64(wait_due(&f), LIFECYCLE_DO_ASK);
    CHECK_U64(f.l.due - f.now, LIFECYCLE_ASK_WAIT);
    CHECK_U64(say(&f, LIFECYCLE_ASKED), LIFECYCLE_DO_TERM);
    CHECK_U64(say(&f, LIFECYCLE_ASKED), 0);
    CHECK_U64(say(&f, LIFECYCLE_DRAINED), 0);
    CHECK_U64(f.l.due - f.now, 30 * SEC);
    CHECK_U64(wait_due(&f), LIFECYCLE_DO_KILL);
    CHECK_U64(wait_due(&f), LIFECYCLE_DO_KILL);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_KILL);
    CHECK_INT(f.l.state, LIFECYCLE_STOPPED);
}

static void draining_has_the_patience_of_a_request_and_a_second_word_ends_it(void **state)
{
    struct life f = born(&always);

    (void)state;
    run(&f, LIFECYCLE_START);
    CHECK_U64(say(&f, LIFECYCLE_DRAIN), 0);
    CHECK_U64(f.l.due - f.now, 500 * SEC);
    CHECK_U64(say(&f, LIFECYCLE_DRAIN), 0);
    CHECK_U64(say(&f, LIFECYCLE_STOP), LIFECYCLE_DO_TERM);
    CHECK_U64(say(&f, LIFECYCLE_STOP), 0);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_STOP);
}

static void a_restart_drains_first_and_starts_at_once(void **state)
{
    struct life f = born(&always);

    (void)state;
    run(&f, LIFECYCLE_START);
    CHECK_U64(say(&f, LIFECYCLE_RESTART), 0);
    CHECK_INT(lifecycle_use(&f.l), WORKERS_COLD);
    CHECK_U64(say(&f, LIFECYCLE_DRAINED), LIFECYCLE_DO_TERM);
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_STOP | LIFECYCLE_DO_ADMIT);
    CHECK_U64(say(&f, LIFECYCLE_ROOM), LIFECYCLE_DO_SPAWN | LIFECYCLE_DID_RESTART);
}

static void what_loads_is_stopped_without_draining(void **state)
{
    struct life f = born(&always);

    (void)state;
    CHECK_U64(say(&f, LIFECYCLE_START), LIFECYCLE_DO_ADMIT);
    CHECK_U64(say(&f, LIFECYCLE_ROOM), LIFECYCLE_DO_SPAWN);
    CHECK_U64(say(&f, LIFECYCLE_RAN), 0);
    CHECK_U64(say(&f, LIFECYCLE_STOP), LIFECYCLE_DO_TERM);
    CHECK_U64(say(&f, LIFECYCLE_START), 0); /* he changes his mind */
    CHECK_U64(say(&f, LIFECYCLE_EXITED), LIFECYCLE_DID_STOP | LIFECYCLE_DO_ADMIT);
}

static void a_start_that_waits_for_room_is_stopped_at_once(void **state)
{
    struct life f = born(&always);

    (void)state;
    CHECK_U64(say(&f, LIFECYCLE_START), LIFECYCLE_DO_ADMIT);
    CHECK_U64(say(&f, LIFECYCLE_STOP), 0);
    CHECK_INT(f.l.state, LIFECYCLE_STOPPED);
    CHECK_U64(say(&f, LIFECYCLE_ROOM), 0); /* too late */
    CHECK_INT(f.l.state, LIFECYCLE_STOPPED);
}

static void only_an_idle_one_makes_room(void **state)
{
    struct life f = born(&always);

    (void)state;
    run(&f, LIFECYCLE_START);
    CHECK_U64(say(&f, LIFECYCLE_USED), 0);
    CHECK_U64(say(&f, LIFECYCLE_EVICT), 0);
    CHECK_INT(f.l.state, LIFECYCLE_BUSY);
    CHECK_U64(say(&f, LIFECYCLE_UNUSED), 0);
    CHECK_U64(say(&f, LIFECYCLE_EVICT), 0);
    CHECK_INT(f.l.state, LIFECYCLE_STOPPING);
    CHECK_INT(lifecycle_use(&f.l), WORKERS_COLD);
}

static void when_we_end_whatever_it_did_it_stops_for_good(void **state)
{
    (void)state;
    for (enum lifecycle_event before = LIFECYCLE_START; before < LIFECYCLE_EVENTS; before++) {
        struct life f = born(&always);
        run(&f, LIFECYCLE_START);
        (void)!say(&f, before);
        (void)!say(&f, LIFECYCLE_SHUTDOWN);
        for (unsigned i = 0; f.l.is_running && i < 5; i++) {
            CHECK_INT(f.l.state, LIFECYCLE_STOPPING);
            (void)!wait_due(&f);
        }
        unsigned did = f.l.is_running ? say(&f, LIFECYCLE_EXITED) : 0;
        CHECK(!(did & LIFECYCLE_DO_ADMIT));
        CHECK(f.l.state == LIFECYCLE_STOPPED);
        CHECK_U64(f.l.due, USEC_INFINITY);
    }
}

/* Whatever comes in whatever order: a process is begun only when none runs, and the machine can
 * always be stopped. */
static void no_order_of_events_begins_two_processes(void **state)
{
    struct lifecycle_rules rules = always;
    uint64_t random = 88172645463325252;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        rules.idle_stop = round % 2 ? 10 * SEC : 0;
        rules.has_drain = round % 3 == 0;
        struct life f = born(&rules);
        bool runs = false;
        for (unsigned i = 0; i < 200; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            enum lifecycle_event e = random % LIFECYCLE_EVENTS;
            if ((e == LIFECYCLE_EXITED || e == LIFECYCLE_RAN) && !runs)
                continue;
            f.now += random % (20 * SEC);
            unsigned did = lifecycle_take(&f.l, &f.rules, e, f.now, random);
            if (e == LIFECYCLE_EXITED)
                runs = false;
            if (did & LIFECYCLE_DO_SPAWN) {
                CHECK(!runs);
                runs = true;
            }
            CHECK(!(did & (LIFECYCLE_DO_TERM | LIFECYCLE_DO_KILL)) || runs);
            CHECK(f.l.is_running == runs);
            CHECK((f.l.state == LIFECYCLE_STOPPING) <= runs);
        }
    }
}

static void every_state_has_its_word(void **state)
{
    (void)state;
    for (enum lifecycle_state a = 0; a < LIFECYCLE_STATES; a++)
        for (enum lifecycle_state b = 0; b < a; b++)
            CHECK(strcmp(lifecycle_state_text(a), lifecycle_state_text(b)) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_loads_serves_and_stops),
        cmocka_unit_test(what_was_stopped_by_hand_is_brought_back_by_hand_only),
        cmocka_unit_test(failures_wait_1_2_4_seconds_up_to_60),
        cmocka_unit_test(the_jitter_is_a_fifth_to_either_side),
        cmocka_unit_test(a_restart_that_fails_before_it_is_well_is_counted_as_such),
        cmocka_unit_test(after_5_restarts_in_the_window_it_is_given_up_for_the_window),
        cmocka_unit_test(the_breaker_closes_once_it_ran_well_for_the_window),
        cmocka_unit_test(a_hand_closes_the_breaker),
        cmocka_unit_test(without_restarts_the_first_failure_is_the_last),
        cmocka_unit_test(failures_far_apart_are_no_series),
        cmocka_unit_test(loading_for_too_long_is_a_failure),
        cmocka_unit_test(three_bad_checks_in_a_row_are_a_failure_and_two_are_not),
        cmocka_unit_test(one_on_demand_starts_with_a_request_and_stops_when_idle),
        cmocka_unit_test(who_asks_while_it_stops_gets_it_started_again),
        cmocka_unit_test(one_on_demand_that_was_given_up_waits_for_the_next_request),
        cmocka_unit_test(without_room_it_is_tried_again_later_and_the_breaker_does_not_mind),
        cmocka_unit_test(nobody_waits_for_room_for_ever),
        cmocka_unit_test(stopping_escalates_from_patience_to_a_request_to_a_signal_to_force),
        cmocka_unit_test(draining_has_the_patience_of_a_request_and_a_second_word_ends_it),
        cmocka_unit_test(a_restart_drains_first_and_starts_at_once),
        cmocka_unit_test(what_loads_is_stopped_without_draining),
        cmocka_unit_test(a_start_that_waits_for_room_is_stopped_at_once),
        cmocka_unit_test(only_an_idle_one_makes_room),
        cmocka_unit_test(when_we_end_whatever_it_did_it_stops_for_good),
        cmocka_unit_test(no_order_of_events_begins_two_processes),
        cmocka_unit_test(every_state_has_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
