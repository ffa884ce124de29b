#include "ledger_totals.h"

#include "books.h"

static struct books books;

static int make(void **state)
{
    (void)state;
    return books_make(&books);
}

static int clear(void **state)
{
    (void)state;
    ledger_stop(&books.ledger);
    return books_remove(&books);
}

#define HOUR (UINT64_C(3600) * USEC_PER_SEC)
#define NOON (UINT64_C(1795132800) * USEC_PER_SEC + 12 * HOUR)

static void settle(const char *key, usec_t at, int64_t nano)
{
    struct ledger_entry e = books_entry("r");
    e.key_id = str_from(key);
    e.started_at = at;
    e.tokens_in = 10;
    e.tokens_out = 1;
    e.cost_nano = nano;
    e.status = LEDGER_SUCCESS;
    CHECK_INT(ledger_entry_settle(&e, ledger_spool(books.ledger, 0), NULL), SPOOL_OK);
}

static void note(void *arg, const struct ledger_totals *t)
{
    char *text = arg;
    size_t len = strlen(text);
    snprintf(text + len, 256 - len, "%.*s %lld %lld %lld %lld;", STR_ARG(t->key_id),
             (long long)t->requests, (long long)t->tokens, (long long)t->cost_nano,
             (long long)t->unsettled_nano);
}

static const char *totals(usec_t since)
{
    static char text[256];
    text[0] = '\0';
    CHECK_INT(ledger_totals_read(ledger_db(books.ledger), since, note, text), DB_OK);
    return text;
}

/* What was in the spools is in the books, and nothing runs yet. */
static void reopen(void)
{
    ledger_stop(&books.ledger);
    CHECK_INT(books_open(&books, 1, 64), 0);
}

static void test_what_a_key_spent_since_a_moment_is_exact(void **state)
{
    (void)state;
    CHECK_INT(books_open(&books, 1, 64), 0);
    settle("k_a", NOON - 48 * HOUR, 1000000);
    settle("k_a", NOON - 5 * HOUR, 100000);
    settle("k_a", NOON + 1, 10000);
    settle("k_a", NOON + HOUR, 1000);
    settle("k_b", NOON + HOUR, 5);
    settle("k_b", NOON + HOUR + 1, MONEY_UNKNOWN);
    reopen();
    CHECK_TEXT(totals(0), "k_a 4 44 1111000 0;k_b 2 22 5 0;");
    CHECK_TEXT(totals(NOON - 24 * HOUR), "k_a 3 33 111000 0;k_b 2 22 5 0;");
    CHECK_TEXT(totals(NOON), "k_a 2 22 11000 0;k_b 2 22 5 0;");
    CHECK_TEXT(totals(NOON + 2), "k_a 1 11 1000 0;k_b 2 22 5 0;");
    CHECK_TEXT(totals(NOON + HOUR + 1), "k_b 1 11 0 0;");
    CHECK_TEXT(totals(NOON + HOUR + 2), "");
    CHECK_TEXT(totals(USEC_INFINITY), "");
}

static void test_an_unsettled_request_shows_what_it_had_reserved(void **state)
{
    (void)state;
    CHECK_INT(books_open(&books, 1, 64), 0);
    struct ledger_entry open = books_entry("r");
    open.reserved_nano = 777;
    open.started_at = NOON;
    CHECK_INT(ledger_entry_open(&open, ledger_spool(books.ledger, 0)), SPOOL_OK);
    settle("k_0123456789", NOON, 3);
    reopen();
    CHECK_TEXT(totals(0), "k_0123456789 2 11 3 777;");
    CHECK_TEXT(totals(NOON), "k_0123456789 2 11 3 777;");
    reopen();
    CHECK_TEXT(totals(0), "k_0123456789 2 11 3 777;");
    CHECK_TEXT(books_ask(&books, "SELECT requests || '+' || unpriced FROM usage_days"), "2+1");
}

static void test_sums_of_a_full_batch_of_different_keys_are_all_there(void **state)
{
    (void)state;
    CHECK_INT(books_open(&books, 1, 8192), 0);
    for (unsigned i = 0; i < 3000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k_%u", i);
        settle(key, NOON + i, i);
    }
    reopen();
    CHECK_TEXT(books_ask(&books, "SELECT count(*) || '+' || sum(cost_nano) FROM usage_hours"),
               "3000+4498500");
    CHECK_TEXT(books_ask(&books, "SELECT count(*) || '+' || sum(cost_nano) FROM usage_days"),
               "3000+4498500");
}

static void test_absurd_numbers_stop_nothing(void **state)
{
    (void)state;
    CHECK_INT(books_open(&books, 1, 64), 0);
    for (unsigned i = 0; i < 5; i++)
        settle("k_a", NOON, INT64_MAX);
    reopen();
    settle("k_a", NOON, INT64_MAX);
    settle("k_b", NOON, 5);
    reopen();
    CHECK_TEXT(books_ask(&books, "SELECT cost_nano FROM usage_days WHERE key_id = 'k_b'"), "5");
    CHECK_TEXT(books_ask(&books, "SELECT count(*) FROM requests"), "7");
    CHECK_TEXT(totals(NOON + HOUR), "");
}

/* The first version's tables, as the first migration alone makes them. */
static void test_a_ledger_without_sums_gets_them_at_start(void **state)
{
    (void)state;
    char path[128];
    struct db *db = NULL;
    snprintf(path, sizeof(path), "%s/ledger.db", books.dir);
    CHECK_INT(db_open(path, DB_WRITER, ledger_schema_migrations, 1, &db), DB_OK);
    CHECK_INT(
        db_exec(db,
                "INSERT INTO requests(id, request_id, key_id, api, model, provider, stream, status,"
                " tokens_in, tokens_out, cost_nano, reserved_nano, attempts, started_at) VALUES"
                " (1795176000000000 << 8, 'a', 'k_a', 'x', 'm', 'p', 0, 'success', 3, 4, 50, 99,"
                "  2, 1795176000000000),"
                " (1795176000000001 << 8, 'b', 'k_a', 'x', 'm', 'p', 0, 'success', 3, 4, NULL, 99,"
                "  1, 1795176000000001),"
                " (1795176000000002 << 8, 'c', NULL, 'x', 'm', NULL, 0, 'refused', 0, 0, 0, NULL,"
                "  0, 1795176000000002),"
                " (1795262400000000 << 8, 'd', 'k_a', 'x', 'm', 'p', 0, 'unknown', NULL, NULL,"
                "  NULL, 99, 0, 1795262400000000),"
                " (1795262400000001 << 8, 'e', 'k_a', 'x', 'm', NULL, 0, 'pending', NULL, NULL,"
                "  NULL, 7, 0, 1795262400000001)"),
        DB_OK);
    db_close(&db);
    CHECK_INT(books_open(&books, 1, 64), 0);
    CHECK_TEXT(totals(0), " 1 0 0 0;k_a 4 14 50 106;");
    CHECK_TEXT(totals(NOON + 1), " 1 0 0 0;k_a 3 7 0 106;");
    CHECK_TEXT(totals(NOON + 24 * HOUR + 1), "k_a 1 0 0 7;");
    CHECK_TEXT(books_ask(&books, "SELECT group_concat(requests || '/' || unpriced) FROM"
                                 " (SELECT * FROM usage_hours ORDER BY hour, key_id, provider)"),
               "1/0,2/1,1/1,1/1");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_key_spent_since_a_moment_is_exact),
        TEST(test_an_unsettled_request_shows_what_it_had_reserved),
        TEST(test_sums_of_a_full_batch_of_different_keys_are_all_there),
        TEST(test_absurd_numbers_stop_nothing),
        TEST(test_a_ledger_without_sums_gets_them_at_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
