#include "cache_rows.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define END (UINT64_C(1000) * USEC_PER_SEC)

static char dir[64], path[96], why[256];
static struct cache_rows *rows;

static int make(void **state)
{
    (void)state;
    if (!folder_make(dir, sizeof(dir)))
        return -1;
    snprintf(path, sizeof(path), "%s/cache.db", dir);
    return cache_rows_open(path, &rows, why, sizeof(why)) == DB_OK ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    cache_rows_close(&rows);
    return folder_remove(dir);
}

static struct cache_key key_of(unsigned n)
{
    struct cache_key key = {{1, 2, 3}};

    memcpy(key.bytes + 4, &n, sizeof(n));
    return key;
}

static void put(unsigned n, size_t len, int64_t cost_nano, usec_t end)
{
    static char body[CACHE_ANSWER_MAX_BODY];
    struct cache_answer facts = {.asked_at = 5,
                                 .expires_at = end,
                                 .cost_nano = cost_nano,
                                 .took = 7,
                                 .at_model = n,
                                 .is_stream = n % 2};
    struct cache_key key = key_of(n);

    memset(body, (int)('a' + n % 26), len);
    struct cache_answer *a = cache_answer_new(&facts, (struct str){body, len});
    CHECK_INT(cache_rows_begin(rows), DB_OK);
    CHECK_INT(cache_rows_end(rows, cache_rows_put(rows, &key, a)), DB_OK);
    cache_answer_unref(&a);
}

static bool has(unsigned n, usec_t now)
{
    struct cache_key key = key_of(n);
    struct cache_answer *a = NULL;
    enum db_result r = cache_rows_find(rows, &key, now, &a);

    CHECK(r == DB_OK || r == DB_ROW);
    CHECK((r == DB_ROW) == (a != NULL));
    cache_answer_unref(&a);
    return r == DB_ROW;
}

static void trim(uint64_t max_bytes, usec_t now)
{
    CHECK_INT(cache_rows_begin(rows), DB_OK);
    CHECK_INT(cache_rows_end(rows, cache_rows_trim(rows, max_bytes, now)), DB_OK);
}

static void an_answer_comes_back_as_it_was_even_after_a_restart(void **state)
{
    struct cache_key key = key_of(3);
    struct cache_answer *a = NULL;

    (void)state;
    put(3, 5, 42, END);
    put(4, 0, MONEY_UNKNOWN, END);
    cache_rows_close(&rows);
    CHECK_INT(cache_rows_open(path, &rows, why, sizeof(why)), DB_OK);
    CHECK_U64(cache_rows_look(rows).entries, 2);
    CHECK_INT(cache_rows_find(rows, &key, END - 1, &a), DB_ROW);
    CHECK_STR(cache_answer_body(a), "ddddd");
    CHECK(a->is_stream && a->at_model == 3 && a->took == 7 && a->cost_nano == 42);
    CHECK(a->asked_at == 5 && a->expires_at == END);
    cache_answer_unref(&a);
    key = key_of(4);
    CHECK_INT(cache_rows_find(rows, &key, 0, &a), DB_ROW);
    CHECK(a->cost_nano == MONEY_UNKNOWN && !a->is_stream && a->len == 0);
    cache_answer_unref(&a);
}

static void what_has_ended_is_not_found_and_thrown_out_first(void **state)
{
    (void)state;
    put(1, 10, 1000000, 100);
    put(2, 10, 1, END);
    CHECK(has(1, 99) && !has(1, 100));
    trim(1 << 20, 100);
    CHECK_U64(cache_rows_look(rows).entries, 1);
    CHECK_U64(cache_rows_look(rows).evictions, 0);
    CHECK(has(2, 100));
}

static void what_the_disk_spoiled_is_not_served(void **state)
{
    struct db *db = NULL;

    (void)state;
    put(1, 10, 1, END);
    put(2, 10, 1, END);
    cache_rows_close(&rows);
    CHECK_INT(db_open(path, DB_WRITER, (const char *const[]){""}, 1, &db), DB_OK);
    CHECK_INT(db_exec(db, "UPDATE answers SET body = CAST('bbbbbbbbbX' AS BLOB) WHERE at_model = 1;"
                          "UPDATE answers SET cost_nano = 2 WHERE at_model = 2"),
              DB_OK);
    db_close(&db);
    CHECK_INT(cache_rows_open(path, &rows, why, sizeof(why)), DB_OK);
    CHECK(!has(1, 0) && !has(2, 0));
    CHECK_U64(cache_rows_look(rows).entries, 0); /* and gone for good */
    CHECK_U64(cache_rows_look(rows).bytes, 0);
}

/* One tenant's row under another's key, by whatever mishap. */
static void an_answer_under_another_key_is_not_served(void **state)
{
    struct db *db = NULL;

    (void)state;
    put(1, 10, 1, END);
    put(2, 10, 1, END);
    cache_rows_close(&rows);
    CHECK_INT(db_open(path, DB_WRITER, (const char *const[]){""}, 1, &db), DB_OK);
    CHECK_INT(db_exec(db, "CREATE TEMP TABLE k AS SELECT key FROM answers WHERE at_model = 2;"
                          "DELETE FROM answers WHERE at_model = 2;"
                          "UPDATE answers SET key = (SELECT key FROM k)"),
              DB_OK);
    db_close(&db);
    CHECK_INT(cache_rows_open(path, &rows, why, sizeof(why)), DB_OK);
    CHECK(!has(1, 0) && !has(2, 0));
}

static void the_bound_holds_and_the_cheap_go_first(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        put(i, 2000, i == 7 ? 1000000 : 10 + i, END);
    uint64_t each = cache_rows_look(rows).bytes / 50;
    trim(10 * each, 0);
    CHECK_U64(cache_rows_look(rows).entries, 10);
    CHECK_U64(cache_rows_look(rows).evictions, 40);
    CHECK(has(7, 0) && has(49, 0) && !has(0, 0));
    CHECK(cache_rows_look(rows).bytes <= 10 * each);
}

static void use_keeps_an_answer_longer(void **state)
{
    struct cache_key key = key_of(1);

    (void)state;
    put(1, 2000, 1000, END);
    put(2, 2000, 1500, END);
    CHECK_INT(cache_rows_use(rows, &key), DB_OK);
    trim(cache_rows_look(rows).bytes - 1, 0);
    CHECK(has(1, 0) && !has(2, 0));
}

static void a_new_answer_replaces_the_old_one(void **state)
{
    (void)state;
    put(1, 100, 1, END);
    uint64_t bytes = cache_rows_look(rows).bytes;
    put(1, 100, 1, END + 5);
    CHECK_U64(cache_rows_look(rows).entries, 1);
    CHECK_U64(cache_rows_look(rows).bytes, bytes);
    CHECK(has(1, END + 4));
}

static void what_came_to_nothing_is_not_counted(void **state)
{
    struct cache_key key = key_of(2);
    struct cache_answer *a = cache_answer_new(&(struct cache_answer){.expires_at = END}, STR("x"));

    (void)state;
    put(1, 100, 1, END);
    struct cache_rows_stats before = cache_rows_look(rows);
    CHECK_INT(cache_rows_begin(rows), DB_OK);
    CHECK_INT(cache_rows_put(rows, &key, a), DB_OK);
    CHECK_INT(cache_rows_end(rows, DB_FULL), DB_FULL);
    CHECK_U64(cache_rows_look(rows).entries, before.entries);
    CHECK_U64(cache_rows_look(rows).bytes, before.bytes);
    CHECK(!has(2, 0));
    cache_answer_unref(&a);
}

static void cleared_is_empty_and_small(void **state)
{
    struct stat st;

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        put(i, 100000, 1, END);
    CHECK_INT(cache_rows_clear(rows), DB_OK);
    CHECK_U64(cache_rows_look(rows).entries, 0);
    CHECK(!has(1, 0));
    put(1, 10, 1, END);
    CHECK(has(1, 0));
    cache_rows_close(&rows);
    CHECK(stat(path, &st) == 0 && st.st_size < 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)
        TEST(an_answer_comes_back_as_it_was_even_after_a_restart),
        TEST(what_has_ended_is_not_found_and_thrown_out_first),
        TEST(what_the_disk_spoiled_is_not_served),
        TEST(an_answer_under_another_key_is_not_served),
        TEST(the_bound_holds_and_the_cheap_go_first),
        TEST(use_keeps_an_answer_longer),
        TEST(a_new_answer_replaces_the_old_one),
        TEST(what_came_to_nothing_is_not_counted),
        TEST(cleared_is_empty_and_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
