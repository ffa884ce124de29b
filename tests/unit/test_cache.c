#include "cache.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW                                                                                        \
    (UINT64_C(8000000000) * USEC_PER_SEC) /* not over yet on the disk, which asks the clock */

static char dir[64];
static struct settings settings;
static struct loop *loop;
static struct cache *cache;
static const struct cache_key key = {{1}}, other = {{2}};

static int make(void **state)
{
    (void)state;
    if (!folder_make(dir, sizeof(dir)))
        return -1;
    settings = (struct settings){.paths = {.state = dir},
                                 .cache = {.l1_max = 1 << 20,
                                           .l2_max = 1 << 20,
                                           .l1_ttl = 300 * USEC_PER_SEC,
                                           .l2_ttl = 3600 * USEC_PER_SEC}};
    return loop_new(&loop);
}

static int clear(void **state)
{
    (void)state;
    cache_stop(cache);
    loop_free(&loop);
    cache_free(&cache);
    return folder_remove(dir);
}

static void await_disk(uint64_t entries)
{
    for (int i = 0; i < 50000; i++) {
        struct cache_stats s = cache_look(cache, CACHE_L2);
        if (s.is_available && s.entries == entries)
            return;
        usleep(100);
    }
    CHECK(!"the disk");
}

static void start(void)
{
    CHECK_INT(cache_new(&settings, &cache), 0);
    if (settings.cache.l2_max > 0)
        await_disk(0);
}

static void put(const struct cache_key *k, usec_t asked_at, usec_t ttl)
{
    struct cache_answer facts = {.asked_at = asked_at,
                                 .expires_at = cache_end_of(cache, ttl, asked_at)};
    struct cache_answer *a = cache_answer_new(&facts, STR("words"));

    cache_put(cache, k, a, asked_at);
    cache_answer_unref(&a);
}

static bool is_in_memory(const struct cache_key *k, usec_t now)
{
    struct cache_answer *a = cache_find(cache, k, now);
    bool is_there = a != NULL;

    cache_answer_unref(&a);
    return is_there;
}

struct told {
    unsigned n;
    enum cache_layer layer;
    struct cache_answer *answer;
};

static void on_answer(void *arg, enum cache_layer layer, struct cache_answer *answer)
{
    struct told *t = arg;

    *t = (struct told){t->n + 1, layer, answer};
    loop_stop(loop);
}

static struct cache_answer *ask_disk(const struct cache_key *k)
{
    struct told t = {0};

    CHECK(cache_ask(cache, k, loop, on_answer, &t));
    loop_run(loop);
    CHECK(t.n == 1 && t.layer == CACHE_L2);
    return t.answer;
}

static void an_answer_goes_into_both_layers_and_memory_forgets_it_first(void **state)
{
    (void)state;
    start();
    put(&key, NOW, 0);
    CHECK(is_in_memory(&key, NOW + 299 * USEC_PER_SEC));
    CHECK(!is_in_memory(&key, NOW + 300 * USEC_PER_SEC));
    CHECK(!is_in_memory(&other, NOW));
    await_disk(1);
}

static void without_a_disk_memory_keeps_it_to_its_end(void **state)
{
    (void)state;
    settings.cache.l2_max = 0;
    start();
    CHECK(cache_is_on(cache) && !cache_has_layer(cache, CACHE_L2));
    put(&key, NOW, 0);
    put(&other, NOW, 1000 * USEC_PER_SEC);
    CHECK(!is_in_memory(&key, NOW + 300 * USEC_PER_SEC));
    CHECK(is_in_memory(&other, NOW + 999 * USEC_PER_SEC));
    CHECK(!cache_ask(cache, &key, loop, on_answer, NULL));
}

/* The defect of a fresh ttl for each copy: an answer that is asked for often would never end. */
static void what_is_copied_upward_keeps_its_own_end(void **state)
{
    usec_t now = clock_wall(), end = now + 100 * USEC_PER_SEC;

    (void)state;
    start();
    put(&key, now, 100 * USEC_PER_SEC);
    await_disk(1);
    cache_configure(cache, &(struct settings){.cache = {.l1_max = 0, .l2_max = 1 << 20}}, now);
    CHECK(!is_in_memory(&key, now));
    cache_configure(cache, &settings, now);

    struct cache_answer *a = ask_disk(&key);
    CHECK(a && a->expires_at == end);
    cache_answer_unref(&a);
    CHECK(is_in_memory(&key, end - 1));
    CHECK(!is_in_memory(&key, end));
    CHECK(!ask_disk(&other));
}

static void what_was_asked_before_a_clearing_is_given_to_nobody_after_it(void **state)
{
    usec_t now = clock_wall();

    (void)state;
    start();
    put(&key, now, 0);
    await_disk(1);
    cache_clear(cache, now + 5);
    CHECK(!is_in_memory(&key, now + 5));
    await_disk(0);
    put(&key, now + 4, 0); /* asked before, answered after */
    CHECK(!is_in_memory(&key, now + 6));
    await_disk(1);
    CHECK(!ask_disk(&key));
    put(&key, now + 6, 0);
    CHECK(is_in_memory(&key, now + 6));
}

static void a_question_taken_back_is_not_answered(void **state)
{
    struct told t = {0};
    struct cache_question *q;

    (void)state;
    start();
    q = cache_ask(cache, &key, loop, on_answer, &t);
    CHECK(q);
    cache_cancel(&q);
    CHECK(!q && !ask_disk(&other));
    CHECK_U64(t.n, 0);
}

static void nothing_is_on_when_both_are_off(void **state)
{
    (void)state;
    settings.cache.l1_max = settings.cache.l2_max = 0;
    start();
    CHECK(!cache_is_on(cache));
    put(&key, NOW, 0);
    CHECK(!is_in_memory(&key, NOW));
    CHECK(!cache_look(cache, CACHE_L1).is_available);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)
        TEST(an_answer_goes_into_both_layers_and_memory_forgets_it_first),
        TEST(without_a_disk_memory_keeps_it_to_its_end),
        TEST(what_is_copied_upward_keeps_its_own_end),
        TEST(what_was_asked_before_a_clearing_is_given_to_nobody_after_it),
        TEST(a_question_taken_back_is_not_answered),
        TEST(nothing_is_on_when_both_are_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
