#include "cache_memory.h"

#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SEC USEC_PER_SEC
#define END (1000 * SEC)

/* All keys of one shard, told apart by `n`. */
static struct cache_key key_of(unsigned n)
{
    struct cache_key key = {0};

    memcpy(key.bytes + 4, &n, sizeof(n));
    return key;
}

static struct cache_answer *answer_of(size_t len, int64_t cost_nano)
{
    static char body[CACHE_ANSWER_MAX_BODY];
    struct cache_answer facts = {.expires_at = END, .cost_nano = cost_nano, .took = 1};

    return cache_answer_new(&facts, (struct str){body, len});
}

static void put(struct cache_memory *m, unsigned n, size_t len, int64_t cost_nano, usec_t now)
{
    struct cache_key key = key_of(n);
    struct cache_answer *a = answer_of(len, cost_nano);

    cache_memory_put(m, &key, a, END, now);
    cache_answer_unref(&a);
}

static bool has(struct cache_memory *m, unsigned n, usec_t now)
{
    struct cache_key key = key_of(n);
    struct cache_answer *a = cache_memory_find(m, &key, now);
    bool is_there = a != NULL;

    cache_answer_unref(&a);
    return is_there;
}

/* A cache one shard of which has room for so many answers of 1000 bytes. */
static struct cache_memory *with_room_for(unsigned n)
{
    return cache_memory_new((uint64_t)n * (1000 + CACHE_MEMORY_OVERHEAD) * CACHE_MEMORY_SHARDS);
}

static void what_was_put_is_found_until_it_ends(void **state)
{
    struct cache_memory *m = with_room_for(10);
    struct cache_key key = key_of(1);
    struct cache_answer facts = {.expires_at = 20 * SEC, .at_model = 3, .is_stream = true};
    struct cache_answer *a = cache_answer_new(&facts, STR("words")), *found;

    (void)state;
    cache_memory_put(m, &key, a, 10 * SEC, 0);
    cache_answer_unref(&a);
    found = cache_memory_find(m, &key, 10 * SEC - 1);
    CHECK_STR(cache_answer_body(found), "words");
    CHECK(found->is_stream && found->at_model == 3);
    CHECK(!has(m, 2, 0));
    CHECK(!has(m, 1, 10 * SEC));
    CHECK_U64(cache_memory_look(m).entries, 0);
    CHECK_STR(cache_answer_body(found), "words"); /* who is being given it still has it */
    cache_answer_unref(&found);
    cache_memory_free(&m);
}

static void no_layer_keeps_an_answer_beyond_its_own_end(void **state)
{
    struct cache_memory *m = with_room_for(10);

    (void)state;
    put(m, 1, 10, 0, 0);
    struct cache_key key = key_of(2);
    struct cache_answer *a = answer_of(10, 0);
    a->expires_at = 5 * SEC;
    cache_memory_put(m, &key, a, 100 * SEC, 0);
    CHECK(has(m, 2, 5 * SEC - 1));
    CHECK(!has(m, 2, 5 * SEC));
    CHECK(cache_memory_put(m, &key, a, 100 * SEC, 5 * SEC));
    CHECK(!has(m, 2, 5 * SEC));
    cache_answer_unref(&a);
    cache_memory_free(&m);
}

static void a_new_answer_replaces_the_old_one(void **state)
{
    struct cache_memory *m = with_room_for(10);
    struct cache_key key = key_of(1);

    (void)state;
    put(m, 1, 10, 0, 0);
    put(m, 1, 20, 0, 0);
    struct cache_answer *a = cache_memory_find(m, &key, 0);
    CHECK_U64(a->len, 20);
    CHECK_U64(cache_memory_look(m).entries, 1);
    CHECK_U64(cache_memory_look(m).bytes, 20 + CACHE_MEMORY_OVERHEAD);
    cache_answer_unref(&a);
    cache_memory_free(&m);
}

static void bytes_stay_within_the_bound_whatever_comes(void **state)
{
    uint64_t max = 256 << 10;
    struct cache_memory *m = cache_memory_new(max);
    unsigned random = 7;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct cache_key key = key_of(i);
        random = random * 1103515245 + 12345;
        key.bytes[0] = (uint8_t)(random >> 16);
        struct cache_answer *a = answer_of((random >> 8) % 40000, random % 1000);
        cache_memory_put(m, &key, a, END, 0);
        cache_answer_unref(&a);
        CHECK(cache_memory_look(m).bytes <= max);
    }
    CHECK(cache_memory_look(m).entries > 0 && cache_memory_look(m).evictions > 10000);
    cache_memory_free(&m);
}

static void what_is_larger_than_its_part_throws_nothing_out(void **state)
{
    struct cache_memory *m = with_room_for(3);
    struct cache_key key = key_of(9);
    struct cache_answer *a = answer_of(3 * (1000 + CACHE_MEMORY_OVERHEAD), 1000000);

    (void)state;
    put(m, 1, 1000, 1, 0);
    CHECK(!cache_memory_put(m, &key, a, END, 0));
    CHECK(has(m, 1, 0) && !has(m, 9, 0));
    cache_answer_unref(&a);
    cache_memory_free(&m);
}

static void what_has_expired_makes_room_before_what_has_not(void **state)
{
    struct cache_memory *m = with_room_for(2);
    struct cache_key key = key_of(1);
    struct cache_answer *dear = answer_of(1000, 1000000000);

    (void)state;
    cache_memory_put(m, &key, dear, 10 * SEC, 0);
    put(m, 2, 1000, 1, 0);
    put(m, 3, 1000, 1, 10 * SEC);
    CHECK(has(m, 2, 10 * SEC) && has(m, 3, 10 * SEC));
    CHECK_U64(cache_memory_look(m).evictions, 0);
    cache_answer_unref(&dear);
    cache_memory_free(&m);
}

static void the_cheap_the_large_and_the_unused_go_first(void **state)
{
    struct cache_memory *m = with_room_for(4);

    (void)state;
    put(m, 1, 1000, 1000, 0); /* cheap */
    put(m, 2, 1000, 9000, 0); /* dear */
    put(m, 3, 500, 1000, 0);  /* small */
    put(m, 4, 1000, 1000, 0); /* cheap, but used */
    CHECK(has(m, 4, 0));
    put(m, 5, 1300, 9000, 0);
    CHECK(!has(m, 1, 0));
    CHECK(has(m, 2, 0) && has(m, 3, 0) && has(m, 4, 0) && has(m, 5, 0));
    CHECK_U64(cache_memory_look(m).evictions, 1);
    cache_memory_free(&m);
}

/* The defect of a score without ageing: what was once asked for often would stay for ever. */
static void the_favourite_of_yesterday_goes_in_the_end(void **state)
{
    struct cache_memory *m = with_room_for(4);
    unsigned n;

    (void)state;
    put(m, 0, 1000, 1000, 0);
    for (unsigned i = 0; i < 20; i++)
        CHECK(has(m, 0, 0));
    for (n = 1; n < 1000; n++) {
        put(m, n, 1000, 1000, 0);
        CHECK(has(m, n, 0));
        if (cache_memory_look(m).evictions > 900)
            break;
    }
    CHECK(!has(m, 0, 0));
    cache_memory_free(&m);
}

static void a_smaller_bound_takes_effect_at_once(void **state)
{
    struct cache_memory *m = with_room_for(10);

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        put(m, i, 1000, 1, 0);
    CHECK_U64(cache_memory_look(m).entries, 10);
    cache_memory_set_max(m, 3 * (1000 + CACHE_MEMORY_OVERHEAD) * CACHE_MEMORY_SHARDS, 0);
    CHECK_U64(cache_memory_look(m).entries, 3);
    CHECK_U64(cache_memory_clear(m), 3);
    CHECK_U64(cache_memory_look(m).bytes, 0);
    cache_memory_free(&m);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *use(void *arg)
{
    struct cache_memory *m = arg;
    unsigned random = (unsigned)(uintptr_t)&m;

    for (unsigned i = 0; i < ROUNDS; i++) {
        random = random * 1103515245 + 12345;
        unsigned n = (random >> 16) % 64;
        struct cache_key key = key_of(n);
        key.bytes[0] = (uint8_t)n;
        if (random & 1024) {
            struct cache_answer *a = answer_of(n * 50, n);
            cache_memory_put(m, &key, a, END, 0);
            cache_answer_unref(&a);
        } else {
            struct cache_answer *a = cache_memory_find(m, &key, 0);
            if (a && a->len != n * 50)
                return "somebody else's answer";
            cache_answer_unref(&a);
        }
    }
    return NULL;
}

static void threads_share_it_and_nobody_gets_anothers_answer(void **state)
{
    struct cache_memory *m = cache_memory_new(64 << 10);
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, use, m), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failure;
        CHECK_INT(pthread_join(threads[i], &failure), 0);
        CHECK(!failure);
    }
    CHECK(cache_memory_look(m).bytes <= 64 << 10);
    cache_memory_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_until_it_ends),
        cmocka_unit_test(no_layer_keeps_an_answer_beyond_its_own_end),
        cmocka_unit_test(a_new_answer_replaces_the_old_one),
        cmocka_unit_test(bytes_stay_within_the_bound_whatever_comes),
        cmocka_unit_test(what_is_larger_than_its_part_throws_nothing_out),
        cmocka_unit_test(what_has_expired_makes_room_before_what_has_not),
        cmocka_unit_test(the_cheap_the_large_and_the_unused_go_first),
        cmocka_unit_test(the_favourite_of_yesterday_goes_in_the_end),
        cmocka_unit_test(a_smaller_bound_takes_effect_at_once),
        cmocka_unit_test(threads_share_it_and_nobody_gets_anothers_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
