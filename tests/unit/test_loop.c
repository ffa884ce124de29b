#include "io/loop.h"

#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct bench {
    struct loop *loop;
    struct loop_timer timer;
    struct loop_fd fd;
    struct loop_task task;
    int pair[2];
    unsigned ready;
    char order[32];
    usec_t seen;
};

static int set_up(void **state)
{
    static struct bench b;

    b = (struct bench){0};
    if (loop_new(&b.loop) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b.pair) < 0)
        return -1;
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    loop_free(&b->loop);
    close(b->pair[0]);
    close(b->pair[1]);
    return 0;
}

static void stop(void *arg)
{
    struct bench *b = arg;

    b->seen = loop_now(b->loop);
    loop_stop(b->loop);
}

static void a_timer_fires_once_after_its_delay(void **state)
{
    struct bench *b = *state;
    usec_t before = clock_now();

    loop_timer_init(&b->timer, b->loop, stop, b);
    loop_timer_start(&b->timer, 60 * USEC_PER_SEC);
    loop_timer_start(&b->timer, 20 * USEC_PER_MSEC); /* moved, not doubled */
    CHECK(b->timer.is_armed);
    loop_run(b->loop);
    CHECK(!b->timer.is_armed);
    CHECK(b->seen - before >= 15 * USEC_PER_MSEC);
    CHECK(b->seen - before < 5 * USEC_PER_SEC);
}

static void note_ready(void *arg, unsigned ready)
{
    struct bench *b = arg;

    b->ready = ready;
    loop_fd_stop(&b->fd);
    loop_stop(b->loop);
}

static void a_descriptor_tells_what_it_is_ready_for(void **state)
{
    struct bench *b = *state;

    loop_fd_init(&b->fd, b->loop, b->pair[0], note_ready, b);
    CHECK_INT(loop_fd_want(&b->fd, LOOP_READ | LOOP_WRITE), 0);
    loop_run(b->loop);
    CHECK_INT(b->ready, LOOP_WRITE);

    CHECK_INT(write(b->pair[1], "x", 1), 1);
    CHECK_INT(loop_fd_want(&b->fd, LOOP_READ), 0);
    loop_run(b->loop);
    CHECK_INT(b->ready, LOOP_READ);
}

static void a_peer_that_leaves_is_seen_behind_unread_bytes(void **state)
{
    struct bench *b = *state;

    loop_fd_init(&b->fd, b->loop, b->pair[0], note_ready, b);
    CHECK_INT(write(b->pair[1], "unread", 6), 6);
    CHECK_INT(loop_fd_want(&b->fd, LOOP_CLOSED), 0);
    loop_timer_init(&b->timer, b->loop, stop, b);
    loop_timer_start(&b->timer, 10 * USEC_PER_MSEC);
    loop_run(b->loop);
    CHECK_INT(b->ready, 0);

    shutdown(b->pair[1], SHUT_WR);
    loop_run(b->loop);
    CHECK_INT(b->ready, LOOP_CLOSED);
}

static void note(struct bench *b, const char *what)
{
    size_t len = strlen(b->order);

    snprintf(b->order + len, sizeof(b->order) - len, "%s", what);
}

static void note_deferred(void *arg)
{
    struct bench *b = arg;

    note(b, "deferred ");
    if (!b->task.is_queued && strlen(b->order) < 12)
        loop_defer(b->loop, &b->task); /* queueing itself again must not block the loop */
    else
        loop_stop(b->loop);
}

static void defer_and_go_on(void *arg)
{
    struct bench *b = arg;

    b->task = (struct loop_task){.fn = note_deferred, .arg = b};
    loop_defer(b->loop, &b->task);
    note(b, "1 ");
}

static void deferred_work_runs_after_the_callbacks(void **state)
{
    struct bench *b = *state;

    loop_timer_init(&b->timer, b->loop, defer_and_go_on, b);
    loop_timer_start(&b->timer, 0);
    loop_run(b->loop);
    CHECK_TEXT(b->order, "1 deferred deferred ");
}

static void a_release_deferred_at_the_end_is_not_lost(void **state)
{
    struct bench *b = *state;

    b->task = (struct loop_task){.fn = stop, .arg = b};
    loop_defer(b->loop, &b->task);
    loop_free(&b->loop);
    CHECK(!b->task.is_queued);
}

enum { POSTERS = 4, POSTS = 500 };

struct poster {
    struct loop *loop;
    pthread_t thread;
    unsigned *n_run;
    struct loop_task tasks[POSTS];
};

static void count(void *arg)
{
    struct poster *p = arg;

    if (++*p->n_run == POSTERS * POSTS)
        loop_post_stop(p->loop);
}

static void *post_all(void *arg)
{
    struct poster *p = arg;

    for (unsigned i = 0; i < POSTS; i++) {
        p->tasks[i] = (struct loop_task){.fn = count, .arg = p};
        loop_post(p->loop, &p->tasks[i]);
    }
    return NULL;
}

static void every_task_posted_by_other_threads_runs(void **state)
{
    static struct poster posters[POSTERS];
    struct bench *b = *state;
    unsigned n_run = 0;

    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.loop = b->loop, .n_run = &n_run};
        CHECK_INT(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    loop_run(b->loop);
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    CHECK_INT(n_run, POSTERS * POSTS);
}

static void a_stop_posted_before_the_run_is_not_lost(void **state)
{
    struct bench *b = *state;

    loop_post_stop(b->loop);
    loop_run(b->loop);
}

static void a_signal_runs_on_the_loop(void **state)
{
    struct bench *b = *state;

    CHECK_INT(loop_on_signal(b->loop, SIGUSR1, stop, b), 0);
    raise(SIGUSR1);
    loop_run(b->loop);
    CHECK(b->seen > 0);
}

static void idle_for_a_moment(void *arg)
{
    struct bench *b = arg;
    usec_t now = loop_now(b->loop);

    while (clock_now() - now < 2 * USEC_PER_MSEC)
        continue;
    CHECK_U64(loop_now(b->loop), now);
    CHECK_U64(loop_wall(b->loop), loop_wall(b->loop));
    loop_stop(b->loop);
}

static void note_lag(void *arg, usec_t busy)
{
    struct bench *b = arg;

    b->seen = busy;
}

static void time_stands_still_in_a_turn_and_its_length_is_told(void **state)
{
    struct bench *b = *state;

    loop_set_lag_fn(b->loop, note_lag, b);
    loop_timer_init(&b->timer, b->loop, idle_for_a_moment, b);
    loop_timer_start(&b->timer, 0);
    loop_run(b->loop);
    CHECK(b->seen >= 2 * USEC_PER_MSEC);
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_timer_fires_once_after_its_delay),
        LOOP_TEST(a_descriptor_tells_what_it_is_ready_for),
        LOOP_TEST(a_peer_that_leaves_is_seen_behind_unread_bytes),
        LOOP_TEST(deferred_work_runs_after_the_callbacks),
        LOOP_TEST(a_release_deferred_at_the_end_is_not_lost),
        LOOP_TEST(every_task_posted_by_other_threads_runs),
        LOOP_TEST(a_stop_posted_before_the_run_is_not_lost),
        LOOP_TEST(a_signal_runs_on_the_loop),
        LOOP_TEST(time_stands_still_in_a_turn_and_its_length_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
