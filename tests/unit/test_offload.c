#include "io/offload.h"

#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define TASKS 2000

struct scene {
    struct loop *loop;
    struct offload *pool;
    pthread_t loop_thread;
    atomic_uint worked;
    unsigned done, wanted;
    pthread_mutex_t gate; /* held: work waits */
};

struct errand {
    struct scene *scene;
    struct offload_task task;
    bool was_elsewhere;
    unsigned place; /* in the order of work */
};

static void work(void *arg)
{
    struct errand *e = arg;

    pthread_mutex_lock(&e->scene->gate);
    pthread_mutex_unlock(&e->scene->gate);
    e->was_elsewhere = !pthread_equal(pthread_self(), e->scene->loop_thread);
    atomic_fetch_add(&e->scene->worked, 1);
}

static void count_done(void *arg)
{
    struct errand *e = arg;

    if (++e->scene->done == e->scene->wanted)
        loop_stop(e->scene->loop);
}

static void done(void *arg)
{
    struct errand *e = arg;

    CHECK(e->was_elsewhere);
    CHECK(pthread_equal(pthread_self(), e->scene->loop_thread));
    count_done(arg);
}

static void open_scene(struct scene *s, unsigned max_tasks, size_t max_bytes)
{
    const struct offload_config config = {
        .threads = 3, .max_tasks = max_tasks, .max_bytes = max_bytes};

    *s = (struct scene){.loop_thread = pthread_self()};
    pthread_mutex_init(&s->gate, NULL);
    CHECK_INT(loop_new(&s->loop), 0);
    CHECK_INT(offload_new(s->loop, &config, &s->pool), 0);
}

static void close_scene(struct scene *s)
{
    offload_free(&s->pool);
    loop_free(&s->loop);
    pthread_mutex_destroy(&s->gate);
}

static enum offload_result send(struct scene *s, struct errand *e, size_t bytes)
{
    *e = (struct errand){.scene = s};
    e->task = (struct offload_task){.work = work, .done = done, .arg = e, .bytes = bytes};
    return offload_submit(s->pool, &e->task);
}

static void work_is_done_elsewhere_and_comes_back(void **state)
{
    static struct errand errands[TASKS];
    struct scene s;

    (void)state;
    open_scene(&s, TASKS, SIZE_MAX);
    s.wanted = TASKS;
    for (unsigned i = 0; i < TASKS; i++)
        CHECK_INT(send(&s, &errands[i], 1), OFFLOAD_OK);
    CHECK_U64(offload_under_way(s.pool), TASKS);
    loop_run(s.loop);
    CHECK_U64(atomic_load(&s.worked), TASKS);
    CHECK_U64(offload_under_way(s.pool), 0);
    close_scene(&s);
}

static void a_full_queue_refuses_at_once(void **state)
{
    struct errand errands[6];
    struct scene s;

    (void)state;
    open_scene(&s, 5, SIZE_MAX);
    pthread_mutex_lock(&s.gate);
    for (unsigned i = 0; i < 5; i++)
        CHECK_INT(send(&s, &errands[i], 1), OFFLOAD_OK);
    CHECK_INT(send(&s, &errands[5], 1), OFFLOAD_FULL);
    pthread_mutex_unlock(&s.gate);
    s.wanted = 5;
    loop_run(s.loop);

    s.wanted = 6;
    CHECK_INT(send(&s, &errands[5], 1), OFFLOAD_OK);
    loop_run(s.loop);
    close_scene(&s);
}

static void bytes_are_bounded_but_one_large_task_passes(void **state)
{
    struct errand errands[3];
    struct scene s;

    (void)state;
    open_scene(&s, 100, 1000);
    CHECK_INT(send(&s, &errands[0], 5000), OFFLOAD_OK);
    CHECK_INT(send(&s, &errands[1], 1), OFFLOAD_FULL);
    s.wanted = 1;
    loop_run(s.loop);

    CHECK_INT(send(&s, &errands[0], 600), OFFLOAD_OK);
    CHECK_INT(send(&s, &errands[1], 400), OFFLOAD_OK);
    CHECK_INT(send(&s, &errands[2], 1), OFFLOAD_FULL);
    s.wanted = 3;
    loop_run(s.loop);
    close_scene(&s);
}

static void note(void *arg)
{
    struct errand *e = arg;

    e->place = atomic_fetch_add(&e->scene->worked, 1);
}

/* On one thread, which the first keeps busy; the next two are not brief. */
static void what_is_brief_goes_ahead_of_what_waits_but_not_for_ever(void **state)
{
    const struct offload_config config = {.threads = 1, .max_tasks = 20, .max_bytes = SIZE_MAX};
    struct errand errands[20];
    struct scene s;

    (void)state;
    open_scene(&s, 1, 1);
    offload_free(&s.pool);
    CHECK_INT(offload_new(s.loop, &config, &s.pool), 0);
    pthread_mutex_lock(&s.gate);
    CHECK_INT(send(&s, &errands[0], 1), OFFLOAD_OK);
    while (offload_withdraw(&errands[0].task)) { /* too early: nobody had begun it */
        sched_yield();
        CHECK_INT(send(&s, &errands[0], 1), OFFLOAD_OK);
    }
    for (unsigned i = 1; i < 20; i++) {
        errands[i] = (struct errand){.scene = &s};
        errands[i].task = (struct offload_task){
            .work = note, .done = count_done, .arg = &errands[i], .is_brief = i >= 3};
        CHECK_INT(offload_submit(s.pool, &errands[i].task), OFFLOAD_OK);
    }
    pthread_mutex_unlock(&s.gate);
    s.wanted = 20;
    loop_run(s.loop);
    for (unsigned i = 3; i < 11; i++)
        CHECK_U64(errands[i].place, i - 2);
    CHECK_U64(errands[1].place, 9);
    CHECK_U64(errands[11].place, 10);
    CHECK_U64(errands[18].place, 17);
    CHECK_U64(errands[2].place, 18);
    CHECK_U64(errands[19].place, 19);
    close_scene(&s);
}

static void what_waits_can_be_withdrawn_and_what_has_begun_cannot(void **state)
{
    struct errand errands[5];
    struct scene s;

    (void)state;
    open_scene(&s, 5, SIZE_MAX);
    pthread_mutex_lock(&s.gate);
    for (unsigned i = 0; i < 5; i++)
        CHECK_INT(send(&s, &errands[i], 1), OFFLOAD_OK);
    CHECK(offload_withdraw(&errands[4].task));
    CHECK(!offload_withdraw(&errands[4].task)); /* a second time there is nothing to withdraw */
    CHECK_U64(offload_under_way(s.pool), 4);
    pthread_mutex_unlock(&s.gate);
    s.wanted = 4;
    loop_run(s.loop);
    CHECK_U64(atomic_load(&s.worked), 4);
    CHECK(!offload_withdraw(&errands[0].task));
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_done_elsewhere_and_comes_back),
        cmocka_unit_test(a_full_queue_refuses_at_once),
        cmocka_unit_test(bytes_are_bounded_but_one_large_task_passes),
        cmocka_unit_test(what_is_brief_goes_ahead_of_what_waits_but_not_for_ever),
        cmocka_unit_test(what_waits_can_be_withdrawn_and_what_has_begun_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
