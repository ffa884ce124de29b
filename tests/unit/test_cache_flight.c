#include "cache_flight.h"

#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const struct cache_key key = {{1}}, other = {{2}};

struct passenger {
    struct cache_flight_seat *seat;
    unsigned told;
    enum cache_flight_news news;
    size_t len;
};

static void on_news(void *arg, enum cache_flight_news news, struct cache_answer *answer)
{
    struct passenger *p = arg;

    p->told++;
    p->news = news;
    if (news != CACHE_FLIGHT_LEAD)
        p->seat = NULL;
    p->len = answer ? answer->len : 0;
    cache_answer_unref(&answer);
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

static struct cache_flight *flight;
static struct loop *loop;
static struct passenger a, b, c;

static int set_up(void **state)
{
    (void)state;
    a = b = c = (struct passenger){0};
    flight = cache_flight_new();
    return loop_new(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(&loop);
    cache_flight_free(&flight);
    return 0;
}

static void join(struct passenger *p, const struct cache_key *k)
{
    p->seat = cache_flight_join(flight, k, loop, on_news, p);
    CHECK(p->seat);
}

static struct cache_answer *answer_of(const char *text)
{
    return cache_answer_new(&(struct cache_answer){.took = 1}, str_from(text));
}

static void the_first_leads_and_the_others_get_its_answer(void **state)
{
    struct cache_answer *answer = answer_of("words");

    (void)state;
    join(&a, &key);
    join(&b, &key);
    join(&c, &key);
    CHECK(cache_flight_is_leading(a.seat) && !cache_flight_is_leading(b.seat));
    CHECK_U64(cache_flight_waiting(flight), 2);
    cache_flight_finish(&a.seat, answer);
    cache_answer_unref(&answer);
    CHECK_U64(cache_flight_waiting(flight), 0);
    run_turn(loop);
    CHECK(a.told == 0 && b.told == 1 && c.told == 1);
    CHECK(b.news == CACHE_FLIGHT_ANSWERED && b.len == 5 && c.len == 5);

    join(&a, &key); /* and the next one asks anew */
    CHECK(cache_flight_is_leading(a.seat));
    cache_flight_leave(&a.seat);
}

static void other_questions_do_not_wait_for_it(void **state)
{
    (void)state;
    join(&a, &key);
    join(&b, &other);
    CHECK(cache_flight_is_leading(b.seat));
    cache_flight_leave(&a.seat);
    cache_flight_leave(&b.seat);
}

static void when_the_leader_leaves_the_next_one_leads(void **state)
{
    struct cache_answer *answer = answer_of("late");

    (void)state;
    join(&a, &key);
    join(&b, &key);
    join(&c, &key);
    cache_flight_leave(&a.seat);
    run_turn(loop);
    CHECK(b.told == 1 && b.news == CACHE_FLIGHT_LEAD && cache_flight_is_leading(b.seat));
    CHECK(c.told == 0);
    cache_flight_finish(&b.seat, answer);
    cache_answer_unref(&answer);
    run_turn(loop);
    CHECK(c.told == 1 && c.news == CACHE_FLIGHT_ANSWERED);
}

static void an_answer_for_nobody_else_sends_all_on_their_way(void **state)
{
    (void)state;
    join(&a, &key);
    join(&b, &key);
    join(&c, &key);
    cache_flight_finish(&a.seat, NULL);
    run_turn(loop);
    CHECK(b.news == CACHE_FLIGHT_ALONE && c.news == CACHE_FLIGHT_ALONE);
    CHECK(b.told == 1 && c.told == 1 && !b.seat && !c.seat);
}

static void who_leaves_while_waiting_is_told_nothing(void **state)
{
    (void)state;
    join(&a, &key);
    join(&b, &key);
    join(&c, &key);
    cache_flight_leave(&b.seat);
    cache_flight_leave(&a.seat);
    run_turn(loop);
    CHECK(b.told == 0 && c.told == 1 && cache_flight_is_leading(c.seat));
    cache_flight_leave(&c.seat);
}

static void who_leaves_with_news_on_the_way_is_told_nothing(void **state)
{
    struct cache_answer *answer = answer_of("words");

    (void)state;
    join(&a, &key);
    join(&b, &key);
    cache_flight_finish(&a.seat, answer);
    cache_answer_unref(&answer);
    cache_flight_leave(&b.seat);
    run_turn(loop);
    CHECK(b.told == 0);
}

static void who_leaves_before_hearing_that_it_leads_passes_it_on(void **state)
{
    (void)state;
    join(&a, &key);
    join(&b, &key);
    join(&c, &key);
    cache_flight_leave(&a.seat);
    cache_flight_leave(&b.seat);
    run_turn(loop);
    CHECK(b.told == 0 && c.told == 1 && c.news == CACHE_FLIGHT_LEAD);
    cache_flight_leave(&c.seat);
}

static void only_so_many_wait(void **state)
{
    static struct passenger crowd[CACHE_FLIGHT_MAX_WAITING];

    (void)state;
    join(&a, &key);
    for (unsigned i = 0; i < CACHE_FLIGHT_MAX_WAITING; i++)
        join(&crowd[i], &key);
    CHECK(!cache_flight_join(flight, &key, loop, on_news, &b));
    for (unsigned i = 0; i < CACHE_FLIGHT_MAX_WAITING; i++)
        cache_flight_leave(&crowd[i].seat);
    cache_flight_leave(&a.seat);
    run_turn(loop);
}

/* Threads whose passengers join, leave, finish and give up at random: everybody who stays hears
 * exactly one last thing, and nothing is left behind. */
enum { THREADS = 4, PASSENGERS = 40, TURNS = 400 };

struct line {
    struct loop *loop;
    struct passenger passengers[PASSENGERS];
    unsigned random;
};

static void act(struct line *l, struct passenger *p)
{
    const struct cache_key *k = l->random & 4096 ? &key : &other;

    if (!p->seat) {
        p->seat = cache_flight_join(flight, k, l->loop, on_news, p);
    } else if (l->random & 8192) {
        cache_flight_leave(&p->seat);
    } else if (cache_flight_is_leading(p->seat)) {
        struct cache_answer *answer = l->random & 16384 ? answer_of("x") : NULL;
        cache_flight_finish(&p->seat, answer);
        cache_answer_unref(&answer);
    }
}

static void *fly(void *arg)
{
    struct line *l = arg;

    for (unsigned turn = 0; turn < TURNS; turn++) {
        for (unsigned i = 0; i < PASSENGERS; i++) {
            l->random = l->random * 1103515245 + 12345;
            act(l, &l->passengers[i]);
        }
        if (turn % 8 == 0)
            run_turn(l->loop);
    }
    for (unsigned i = 0; i < PASSENGERS; i++)
        cache_flight_leave(&l->passengers[i].seat);
    return NULL;
}

static void threads_share_it(void **state)
{
    static struct line lines[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        lines[i].random = i + 1;
        CHECK_INT(loop_new(&lines[i].loop), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, fly, &lines[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        loop_free(&lines[i].loop);
    CHECK_U64(cache_flight_waiting(flight), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_first_leads_and_the_others_get_its_answer),
        TEST(other_questions_do_not_wait_for_it),
        TEST(when_the_leader_leaves_the_next_one_leads),
        TEST(an_answer_for_nobody_else_sends_all_on_their_way),
        TEST(who_leaves_while_waiting_is_told_nothing),
        TEST(who_leaves_with_news_on_the_way_is_told_nothing),
        TEST(who_leaves_before_hearing_that_it_leads_passes_it_on),
        TEST(only_so_many_wait),
        TEST(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
