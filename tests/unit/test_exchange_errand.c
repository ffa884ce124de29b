#include "exchange.h"

#include "check.h"
#include "worker.h"

#include <pthread.h>
#include <semaphore.h>

struct scene {
    struct worker worker;
    struct exchange x;
    pthread_mutex_t gate; /* held: the work waits */
    sem_t begun;
    const char *then;
};

static struct scene scene;

static void work(void *arg)
{
    (void)arg;
    sem_post(&scene.begun);
    pthread_mutex_lock(&scene.gate);
    pthread_mutex_unlock(&scene.gate);
}

static void come_to(const char *what)
{
    CHECK(!scene.then);
    scene.then = what;
    loop_stop(scene.worker.loop);
}

static void go_on(struct exchange *x)
{
    (void)x;
    come_to("on");
}

static void expire(struct exchange *x)
{
    (void)x;
    come_to("expired");
}

static void abandon(struct exchange *x)
{
    (void)x;
    come_to("abandoned");
}

/* The work has begun, and waits. */
static int start(void **state)
{
    (void)state;
    scene = (struct scene){.x.worker = &scene.worker};
    pthread_mutex_init(&scene.gate, NULL);
    sem_init(&scene.begun, 0, 0);
    CHECK_INT(loop_new(&scene.worker.loop), 0);
    buf_init(&scene.x.errand.body, 16);
    CHECK_INT(buf_add(&scene.x.errand.body, "{}", 2), BUF_OK); /* as taken from a client */
    pthread_mutex_lock(&scene.gate);
    exchange_errand_start(&scene.x, &(struct exchange_errand_steps){work, go_on, false});
    sem_wait(&scene.begun);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    offload_free(&scene.worker.errands);
    loop_free(&scene.worker.loop);
    buf_done(&scene.x.errand.body);
    pthread_mutex_destroy(&scene.gate);
    sem_destroy(&scene.begun);
    return 0;
}

static const char *let_it_end(void)
{
    pthread_mutex_unlock(&scene.gate);
    loop_run(scene.worker.loop);
    CHECK(!errand_is_out(&scene.x.errand.errand));
    return scene.then;
}

static void what_was_begun_goes_on_when_it_is_over(void **state)
{
    (void)state;
    CHECK_TEXT(let_it_end(), "on");
}

static void the_first_end_that_is_asked_for_is_the_one(void **state)
{
    (void)state;
    CHECK(exchange_errand_delays(&scene.x, expire));
    CHECK(exchange_errand_delays(&scene.x, abandon));
    CHECK_TEXT(let_it_end(), "expired");
}

/* A request without a caller is cancelled, whatever becomes due while it is being worked on. */
static void a_client_that_left_is_the_end_before_and_after_any_other(void **state)
{
    struct exchange_errand *e = &scene.x.errand;

    (void)state;
    CHECK(exchange_errand_delays(&scene.x, expire));
    exchange_client_gone(&scene.x);
    CHECK(e->ending == exchange_client_gone);
    CHECK(exchange_errand_delays(&scene.x, abandon));
    CHECK(e->ending == exchange_client_gone);
    e->ending = expire; /* which needs less around it */
    CHECK_TEXT(let_it_end(), "expired");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_begun_goes_on_when_it_is_over, start, finish),
        cmocka_unit_test_setup_teardown(the_first_end_that_is_asked_for_is_the_one, start, finish),
        cmocka_unit_test_setup_teardown(a_client_that_left_is_the_end_before_and_after_any_other,
                                        start, finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
