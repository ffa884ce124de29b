#include "upstream.h"

#include "check.h"

#include <math.h>

static const struct settings_provider provider = {
    .name = "p",
    .max_parallel = 2,
    .queue = {.max = 2},
    .breaker = {.failures = 2, .half_open = 1, .window = 30 * USEC_PER_SEC, .open_for = 10},
};

static unsigned served;
static enum upstream_result last_result;

static void on_place(void *arg, enum upstream_result result)
{
    (void)arg;
    served++;
    last_result = result;
}

static void end_try(struct upstream *u, enum failure_blame blame, usec_t now)
{
    upstream_release(upstream_target(u, "m"), &(struct failure){.blame = blame}, 5, now);
}

static enum standing_obstacle obstacle(struct upstream *u, usec_t now)
{
    return upstream_look_target(upstream_target(u, "m"), now).obstacle;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

/* Everything that was posted until now has run. */
static void run_turn(struct loop *l)
{
    struct loop_timer t;

    loop_timer_init(&t, l, stop, l);
    loop_timer_start(&t, USEC_PER_MSEC);
    loop_run(l);
}

static struct upstream *two_places(void)
{
    struct upstream *u = upstream_new("p");

    upstream_configure(u, &provider);
    CHECK_INT(upstream_take(upstream_target(u, "m"), false, 1), UPSTREAM_OK);
    CHECK_INT(upstream_take(upstream_target(u, "m"), false, 1), UPSTREAM_OK);
    CHECK_INT(upstream_take(upstream_target(u, "m"), false, 1), UPSTREAM_BUSY);
    return u;
}

static void a_place_given_back_goes_to_the_one_who_waits(void **state)
{
    struct loop *l = NULL;
    struct upstream *u = two_places();

    (void)state;
    CHECK_INT(loop_new(&l), 0);
    served = 0;
    CHECK(upstream_wait(upstream_target(u, "m"), l, on_place, NULL));
    CHECK_U64(upstream_look(u, 1).waiting, 1);
    end_try(u, FAILURE_NONE, 2);
    CHECK_U64(upstream_look(u, 2).in_flight, 2);
    run_turn(l);
    CHECK_U64(served, 1);
    CHECK_INT(last_result, UPSTREAM_OK);
    end_try(u, FAILURE_NONE, 3);
    end_try(u, FAILURE_NONE, 3);
    CHECK_U64(upstream_look(u, 3).in_flight, 0);
    loop_free(&l);
    upstream_free(&u);
}

static void the_line_has_an_end(void **state)
{
    struct loop *l = NULL;
    struct upstream *u = two_places();

    (void)state;
    CHECK_INT(loop_new(&l), 0);
    struct upstream_waiter *one = upstream_wait(upstream_target(u, "m"), l, on_place, NULL);
    struct upstream_waiter *two = upstream_wait(upstream_target(u, "m"), l, on_place, NULL);
    CHECK(one && two);
    CHECK(!upstream_wait(upstream_target(u, "m"), l, on_place, NULL));
    upstream_wait_cancel(&one);
    upstream_wait_cancel(&two);
    CHECK_U64(upstream_look(u, 1).waiting, 0);
    loop_free(&l);
    upstream_free(&u);
}

static void who_leaves_with_a_place_on_its_way_gives_it_back(void **state)
{
    struct loop *l = NULL;
    struct upstream *u = two_places();

    (void)state;
    CHECK_INT(loop_new(&l), 0);
    served = 0;
    struct upstream_waiter *w = upstream_wait(upstream_target(u, "m"), l, on_place, NULL);
    end_try(u, FAILURE_NONE, 2);
    upstream_wait_cancel(&w);
    CHECK(!w);
    run_turn(l);
    CHECK_U64(served, 0);
    CHECK_U64(upstream_look(u, 3).in_flight, 1);
    loop_free(&l);
    upstream_free(&u);
}

static void down_is_not_routed_to_until_the_verdict_is_stale(void **state)
{
    struct upstream *u = upstream_new("p");

    (void)state;
    upstream_configure(u, &provider);
    upstream_set_health(u, HEALTH_DOWN, 1000);
    CHECK_INT(upstream_take(upstream_target(u, "m"), false, 2000), UPSTREAM_UNAVAILABLE);
    CHECK(!upstream_look(u, 2000).is_available);
    CHECK(upstream_look(u, 1000 + STANDING_HEALTH_MAX_AGE).is_available);
    upstream_set_health(u, HEALTH_DEGRADED, 3000);
    CHECK(upstream_look(u, 3000).is_available);
    upstream_free(&u);
}

static void failures_open_the_breaker_and_cancelled_tries_do_not(void **state)
{
    struct upstream *u = upstream_new("p");

    (void)state;
    upstream_configure(u, &provider);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(upstream_take(upstream_target(u, "m"), false, 1), UPSTREAM_OK);
        end_try(u, FAILURE_OF_NOBODY, 1);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_INT(upstream_take(upstream_target(u, "m"), false, 1), UPSTREAM_OK);
        end_try(u, FAILURE_OF_TARGET, 1);
    }
    CHECK_INT(upstream_take(upstream_target(u, "m"), false, 2), UPSTREAM_UNAVAILABLE);
    CHECK_INT(upstream_look(u, 2).breaker, BREAKER_OPEN);
    CHECK_U64(upstream_look(u, 2).transitions[BREAKER_OPEN], 1);
    CHECK_INT(upstream_take(upstream_target(u, "m"), false, 20), UPSTREAM_OK); /* half-open */
    end_try(u, FAILURE_NONE, 21);
    CHECK_INT(upstream_look(u, 21).breaker, BREAKER_CLOSED);
    upstream_free(&u);
}

static void nobody_waits_for_what_cannot_be_tried(void **state)
{
    struct loop *l = NULL;
    struct upstream *u = two_places();
    struct upstream_target *other = upstream_target(u, "other");

    (void)state;
    CHECK_INT(loop_new(&l), 0);
    served = 0;
    CHECK(upstream_wait(upstream_target(u, "m"), l, on_place, NULL));
    CHECK(upstream_wait(other, l, on_place, NULL));
    struct failure f = {.blame = FAILURE_OF_RATE, .has_rest = true, .rest = 3600 * USEC_PER_SEC};
    upstream_release(upstream_target(u, "m"), &f, 0, 2);
    CHECK_INT(obstacle(u, 3), STANDING_LIMITED);
    run_turn(l);
    CHECK_U64(served, 2);
    CHECK_INT(last_result, UPSTREAM_OK); /* the other model's, which got the place */
    CHECK_U64(upstream_look(u, 3).in_flight, 2);
    end_try(u, FAILURE_NONE, 4);
    upstream_release(other, &(struct failure){.blame = FAILURE_NONE}, 0, 4);
    CHECK_U64(upstream_look(u, 5).in_flight, 0);
    loop_free(&l);
    upstream_free(&u);
}

static void targets_of_one_provider_share_its_places_and_not_their_faults(void **state)
{
    struct upstream *u = upstream_new("p");
    struct upstream_target *one = upstream_target(u, "one"), *two = upstream_target(u, "two");

    (void)state;
    CHECK(one != two && upstream_target(u, "one") == one && upstream_of(two) == u);
    upstream_configure(u, &provider);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(upstream_take(one, false, 1), UPSTREAM_OK);
        upstream_release(one, &(struct failure){.blame = FAILURE_OF_TARGET}, 0, 1);
    }
    CHECK_INT(upstream_take(one, false, 2), UPSTREAM_UNAVAILABLE);
    CHECK_INT(upstream_take(two, false, 2), UPSTREAM_OK);
    CHECK_U64(upstream_look_target(one, 2).in_flight, 1);
    CHECK(upstream_look(u, 2).is_available);
    CHECK_INT(upstream_look(u, 2).breaker, BREAKER_OPEN); /* the worst of them */
    upstream_release(two, &(struct failure){.blame = FAILURE_NONE}, USEC_PER_SEC, 3);
    CHECK(upstream_look_target(two, 3).latency == 1 && upstream_look_target(one, 3).latency == 0);
    upstream_free(&u);
}

static void repeats_are_a_share_of_requests(void **state)
{
    struct upstream *u = upstream_new("p");
    struct settings_provider p = provider;
    unsigned repeats = 0;

    (void)state;
    p.retry.budget = 0.2;
    upstream_configure(u, &p);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_INT(upstream_take(upstream_target(u, "m"), false, 1), UPSTREAM_OK);
        end_try(u, FAILURE_NONE, 1);
        if (upstream_begin_repeat(u, 1)) {
            CHECK_INT(upstream_take(upstream_target(u, "m"), true, 1), UPSTREAM_OK);
            end_try(u, FAILURE_NONE, 1);
            upstream_end_repeat(u);
            repeats++;
        }
    }
    CHECK_U64(repeats, 20);
    CHECK_U64(upstream_look(u, 1).repeats_refused, 80);
    upstream_free(&u);
}

static void what_a_server_has_beyond_ours_is_others(void **state)
{
    struct upstream *u = two_places();
    struct upstream_target *t = upstream_target(u, "m");
    struct upstream_load load = {.at_ms = 1, .requests = 5, .kv_cache_usage = 0.5};

    (void)state;
    upstream_set_load(u, &load, 1000);
    CHECK_U64(upstream_look_target(t, 1000).elsewhere, 3);
    end_try(u, FAILURE_NONE, 2);
    upstream_set_load(u, &load, 2000); /* the same reading again */
    CHECK_U64(upstream_look_target(t, 2000).elsewhere, 3);
    end_try(u, FAILURE_NONE, 2);
    CHECK_U64(upstream_look_target(t, 1000 + STANDING_HEALTH_MAX_AGE).elsewhere, 0);
    load = (struct upstream_load){.at_ms = 2, .requests = NAN, .kv_cache_usage = NAN};
    upstream_set_load(u, &load, 3000);
    CHECK_U64(upstream_look_target(t, 3000).elsewhere, 0);
    upstream_free(&u);
}

static void who_asks_for_a_cold_worker_stands_in_line_until_it_is_ready(void **state)
{
    struct loop *l = NULL;
    struct upstream *u = upstream_new("p");
    struct upstream_target *t = upstream_target(u, "m");

    (void)state;
    CHECK_INT(loop_new(&l), 0);
    upstream_configure(u, &provider);
    upstream_set_health(u, HEALTH_DOWN, 1); /* what a probe says of it is of no interest */
    upstream_set_worker(u, UPSTREAM_WORKER_COLD, 1);
    CHECK_INT(obstacle(u, 1), STANDING_CLEAR);
    CHECK(upstream_look_target(t, 1).is_cold && upstream_look_target(t, 1).is_full);
    CHECK(!upstream_take_want(u));
    CHECK_INT(upstream_take(t, false, 1), UPSTREAM_BUSY);
    CHECK(upstream_take_want(u));
    CHECK(!upstream_take_want(u));
    served = 0;
    CHECK(upstream_wait(t, l, on_place, NULL));
    CHECK(upstream_take_want(u) && upstream_take_want(u)); /* for as long as somebody waits */
    run_turn(l);
    CHECK_U64(served, 0);
    upstream_set_worker(u, UPSTREAM_WORKER_READY, 2);
    run_turn(l);
    CHECK_U64(served, 1);
    CHECK_INT(last_result, UPSTREAM_OK);
    CHECK(!upstream_take_want(u));
    end_try(u, FAILURE_NONE, 3);
    loop_free(&l);
    upstream_free(&u);
}

static void who_waits_for_a_worker_that_is_given_up_is_turned_away(void **state)
{
    struct loop *l = NULL;
    struct upstream *u = upstream_new("p");

    (void)state;
    CHECK_INT(loop_new(&l), 0);
    upstream_configure(u, &provider);
    upstream_set_worker(u, UPSTREAM_WORKER_COLD, 1);
    served = 0;
    CHECK(upstream_wait(upstream_target(u, "m"), l, on_place, NULL));
    upstream_set_worker(u, UPSTREAM_WORKER_AWAY, 2);
    run_turn(l);
    CHECK_U64(served, 1);
    CHECK_INT(last_result, UPSTREAM_UNAVAILABLE);
    CHECK_INT(obstacle(u, 2), STANDING_AWAY);
    CHECK(!upstream_look(u, 2).is_available);
    CHECK_INT(upstream_take(upstream_target(u, "m"), false, 2), UPSTREAM_UNAVAILABLE);
    upstream_set_worker(u, UPSTREAM_NO_WORKER, 3); /* health-worker is silent: like any other */
    CHECK_INT(upstream_take(upstream_target(u, "m"), false, 3), UPSTREAM_OK);
    end_try(u, FAILURE_NONE, 4);
    loop_free(&l);
    upstream_free(&u);
}

static void a_worker_that_is_ready_again_is_another_process(void **state)
{
    struct upstream *u = upstream_new("p");
    struct upstream_target *t = upstream_target(u, "m");

    (void)state;
    upstream_configure(u, &provider);
    upstream_set_worker(u, UPSTREAM_WORKER_READY, 1);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_INT(upstream_take(t, false, 1), UPSTREAM_OK);
        end_try(u, FAILURE_OF_CONNECTION, 1);
    }
    CHECK_INT(obstacle(u, 2), STANDING_UNREACHABLE);
    upstream_set_worker(u, UPSTREAM_WORKER_COLD, 2);
    CHECK_INT(upstream_take(t, false, 2), UPSTREAM_BUSY); /* it will be there */
    upstream_set_worker(u, UPSTREAM_WORKER_READY, 3);
    CHECK_INT(upstream_take(t, false, 3), UPSTREAM_OK);
    end_try(u, FAILURE_NONE, 4);
    upstream_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_server_has_beyond_ours_is_others),
        cmocka_unit_test(a_place_given_back_goes_to_the_one_who_waits),
        cmocka_unit_test(the_line_has_an_end),
        cmocka_unit_test(who_leaves_with_a_place_on_its_way_gives_it_back),
        cmocka_unit_test(down_is_not_routed_to_until_the_verdict_is_stale),
        cmocka_unit_test(nobody_waits_for_what_cannot_be_tried),
        cmocka_unit_test(targets_of_one_provider_share_its_places_and_not_their_faults),
        cmocka_unit_test(repeats_are_a_share_of_requests),
        cmocka_unit_test(who_asks_for_a_cold_worker_stands_in_line_until_it_is_ready),
        cmocka_unit_test(who_waits_for_a_worker_that_is_given_up_is_turned_away),
        cmocka_unit_test(a_worker_that_is_ready_again_is_another_process),
        cmocka_unit_test(failures_open_the_breaker_and_cancelled_tries_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
