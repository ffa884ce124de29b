#include "io/db.h"

#include "base/clock.h"

#include "check.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const schema[] = {
    "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT UNIQUE, amount INTEGER, ratio REAL,"
    " bytes BLOB) STRICT",
    "ALTER TABLE t ADD COLUMN note TEXT; CREATE INDEX t_note ON t (note)",
};

static char folder[] = "/tmp/test-db-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/ledger.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
    char name[80];

    (void)state;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        snprintf(name, sizeof(name), "%s%s", path, endings[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static struct db *open_writer(void)
{
    struct db *d = NULL;

    CHECK_INT(db_open(path, DB_WRITER, schema, 2, &d), DB_OK);
    return d;
}

static int64_t ask_int(struct db *d, const char *sql)
{
    struct db_statement *s = NULL;

    CHECK_INT(db_prepare(d, sql, &s), DB_OK);
    CHECK_INT(db_step(s), DB_ROW);
    int64_t n = db_int(s, 0);
    db_statement_free(&s);
    return n;
}

static enum db_result add_row(struct db *d, struct str text)
{
    struct db_statement *s = NULL;

    CHECK_INT(db_prepare(d, "INSERT INTO t (text) VALUES (?)", &s), DB_OK);
    db_bind_text(s, 1, text);
    enum db_result r = db_step(s);
    db_statement_free(&s);
    return r;
}

static void fill(struct db *d, int rows)
{
    struct db_statement *s = NULL;

    CHECK_INT(db_exec(d, "BEGIN"), DB_OK);
    CHECK_INT(db_prepare(d, "INSERT INTO t (text) VALUES (hex(randomblob(100)))", &s), DB_OK);
    for (int i = 0; i < rows; i++)
        CHECK_INT(db_step(s), DB_OK);
    db_statement_free(&s);
    CHECK_INT(db_exec(d, "COMMIT"), DB_OK);
}

static void damage(off_t at, size_t n, bool cut)
{
    char *noise = malloc(n);
    int fd = open(path, O_RDWR);

    CHECK(noise && fd >= 0);
    for (size_t i = 0; i < n; i++)
        noise[i] = (char)rand();
    CHECK(pwrite(fd, noise, n, at) == (ssize_t)n);
    if (cut)
        CHECK(ftruncate(fd, at) == 0);
    close(fd);
    free(noise);
}

static void a_new_file_gets_every_migration(void **state)
{
    struct db *d = open_writer();
    struct stat st;

    (void)state;
    CHECK_INT(ask_int(d, "PRAGMA user_version"), 2);
    CHECK_INT(add_row(d, STR("x")), DB_OK);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07) == 0);
    db_close(&d);
    CHECK(d == NULL);
}

static void the_writer_is_careful(void **state)
{
    struct db *d = open_writer();

    (void)state;
    CHECK_INT(ask_int(d, "PRAGMA synchronous"), 2);
    CHECK_INT(ask_int(d, "PRAGMA foreign_keys"), 1);
    CHECK_INT(ask_int(d, "PRAGMA trusted_schema"), 0);
    CHECK_INT(ask_int(d, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    db_close(&d);
}

static void an_older_file_keeps_its_rows_through_migration(void **state)
{
    struct db *d = NULL;

    (void)state;
    CHECK_INT(db_open(path, DB_WRITER, schema, 1, &d), DB_OK);
    CHECK_INT(add_row(d, STR("kept")), DB_OK);
    db_close(&d);
    d = open_writer();
    CHECK_INT(ask_int(d, "SELECT count(*) FROM t WHERE text = 'kept' AND note IS NULL"), 1);
    db_close(&d);
}

static void a_newer_file_is_left_alone(void **state)
{
    struct db *d = open_writer();

    (void)state;
    db_close(&d);
    CHECK_INT(db_open(path, DB_WRITER, schema, 1, &d), DB_TOO_NEW);
    CHECK(d == NULL);
    CHECK_TEXT(db_error_text(NULL), "schema version: 2");
    d = open_writer();
    CHECK_INT(ask_int(d, "PRAGMA user_version"), 2);
    db_close(&d);
}

static void a_failed_migration_changes_nothing(void **state)
{
    static const char *const broken[] = {
        "CREATE TABLE t (id INTEGER) STRICT",
        "CREATE TABLE u (id INTEGER) STRICT; INSERT INTO nowhere VALUES (1)",
    };
    struct db *d = NULL;

    (void)state;
    CHECK_INT(db_open(path, DB_WRITER, broken, 2, &d), DB_FAILED);
    CHECK_TEXT(db_error_text(NULL), "no such table: nowhere (1)");
    CHECK_INT(db_open(path, DB_WRITER, broken, 1, &d), DB_OK);
    CHECK_INT(ask_int(d, "SELECT count(*) FROM sqlite_schema"), 1);
    db_close(&d);
}

static void a_second_writer_is_refused_until_the_first_has_closed(void **state)
{
    struct db *first = open_writer(), *second = NULL;

    (void)state;
    CHECK_INT(db_open(path, DB_WRITER, schema, 2, &second), DB_BUSY);
    CHECK(second == NULL);
    CHECK_INT(add_row(first, STR("x")), DB_OK);
    db_close(&first);
    second = open_writer();
    db_close(&second);
}

static void a_reader_sees_what_was_written_and_writes_nothing(void **state)
{
    struct db *writer = open_writer(), *reader = NULL;

    (void)state;
    CHECK_INT(add_row(writer, STR("x")), DB_OK);
    CHECK_INT(db_open(path, DB_READER, schema, 2, &reader), DB_OK);
    CHECK_INT(ask_int(reader, "SELECT count(*) FROM t"), 1);
    CHECK_INT(add_row(writer, STR("y")), DB_OK);
    CHECK_INT(ask_int(reader, "SELECT count(*) FROM t"), 2);
    CHECK_INT(add_row(reader, STR("z")), DB_FAILED);
    CHECK_INT(ask_int(reader, "PRAGMA wal_autocheckpoint"), 0);
    db_close(&reader);
    db_close(&writer);
}

static void a_reader_neither_makes_nor_migrates_a_file(void **state)
{
    struct db *d = NULL;

    (void)state;
    CHECK_INT(db_open(path, DB_READER, schema, 2, &d), DB_FAILED);
    CHECK(access(path, F_OK) != 0);
    CHECK_INT(db_open(path, DB_WRITER, schema, 1, &d), DB_OK);
    db_close(&d);
    CHECK_INT(db_open(path, DB_READER, schema, 2, &d), DB_FAILED);
    CHECK_TEXT(db_error_text(NULL), "not migrated yet; schema version: 1");
}

static void a_tool_that_ignores_the_lock_file_makes_it_busy_for_a_short_time(void **state)
{
    struct db *d = open_writer(), *tool;
    char lock[80];

    (void)state;
    snprintf(lock, sizeof(lock), "%s.lock", path);
    CHECK(unlink(lock) == 0);
    tool = open_writer();
    CHECK_INT(db_exec(tool, "BEGIN IMMEDIATE"), DB_OK);
    usec_t before = clock_now();
    CHECK_INT(add_row(d, STR("x")), DB_BUSY);
    CHECK(clock_now() - before < 5 * USEC_PER_SEC);
    CHECK_INT(db_exec(tool, "COMMIT"), DB_OK);
    CHECK_INT(add_row(d, STR("x")), DB_OK);
    db_close(&tool);
    db_close(&d);
}

static void every_kind_of_value_comes_back(void **state)
{
    struct db *d = open_writer();
    struct db_statement *s = NULL;

    (void)state;
    CHECK_INT(db_prepare(d, "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", &s), DB_OK);
    db_bind_int(s, 1, INT64_MIN);
    db_bind_text(s, 2, STR("'; DROP TABLE t --"));
    db_bind_int(s, 3, INT64_MAX);
    db_bind_double(s, 4, 0.1);
    db_bind_blob(s, 5, STR("a\0b"));
    db_bind_null(s, 6);
    CHECK_INT(db_step(s), DB_OK);
    db_bind_int(s, 1, 2);
    db_bind_text(s, 2, STR(""));
    db_bind_text(s, 5, (struct str){NULL, 0});
    CHECK_INT(db_step(s), DB_OK);
    db_statement_free(&s);

    CHECK_INT(db_prepare(d, "SELECT * FROM t ORDER BY id", &s), DB_OK);
    CHECK_INT(db_step(s), DB_ROW);
    CHECK(db_int(s, 0) == INT64_MIN);
    CHECK_STR(db_text(s, 1), "'; DROP TABLE t --");
    CHECK(db_int(s, 2) == INT64_MAX);
    CHECK(db_double(s, 3) == 0.1);
    CHECK_STR(db_text(s, 4), "a\0b");
    CHECK(db_is_null(s, 5) && db_text(s, 5).data == NULL);
    CHECK_INT(db_step(s), DB_ROW);
    CHECK(!db_is_null(s, 1) && db_text(s, 1).len == 0);
    CHECK(db_is_null(s, 4));
    CHECK_INT(db_step(s), DB_OK);
    CHECK_INT(db_step(s), DB_ROW); /* from the first row again */
    db_reset(s);
    db_statement_free(&s);
    db_close(&d);
}

static void a_broken_constraint_has_its_own_result(void **state)
{
    struct db *d = open_writer();

    (void)state;
    CHECK_INT(add_row(d, STR("same")), DB_OK);
    CHECK_INT(add_row(d, STR("same")), DB_CONSTRAINT);
    CHECK_TEXT(db_error_text(d), "UNIQUE constraint failed: t.text (2067)");
    CHECK_INT(db_exec(d, "SELECT nonsense"), DB_FAILED);
    db_close(&d);
}

static void a_rollback_does_not_hide_what_it_is_for(void **state)
{
    struct db *d = open_writer();
    char why[128];

    (void)state;
    CHECK_INT(db_exec(d, "BEGIN IMMEDIATE"), DB_OK);
    CHECK_INT(db_exec(d, "INSERT INTO nowhere VALUES (1)"), DB_FAILED);
    snprintf(why, sizeof(why), "%s", db_error_text(d));
    for (int i = 0; i < 2; i++) { /* the second time nothing is open */
        db_rollback(d);
        CHECK_TEXT(db_error_text(d), why);
    }
    CHECK_INT(db_exec(d, "INSERT INTO t (text) VALUES ('after')"), DB_OK);
    db_close(&d);
}

static void a_file_that_is_no_database_is_corrupt(void **state)
{
    struct db *d = NULL;
    FILE *f = fopen(path, "w");

    (void)state;
    for (int i = 0; i < 3000; i++)
        fprintf(f, "garbage ");
    fclose(f);
    CHECK_INT(db_open(path, DB_WRITER, schema, 2, &d), DB_CORRUPT);
    CHECK_INT(db_open(path, DB_READER, schema, 2, &d), DB_CORRUPT);
}

static void a_damaged_file_that_is_set_aside_makes_room_for_a_new_one(void **state)
{
    struct db *d = open_writer();
    char aside[512];

    (void)state;
    fill(d, 200);
    db_close(&d);
    damage(0, 4096, false);
    CHECK(db_is_damage(db_open(path, DB_WRITER, schema, 2, &d)));
    db_set_aside(path);
    d = open_writer();
    CHECK_INT(ask_int(d, "SELECT count(*) FROM t"), 0);
    CHECK_INT(db_check(d), DB_OK);
    db_close(&d);
    snprintf(aside, sizeof(aside), "%s.damaged", path);
    CHECK_INT(unlink(aside), 0);
}

static void every_damaged_page_is_found(void **state)
{
    unsigned found = 0, tries = 60;

    (void)state;
    srand(6);
    for (unsigned i = 0; i < tries; i++) {
        struct db *d = open_writer();
        fill(d, 200);
        CHECK_INT(db_check(d), DB_OK);
        int pages = (int)ask_int(d, "PRAGMA page_count");
        db_close(&d);

        damage((off_t)4096 * (1 + rand() % (pages - 1)), i % 3 == 2 ? 1 : 4096, i % 3 == 2);
        enum db_result r = db_open(path, DB_WRITER, schema, 2, &d);
        if (r == DB_OK)
            r = db_check(d);
        found += r == DB_CORRUPT;
        db_close(&d);
        unlink(path);
    }
    CHECK_U64(found, tries);
}

static void an_emptied_file_is_a_loss_and_a_missing_one_a_beginning(void **state)
{
    struct db *d = open_writer();

    (void)state;
    db_close(&d);
    CHECK(truncate(path, 0) == 0);
    CHECK_INT(db_open(path, DB_WRITER, schema, 2, &d), DB_CORRUPT);
    CHECK(unlink(path) == 0);
    d = open_writer();
    db_close(&d);
}

static void a_write_that_failed_changed_nothing_and_the_next_one_works(void **state)
{
    struct db *d = open_writer();
    struct rlimit before, tight;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    tight = (struct rlimit){.rlim_cur = 40000, .rlim_max = before.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    enum db_result r = DB_OK;
    int rows = -1;
    for (; rows < 1000 && r == DB_OK; rows++)
        r = db_exec(d, "INSERT INTO t (text) VALUES (hex(randomblob(500)))");
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_INT(r, DB_FAILED);
    CHECK_TEXT(db_error_text(d), "disk I/O error (778)");
    CHECK_INT(ask_int(d, "SELECT count(*) FROM t"), rows);
    CHECK_INT(db_exec(d, "INSERT INTO t (text) VALUES ('after')"), DB_OK);
    CHECK_INT(db_check(d), DB_OK);
    db_close(&d);
}

/* In a process of its own, which alone sees the mount. */
static int use_up_a_small_disk(void)
{
    struct db *d = NULL;
    enum db_result r = DB_OK;

    if (unshare(getuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", folder, "tmpfs", 0, "size=512k") != 0)
        return 77;
    if (db_open(path, DB_WRITER, schema, 2, &d) != DB_OK)
        return 1;
    for (int i = 0; i < 5000 && r == DB_OK; i++)
        r = db_exec(d, "INSERT INTO t (text) VALUES (hex(randomblob(500)))");
    if (r != DB_FULL)
        return 2;
    if (mount(NULL, folder, NULL, MS_REMOUNT, "size=4m") != 0)
        return 77;
    if (db_exec(d, "INSERT INTO t (text) VALUES ('after')") != DB_OK || db_check(d) != DB_OK)
        return 3;
    db_close(&d);
    return 0;
}

static void a_full_disk_is_full_and_recovers_when_space_returns(void **state)
{
    int status = -1;
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(use_up_a_small_disk());
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip(); /* no mounts allowed here */
    CHECK_INT(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_gets_every_migration),
        TEST(the_writer_is_careful),
        TEST(an_older_file_keeps_its_rows_through_migration),
        TEST(a_newer_file_is_left_alone),
        TEST(a_failed_migration_changes_nothing),
        TEST(a_second_writer_is_refused_until_the_first_has_closed),
        TEST(a_reader_sees_what_was_written_and_writes_nothing),
        TEST(a_reader_neither_makes_nor_migrates_a_file),
        TEST(a_tool_that_ignores_the_lock_file_makes_it_busy_for_a_short_time),
        TEST(every_kind_of_value_comes_back),
        TEST(a_broken_constraint_has_its_own_result),
        TEST(a_rollback_does_not_hide_what_it_is_for),
        TEST(a_file_that_is_no_database_is_corrupt),
        TEST(a_damaged_file_that_is_set_aside_makes_room_for_a_new_one),
        TEST(every_damaged_page_is_found),
        TEST(an_emptied_file_is_a_loss_and_a_missing_one_a_beginning),
        TEST(a_write_that_failed_changed_nothing_and_the_next_one_works),
        TEST(a_full_disk_is_full_and_recovers_when_space_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
