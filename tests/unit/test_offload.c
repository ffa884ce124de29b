#include "io/offload.h"

#include "check.h"

#include <pthread.h>
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
};

static void work(void *arg)
{
    struct errand *e = arg;

    pthread_mutex_lock(&e->scene->gate);
    pthread_mutex_unlock(&e->scene->gate);
    e->was_elsewhere = !pthread_equal(pthread_self(), e->scene->loop_thread);
    atomic_fetch_add(&e->scene->worked, 1);
}

static void done(void *arg)
{
    struct errand *e = arg;

    CHECK(e->was_elsewhere);
    CHECK(pthread_equal(pthread_self(), e->scene->loop_thread));
    if (++e->scene->done == e->scene->wanted)
        loop_stop(e->scene->loop);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_done_elsewhere_and_comes_back),
        cmocka_unit_test(a_full_queue_refuses_at_once),
        cmocka_unit_test(bytes_are_bounded_but_one_large_task_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
