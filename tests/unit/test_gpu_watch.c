#include "gpu_watch.h"

#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* A source whose answers a test lets through one by one. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int answers; /* that may be given */
    int error;
    bool is_closed;
    struct gpu_watch *watch;
};

static int read_gate(void *arg, struct gpu_list *ret)
{
    struct gate *g = arg;

    pthread_mutex_lock(&g->lock);
    while (g->answers == 0)
        pthread_cond_wait(&g->changed, &g->lock);
    g->answers--;
    int error = g->error;
    pthread_mutex_unlock(&g->lock);
    ret->n = 0;
    if (!error)
        gpu_add(ret, GPU_NVIDIA)->reading[GPU_POWER] = 7;
    return error;
}

static void close_gate(void *arg)
{
    struct gate *g = arg;

    pthread_mutex_lock(&g->lock);
    g->is_closed = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static void open_gate(struct gate *g)
{
    *g = (struct gate){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    CHECK_INT(gpu_watch_new(&(struct gpu_source){read_gate, close_gate, g}, &g->watch), 0);
}

static void let_through(struct gate *g, int error)
{
    pthread_mutex_lock(&g->lock);
    g->answers++;
    g->error = error;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static struct gpu_watch_view look(struct gate *g, usec_t now)
{
    struct gpu_watch_view v;

    gpu_watch_look(g->watch, now, &v);
    return v;
}

/* The thread is real: its answer comes when it comes. */
static void wait_state(struct gate *g, usec_t now, enum gpu_watch_state state)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; i < 10000 && look(g, now).state != state; i++)
        nanosleep(&pause, NULL);
    CHECK_INT(look(g, now).state, state);
}

static void an_answer_is_believed_for_three_rounds(void **state)
{
    struct gate g;

    (void)state;
    open_gate(&g);
    gpu_watch_ask(g.watch, 100, 10);
    CHECK_INT(look(&g, 100).state, GPU_WATCH_NEW);
    let_through(&g, 0);
    wait_state(&g, 100, GPU_WATCH_OK);
    CHECK_U64(look(&g, 100).list->n, 1);
    assert_float_equal(look(&g, 100).list->gpu[0].reading[GPU_POWER], 7, 0);

    gpu_watch_ask(g.watch, 110, 10); /* no answer comes to this one */
    gpu_watch_ask(g.watch, 120, 10);
    gpu_watch_ask(g.watch, 130, 10);
    CHECK_INT(look(&g, 130).state, GPU_WATCH_OK);
    CHECK_INT(look(&g, 131).state, GPU_WATCH_SILENT);

    let_through(&g, 0); /* to the question of 110: too old */
    let_through(&g, 0);
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int i = 0; i < 10000 && look(&g, 145).state != GPU_WATCH_OK; i++) {
        gpu_watch_ask(g.watch, 145, 10);
        nanosleep(&pause, NULL);
    }
    CHECK_INT(look(&g, 175).state, GPU_WATCH_OK);
    CHECK_INT(look(&g, 176).state, GPU_WATCH_SILENT);
    gpu_watch_free(&g.watch);
    CHECK(g.is_closed);
}

static void a_source_that_never_answered_is_silent_after_three_rounds(void **state)
{
    struct gate g;

    (void)state;
    open_gate(&g);
    CHECK_INT(look(&g, 100).state, GPU_WATCH_NEW);
    gpu_watch_ask(g.watch, 100, 10);
    CHECK_INT(look(&g, 130).state, GPU_WATCH_NEW);
    CHECK_INT(look(&g, 131).state, GPU_WATCH_SILENT);
    let_through(&g, 0);
    wait_state(&g, 100, GPU_WATCH_OK);
    gpu_watch_free(&g.watch);
}

static void after_an_error_it_is_left_alone_for_a_while(void **state)
{
    struct gate g;

    (void)state;
    open_gate(&g);
    gpu_watch_ask(g.watch, 100, 10);
    let_through(&g, 9);
    wait_state(&g, 100, GPU_WATCH_FAILED);
    CHECK_INT(look(&g, 100).error, 9);
    let_through(&g, 0);
    for (usec_t now = 110; now < 100 + GPU_WATCH_REST * 10; now += 10)
        gpu_watch_ask(g.watch, now, 10);
    pthread_mutex_lock(&g.lock);
    CHECK_INT(g.answers, 1); /* not asked for */
    pthread_mutex_unlock(&g.lock);
    CHECK_INT(look(&g, 219).state, GPU_WATCH_FAILED);
    gpu_watch_ask(g.watch, 220, 10);
    wait_state(&g, 220, GPU_WATCH_OK);
    gpu_watch_free(&g.watch);
}

static void a_lost_thread_is_left_behind_and_cleans_up_when_it_comes_back(void **state)
{
    struct gate g;
    struct timespec begun, ended;

    (void)state;
    open_gate(&g);
    gpu_watch_ask(g.watch, 100, 10);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    gpu_watch_free(&g.watch);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_null(g.watch);
    CHECK(ended.tv_sec - begun.tv_sec < 5);

    let_through(&g, 0);
    pthread_mutex_lock(&g.lock);
    while (!g.is_closed)
        pthread_cond_wait(&g.changed, &g.lock);
    pthread_mutex_unlock(&g.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_believed_for_three_rounds),
        cmocka_unit_test(a_source_that_never_answered_is_silent_after_three_rounds),
        cmocka_unit_test(after_an_error_it_is_left_alone_for_a_while),
        cmocka_unit_test(a_lost_thread_is_left_behind_and_cleans_up_when_it_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
