#include "cache_disk.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];
static struct loop *loop;
static struct cache_disk *disk;

static int make(void **state)
{
    (void)state;
    return folder_make(dir, sizeof(dir)) && loop_new(&loop) == 0 ? 0 : -1;
}

static void stop_disk(void)
{
    cache_disk_stop(disk);
    cache_disk_free(&disk);
}

static int clear(void **state)
{
    (void)state;
    stop_disk();
    loop_free(&loop);
    return folder_remove(dir);
}

static void start_disk(uint64_t max_bytes)
{
    CHECK_INT(cache_disk_start(dir, max_bytes, &disk), 0);
    while (!cache_disk_look(disk).is_available)
        usleep(100);
}

static struct cache_key key_of(unsigned n)
{
    struct cache_key key = {{0}};

    memcpy(key.bytes, &n, sizeof(n));
    return key;
}

static void put(unsigned n, size_t len)
{
    static char body[CACHE_ANSWER_MAX_BODY];
    struct cache_answer facts = {.expires_at = INT64_MAX, .took = 7, .at_model = n};
    struct cache_key key = key_of(n);
    struct cache_answer *a = cache_answer_new(&facts, (struct str){body, len});

    cache_disk_put(disk, &key, a);
    cache_answer_unref(&a);
}

static void on_answer(void *arg, struct cache_answer *a)
{
    *(struct cache_answer **)arg = a;
    loop_stop(loop);
}

/* Waits for what was put before: the thread writes in order, but answers first. */
static bool has(unsigned n)
{
    struct cache_answer *a = NULL;
    struct cache_key key = key_of(n);

    CHECK(cache_disk_ask(disk, &key, loop, on_answer, &a));
    loop_run(loop);
    bool is_there = a && a->at_model == n;
    cache_answer_unref(&a);
    return is_there;
}

static void await_entries(uint64_t n)
{
    for (int i = 0; cache_disk_look(disk).entries != n && i < 50000; i++)
        usleep(100);
    CHECK_U64(cache_disk_look(disk).entries, n);
}

static void what_was_put_is_there_after_a_restart(void **state)
{
    (void)state;
    start_disk(1 << 20);
    CHECK(!has(1));
    for (unsigned i = 0; i < 200; i++)
        put(i, 100);
    stop_disk();
    start_disk(1 << 20);
    CHECK_U64(cache_disk_look(disk).entries, 200);
    CHECK(has(0) && has(199) && !has(200));
}

static void a_damaged_file_is_set_aside_and_begun_anew(void **state)
{
    char path[96], damaged[128];
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s/cache.db", dir);
    snprintf(damaged, sizeof(damaged), "%s.damaged", path);
    CHECK((f = fopen(path, "we")) && fputs("this is no database, whatever its name", f) > 0);
    fclose(f);
    start_disk(1 << 20);
    CHECK(access(damaged, F_OK) == 0);
    put(1, 10);
    await_entries(1);
    CHECK(has(1));
}

static void damage_found_later_is_set_aside_too(void **state)
{
    char path[96], damaged[128];

    (void)state;
    snprintf(path, sizeof(path), "%s/cache.db", dir);
    snprintf(damaged, sizeof(damaged), "%s.damaged", path);
    start_disk(64 << 20);
    for (unsigned i = 0; i < 100; i++)
        put(i, 20000);
    stop_disk();
    FILE *f = fopen(path, "r+e");
    CHECK(f != NULL);
    char junk[4096];
    memset(junk, 0xa5, sizeof(junk));
    for (long page = 2; page < 100; page++)
        CHECK(fseek(f, page * 4096, SEEK_SET) == 0 && fwrite(junk, sizeof(junk), 1, f) == 1);
    fclose(f);
    CHECK_INT(cache_disk_start(dir, 64 << 20, &disk), 0);
    while (!cache_disk_look(disk).is_available)
        usleep(100);
    for (unsigned i = 0; i < 100; i++)
        (void)has(i); /* found or not, nobody is kept waiting and nothing false is served */
    put(1000, 10);
    for (int i = 0; !has(1000) && i < 1000; i++)
        usleep(1000);
    CHECK(has(1000));
    CHECK(access(damaged, F_OK) == 0);
}

static void a_question_taken_back_is_not_answered(void **state)
{
    struct cache_answer *a = NULL;
    struct cache_key key = key_of(1);
    struct cache_disk_question *q;

    (void)state;
    start_disk(1 << 20);
    put(1, 10);
    await_entries(1);
    q = cache_disk_ask(disk, &key, loop, on_answer, &a);
    CHECK(q);
    cache_disk_cancel(&q);
    CHECK(has(1)); /* asked after it, answered after it */
    CHECK(!a);
}

static void the_bound_holds_and_a_lower_one_takes_effect(void **state)
{
    uint64_t max = 1 << 20;

    (void)state;
    start_disk(max);
    for (unsigned i = 0; i < 400; i++)
        put(i, 9000);
    put(1000, 1);
    for (int i = 0; !has(1000) && i < 1000; i++)
        usleep(1000);
    CHECK(cache_disk_look(disk).bytes <= max && cache_disk_look(disk).evictions >= 300);
    cache_disk_set_max(disk, 20000);
    for (int i = 0; cache_disk_look(disk).bytes > 20000 && i < 50000; i++)
        usleep(100);
    CHECK(cache_disk_look(disk).bytes <= 20000);
}

static unsigned n_told;

static void on_one_of_many(void *arg, struct cache_answer *a)
{
    cache_answer_unref(&a);
    if (++n_told == *(unsigned *)arg)
        loop_stop(loop);
}

static void only_so_many_may_ask_at_once_and_each_is_told(void **state)
{
    struct cache_key key = key_of(1);
    unsigned n_asked = 0, n_refused = 0;

    (void)state;
    start_disk(1 << 20);
    put(1, 100000);
    n_told = 0;
    for (int i = 0; i < 200000 && n_refused < 100; i++)
        if (cache_disk_ask(disk, &key, loop, on_one_of_many, &n_asked))
            n_asked++;
        else
            n_refused++;
    CHECK_U64(n_refused, 100);
    loop_run(loop);
    CHECK_U64(n_told, n_asked);
}

static void what_is_too_much_at_once_is_dropped_and_counted(void **state)
{
    unsigned n = 2 * CACHE_DISK_MAX_QUEUE / CACHE_ANSWER_MAX_BODY;

    (void)state;
    start_disk(UINT64_C(1) << 30);
    for (unsigned i = 0; i < 4 * n; i++)
        put(i, CACHE_ANSWER_MAX_BODY);
    stop_disk();
    start_disk(UINT64_C(1) << 30);
    struct cache_disk_stats s = cache_disk_look(disk);
    CHECK(s.entries >= n / 2 - 1 && s.entries <= 4 * n);
}

static void cleared_is_empty(void **state)
{
    (void)state;
    start_disk(1 << 20);
    put(1, 10);
    await_entries(1);
    cache_disk_clear(disk);
    await_entries(0);
    CHECK(!has(1));
}

static void once_it_is_stopped_everything_is_a_miss(void **state)
{
    struct cache_answer *a = NULL;
    struct cache_key key = key_of(1);

    (void)state;
    start_disk(1 << 20);
    put(1, 10);
    CHECK(cache_disk_ask(disk, &key, loop, on_answer, &a));
    cache_disk_stop(disk);
    CHECK(!cache_disk_ask(disk, &key, loop, on_answer, &a));
    put(2, 10);
    CHECK_U64(cache_disk_look(disk).unwritten, 1);
    loop_run(loop); /* the one who asked in time is told */
    cache_answer_unref(&a);
    cache_disk_free(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)
        TEST(what_was_put_is_there_after_a_restart),
        TEST(a_damaged_file_is_set_aside_and_begun_anew),
        TEST(damage_found_later_is_set_aside_too),
        TEST(a_question_taken_back_is_not_answered),
        TEST(the_bound_holds_and_a_lower_one_takes_effect),
        TEST(only_so_many_may_ask_at_once_and_each_is_told),
        TEST(what_is_too_much_at_once_is_dropped_and_counted),
        TEST(cleared_is_empty),
        TEST(once_it_is_stopped_everything_is_a_miss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
