#include "ledger.h"

#include "books.h"

#include <fcntl.h>

static struct books books;

static int make(void **state)
{
    (void)state;
    return books_make(&books);
}

static int clear(void **state)
{
    (void)state;
    return books_remove(&books);
}

#define ASK(sql) books_ask(&books, sql)

static void add_attempt(struct ledger_entry *e, uint16_t number, const char *outcome)
{
    struct ledger_attempt a;
    ledger_entry_init_attempt(&a);
    a.number = number;
    a.provider = STR("openai");
    a.model = STR("gpt-5");
    a.outcome = str_from(outcome);
    a.started_at = e->started_at;
    a.duration = 10;
    ledger_entry_add_attempt(e, ledger_spool(books.ledger, 0), &a);
}

static void settle(struct ledger_entry *e, enum ledger_entry_status status)
{
    e->status = status;
    e->duration = 1500;
    CHECK_INT(ledger_entry_settle(e, ledger_spool(books.ledger, 0), NULL), SPOOL_OK);
}

static void open_entry(struct ledger_entry *e)
{
    CHECK_INT(ledger_entry_open(e, ledger_spool(books.ledger, 0)), SPOOL_OK);
}

static void stop(void)
{
    ledger_stop(&books.ledger);
}

static void test_a_settled_request_is_one_row_with_its_attempts(void **state)
{
    (void)state;
    for (int same_batch = 0; same_batch < 2; same_batch++) {
        books_start(&books, 1);
        struct ledger_entry e = books_entry(same_batch ? "same" : "later");
        open_entry(&e);
        if (!same_batch) {
            books_sync(&books);
            CHECK_TEXT(ASK("SELECT count(*) FROM requests"), "0"); /* it may be over in a moment */
            for (int i = 0; i < 4; i++)
                books_sync(&books);
            CHECK_TEXT(ASK("SELECT status FROM requests"), "pending");
            CHECK_TEXT(ASK("SELECT settled_at FROM requests"), "-");
        }
        add_attempt(&e, 1, "connect");
        CHECK_INT(ledger_entry_extend(&e, ledger_spool(books.ledger, 0)), SPOOL_OK);
        add_attempt(&e, 2, "ok");
        e.tokens_in = 12;
        e.tokens_out = 0;
        e.cost_nano = 777;
        e.attempts = 2;
        e.usage_source = LEDGER_SOURCE_UPSTREAM;
        settle(&e, LEDGER_SUCCESS);
        stop();
    }
    CHECK_TEXT(ASK("SELECT count(*) FROM requests"), "2");
    CHECK_TEXT(ASK("SELECT count(*) FROM requests WHERE status = 'success' AND tokens_in = 12"
                   " AND tokens_out = 0 AND tokens_cached IS NULL AND cost_nano = 777"
                   " AND usage_source = 'upstream' AND key_id = 'k_0123456789' AND attempts = 2"
                   " AND settled_at = started_at + 1500 AND ttft_us IS NULL AND stream = 0"
                   " AND error IS NULL AND id >> 8 >= started_at"),
               "2");
    CHECK_TEXT(ASK("SELECT group_concat(attempt || outcome || cost_nano IS NULL) FROM attempts"),
               "1,1,1,1");
    CHECK_TEXT(ASK("SELECT group_concat(request_id || attempt || outcome) FROM attempts"),
               "later1connect,later2ok,same1connect,same2ok");
}

static void settle_with(struct ledger_entry *e, const char *provider_of_attempt)
{
    struct ledger_attempt a;
    ledger_entry_init_attempt(&a);
    a.number = 1;
    a.provider = str_from(provider_of_attempt);
    a.model = STR("gpt-5");
    a.outcome = STR("ok");
    a.started_at = e->started_at + 1;
    a.duration = 10;
    a.http_status = 200;
    e->provider = STR("openai");
    e->attempts = 1;
    e->status = LEDGER_SUCCESS;
    CHECK_INT(ledger_entry_settle(e, ledger_spool(books.ledger, 0), &a), SPOOL_OK);
    CHECK_INT(e->promised, 0);
}

static void
test_an_attempt_settled_with_its_request_is_there_whatever_the_request_tells(void **state)
{
    (void)state;
    books_start(&books, 1);
    struct ledger_entry told = books_entry("told"), other = books_entry("other");
    open_entry(&told);
    open_entry(&other);
    settle_with(&told, "openai");
    settle_with(&other, "azure");
    stop();
    CHECK_TEXT(
        ASK("SELECT group_concat(request_id || attempt || provider || model || outcome ||"
            " http_status || duration_us) FROM (SELECT * FROM attempts ORDER BY request_id)"),
        "other1azuregpt-5ok20010,told1openaigpt-5ok20010");
    CHECK_TEXT(ASK("SELECT count(*) FROM attempts_apart"), "1");
    CHECK_TEXT(ASK("SELECT sum(requests) || sum(attempts) FROM usage_days"), "22");
}

static void test_attempts_of_an_earlier_version_are_still_there(void **state)
{
    (void)state;
    char path[128];
    struct db *db = NULL;
    snprintf(path, sizeof(path), "%s/ledger.db", books.dir);
    CHECK_INT(db_open(path, DB_WRITER, ledger_schema_migrations, 3, &db), DB_OK);
    CHECK_INT(db_exec(db, "INSERT INTO attempts(id, attempt, request_id, provider, model, outcome,"
                          " started_at) VALUES(1, 2, 'r', 'openai', 'gpt-5', 'ok', 3)"),
              DB_OK);
    db_close(&db);
    CHECK_INT(books_open(&books, 1, 64), 0);
    stop();
    CHECK_TEXT(ASK("SELECT id || attempt || request_id || provider || model || outcome ||"
                   " started_at FROM attempts"),
               "12ropenaigpt-5ok3");
}

static void test_a_request_that_was_never_opened_is_one_row_too(void **state)
{
    (void)state;
    books_start(&books, 1);
    struct ledger_entry e = books_entry("refused");
    e.error = STR("rate_limit_exceeded");
    e.http_status = 429;
    settle(&e, LEDGER_REFUSED);
    stop();
    CHECK_TEXT(ASK("SELECT status || error || http_status || attempts FROM requests"),
               "refusedrate_limit_exceeded4290");
}

static void test_the_same_request_id_twice_is_two_rows(void **state)
{
    (void)state;
    books_start(&books, 1);
    for (int i = 0; i < 2; i++) {
        struct ledger_entry e = books_entry("the client's own");
        open_entry(&e);
        settle(&e, LEDGER_SUCCESS);
    }
    stop();
    CHECK_TEXT(ASK("SELECT count(*) FROM requests"), "2");
}

static void test_what_was_never_settled_is_unknown_at_the_next_start(void **state)
{
    (void)state;
    books_start(&books, 1);
    struct ledger_entry committed = books_entry("committed"), spooled = books_entry("spooled");
    open_entry(&committed);
    books_sync(&books);
    open_entry(&spooled);
    stop();
    CHECK_TEXT(ASK("SELECT count(*) FROM requests WHERE status = 'pending'"), "2");

    CHECK_INT(books_open(&books, 1, 64), 0);
    stop();
    CHECK_TEXT(ASK("SELECT count(*) FROM requests WHERE status = 'unknown' AND cost_nano IS NULL"
                   " AND tokens_in IS NULL AND settled_at IS NULL"),
               "2");
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[64 * 1024];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0600);
    CHECK(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, bytes, sizeof(bytes))) > 0;)
        CHECK_INT(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
}

static void test_a_crash_between_commit_and_advance_doubles_nothing(void **state)
{
    (void)state;
    char ring[128], before[128];
    snprintf(ring, sizeof(ring), "%s/spool/worker-0.ring", books.dir);
    snprintf(before, sizeof(before), "%s/before", books.dir);
    /* without its thread the ledger commits nothing, so this is the ring before the commit */
    CHECK_INT(books_open(&books, 1, 64), 0);
    for (int i = 0; i < 5; i++) {
        struct ledger_entry e = books_entry("r");
        open_entry(&e);
        add_attempt(&e, 1, "ok");
        if (i < 3)
            settle(&e, LEDGER_SUCCESS);
    }
    stop();
    copy_file(ring, before);
    CHECK_INT(books_open(&books, 1, 64), 0);
    stop();
    CHECK_TEXT(ASK("SELECT sum(status = 'success') || '+' || sum(status = 'unknown')"
                   " FROM requests"),
               "3+2");
    copy_file(before, ring);
    CHECK_INT(books_open(&books, 1, 64), 0);
    stop();
    CHECK_TEXT(ASK("SELECT sum(status = 'success') || '+' || sum(status = 'unknown')"
                   " FROM requests"),
               "3+2");
    CHECK_TEXT(ASK("SELECT count(*) FROM attempts"), "5");

    /* and if the position itself is lost, rows still have their own ids */
    char path[128];
    struct db *db = NULL;
    snprintf(path, sizeof(path), "%s/ledger.db", books.dir);
    CHECK_INT(db_open(path, DB_WRITER, ledger_schema_migrations, ledger_schema_n_migrations, &db),
              DB_OK);
    CHECK_INT(db_exec(db, "DELETE FROM spools"), DB_OK);
    db_close(&db);
    copy_file(before, ring);
    CHECK_INT(books_open(&books, 1, 64), 0);
    stop();
    CHECK_TEXT(ASK("SELECT sum(status = 'success') || '+' || sum(status = 'unknown')"
                   " FROM requests"),
               "3+2");
    CHECK_TEXT(ASK("SELECT count(*) FROM attempts"), "5");
}

/* An attempt that waits for a settlement longer than others has a row of its own. */
static void test_the_one_attempt_of_a_request_lies_in_its_row_or_apart_never_twice(void **state)
{
    (void)state;
    books_start(&books, 1);
    for (int is_late = 0; is_late < 2; is_late++) {
        struct ledger_entry e = books_entry(is_late ? "late" : "soon");
        e.provider = STR("openai");
        e.attempts = 1;
        open_entry(&e);
        add_attempt(&e, 1, "ok");
        for (int i = 0; is_late && i < 6; i++)
            books_sync(&books);
        settle(&e, LEDGER_SUCCESS);
    }
    struct ledger_entry differs = books_entry("its tokens are not the attempt's");
    differs.provider = STR("openai");
    differs.attempts = 1;
    differs.tokens_in = 5;
    open_entry(&differs);
    add_attempt(&differs, 1, "ok");
    settle(&differs, LEDGER_SUCCESS);
    stop();
    CHECK_TEXT(ASK("SELECT group_concat(request_id) FROM attempts"),
               "soon,late,its tokens are not the attempt's");
    CHECK_TEXT(ASK("SELECT group_concat(request_id) FROM attempts_apart"),
               "late,its tokens are not the attempt's");
    CHECK_TEXT(ASK("SELECT count(*) FROM (SELECT DISTINCT attempt, provider, model, outcome,"
                   " http_status, tokens_in, tokens_out, tokens_cached, cost_nano, duration_us,"
                   " ttft_us FROM attempts)"),
               "1");
}

static void test_the_spool_of_a_worker_that_is_gone_is_taken_up(void **state)
{
    (void)state;
    CHECK_INT(books_open(&books, 3, 64), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct ledger_entry e = books_entry("r");
        e.status = LEDGER_SUCCESS;
        CHECK_INT(ledger_entry_settle(&e, ledger_spool(books.ledger, i), NULL), SPOOL_OK);
    }
    stop();
    books_start(&books, 1);
    stop();
    CHECK_TEXT(ASK("SELECT count(DISTINCT id) FROM requests"), "3");
    CHECK_TEXT(ASK("SELECT count(*) FROM spools"), "1");

    char ring[128];
    snprintf(ring, sizeof(ring), "%s/spool/worker-0.ring", books.dir);
    CHECK_INT(access(ring, F_OK), 0);
    strcpy(strstr(ring, "0.ring"), "2.ring");
    CHECK_INT(access(ring, F_OK), -1);
}

static void test_a_spool_of_another_size_is_taken_up_and_replaced(void **state)
{
    (void)state;
    CHECK_INT(books_open(&books, 1, 64), 0);
    struct ledger_entry e = books_entry("r");
    settle(&e, LEDGER_SUCCESS);
    stop();
    CHECK_INT(books_open(&books, 1, 128), 0);
    CHECK_U64(spool_slots(ledger_spool(books.ledger, 0)), 128);
    stop();
    CHECK_TEXT(ASK("SELECT count(*) FROM requests"), "1");
}

static void test_a_full_spool_refuses_new_work_and_finishes_the_old(void **state)
{
    (void)state;
    CHECK_INT(books_open(&books, 1, 16), 0); /* no thread: nothing is drained */
    struct ledger_entry entries[8];
    unsigned n = 0;
    for (;; n++) {
        entries[n] = books_entry("r");
        if (ledger_entry_open(&entries[n], ledger_spool(books.ledger, 0)) == SPOOL_FULL)
            break;
    }
    CHECK_U64(n, 5); /* of three slots each */
    CHECK_INT(entries[n].id, 0);
    CHECK_INT(ledger_entry_extend(&entries[0], ledger_spool(books.ledger, 0)), SPOOL_OK);
    CHECK_INT(ledger_entry_extend(&entries[0], ledger_spool(books.ledger, 0)), SPOOL_FULL);
    for (unsigned i = 0; i < n; i++) {
        add_attempt(&entries[i], 1, "ok");
        settle(&entries[i], LEDGER_SUCCESS);
    }
    stop();
    CHECK_INT(books_open(&books, 1, 16), 0);
    stop();
    CHECK_TEXT(ASK("SELECT count(*) FROM requests WHERE status = 'success'"), "5");
    CHECK_TEXT(ASK("SELECT count(*) FROM attempts"), "5");
}

static void test_a_second_writer_is_refused(void **state)
{
    (void)state;
    books_start(&books, 1);
    struct ledger *first = books.ledger;
    CHECK_INT(books_open(&books, 1, 64), 1);
    assert_non_null(strstr(books.error, "another process writes to it"));
    books.ledger = first;
    stop();
}

static void spoil(const char *name, off_t at, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", books.dir, name);
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    CHECK_INT(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
    close(fd);
}

static void test_damaged_books_are_refused_with_one_line(void **state)
{
    (void)state;
    books_start(&books, 1);
    stop();
    spoil("ledger.db", 0, "no database");
    CHECK_INT(books_open(&books, 1, 64), 1);
    assert_non_null(strstr(books.error, "ledger.db: it is damaged"));
}

static void test_a_damaged_spool_is_refused_with_one_line(void **state)
{
    (void)state;
    books_start(&books, 1);
    stop();
    spoil("spool/worker-0.ring", 0, "no spool");
    CHECK_INT(books_open(&books, 1, 64), 1);
    assert_non_null(strstr(books.error, "worker-0.ring: not a spool"));
}

static void test_a_folder_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct ledger_config c = {.state_dir = "/nowhere", .n_spools = 1};
    CHECK(ledger_open(&c, &books.ledger, books.error, sizeof(books.error)) != 0);
    assert_non_null(strstr(books.error, "/nowhere/ledger.db"));
}

static void test_it_is_available_while_commits_succeed(void **state)
{
    (void)state;
    books_start(&books, 1);
    CHECK(ledger_is_available(books.ledger, clock_now()));
    books_sync(&books);
    CHECK(ledger_is_available(books.ledger, USEC_INFINITY - 1));
    stop();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(test_a_settled_request_is_one_row_with_its_attempts),
        TEST(test_the_one_attempt_of_a_request_lies_in_its_row_or_apart_never_twice),
        TEST(test_an_attempt_settled_with_its_request_is_there_whatever_the_request_tells),
        TEST(test_attempts_of_an_earlier_version_are_still_there),
        TEST(test_a_request_that_was_never_opened_is_one_row_too),
        TEST(test_the_same_request_id_twice_is_two_rows),
        TEST(test_what_was_never_settled_is_unknown_at_the_next_start),
        TEST(test_a_crash_between_commit_and_advance_doubles_nothing),
        TEST(test_the_spool_of_a_worker_that_is_gone_is_taken_up),
        TEST(test_a_spool_of_another_size_is_taken_up_and_replaced),
        TEST(test_a_full_spool_refuses_new_work_and_finishes_the_old),
        TEST(test_a_second_writer_is_refused),
        TEST(test_damaged_books_are_refused_with_one_line),
        TEST(test_a_damaged_spool_is_refused_with_one_line),
        TEST(test_a_folder_that_is_not_there_is_refused),
        TEST(test_it_is_available_while_commits_succeed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
