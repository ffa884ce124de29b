#include "health_store.h"

#include "folder.h"

#include <pthread.h>

#define MANY 1000

static char folder[64];
static struct loop *loop;
static struct health_store *store;
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER; /* held: it is slow */
static unsigned n_with, n_without, n_done;

static int set_up(void **state)
{
    char path[96];

    (void)state;
    if (!folder_make(folder, sizeof(folder)))
        return -1;
    snprintf(path, sizeof(path), "%s/health.db", folder);
    return loop_new(&loop) == 0 && health_store_new(path, loop, &store) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    health_store_free(&store);
    loop_free(&loop);
    return folder_remove(folder);
}

static void run(void *arg, struct db *d)
{
    (void)arg;
    if (!d) {
        n_without++;
        return;
    }
    pthread_mutex_lock(&disk);
    n_with++;
    pthread_mutex_unlock(&disk);
}

static void done(void *arg)
{
    (void)arg;
    if (++n_done == MANY)
        loop_stop(loop);
}

static void what_waits_for_a_slow_disk_has_its_ceiling_and_nobody_waits_in_vain(void **state)
{
    (void)state;
    pthread_mutex_lock(&disk);
    for (unsigned i = 0; i < MANY; i++)
        health_store_submit(store, &(struct health_store_job){.run = run, .done = done});
    CHECK(n_without > MANY / 2);
    pthread_mutex_unlock(&disk);
    loop_run(loop);
    CHECK_U64(n_with + n_without, MANY);
    CHECK(n_with > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_waits_for_a_slow_disk_has_its_ceiling_and_nobody_waits_in_vain, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
