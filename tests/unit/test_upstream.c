#include "upstream.h"

#include "check.h"

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
    CHECK_INT(upstream_take(u, 1), UPSTREAM_OK);
    CHECK_INT(upstream_take(u, 1), UPSTREAM_OK);
    CHECK_INT(upstream_take(u, 1), UPSTREAM_BUSY);
    return u;
}

static void a_place_given_back_goes_to_the_one_who_waits(void **state)
{
    struct loop *l = NULL;
    struct upstream *u = two_places();

    (void)state;
    CHECK_INT(loop_new(&l), 0);
    served = 0;
    CHECK(upstream_wait(u, l, on_place, NULL));
    CHECK_U64(upstream_look(u, 1).waiting, 1);
    upstream_release(u, UPSTREAM_SUCCEEDED, 5, 2);
    CHECK_U64(upstream_look(u, 2).in_flight, 2);
    run_turn(l);
    CHECK_U64(served, 1);
    CHECK_INT(last_result, UPSTREAM_OK);
    upstream_release(u, UPSTREAM_SUCCEEDED, 5, 3);
    upstream_release(u, UPSTREAM_SUCCEEDED, 5, 3);
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
    struct upstream_waiter *one = upstream_wait(u, l, on_place, NULL);
    struct upstream_waiter *two = upstream_wait(u, l, on_place, NULL);
    CHECK(one && two);
    CHECK(!upstream_wait(u, l, on_place, NULL));
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
    struct upstream_waiter *w = upstream_wait(u, l, on_place, NULL);
    upstream_release(u, UPSTREAM_SUCCEEDED, 5, 2);
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
    CHECK_INT(upstream_take(u, 2000), UPSTREAM_UNAVAILABLE);
    CHECK(!upstream_look(u, 2000).is_available);
    CHECK(upstream_look(u, 1000 + UPSTREAM_HEALTH_MAX_AGE).is_available);
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
        CHECK_INT(upstream_take(u, 1), UPSTREAM_OK);
        upstream_release(u, UPSTREAM_SAID_NOTHING, 1, 1);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_INT(upstream_take(u, 1), UPSTREAM_OK);
        upstream_release(u, UPSTREAM_FAILED, 1, 1);
    }
    CHECK_INT(upstream_take(u, 2), UPSTREAM_UNAVAILABLE);
    CHECK_INT(upstream_look(u, 2).breaker, BREAKER_OPEN);
    CHECK_U64(upstream_look(u, 2).transitions[BREAKER_OPEN], 1);
    CHECK_INT(upstream_take(u, 20), UPSTREAM_OK); /* half-open */
    upstream_release(u, UPSTREAM_SUCCEEDED, 1, 21);
    CHECK_INT(upstream_look(u, 21).breaker, BREAKER_CLOSED);
    upstream_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_given_back_goes_to_the_one_who_waits),
        cmocka_unit_test(the_line_has_an_end),
        cmocka_unit_test(who_leaves_with_a_place_on_its_way_gives_it_back),
        cmocka_unit_test(down_is_not_routed_to_until_the_verdict_is_stale),
        cmocka_unit_test(failures_open_the_breaker_and_cancelled_tries_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
