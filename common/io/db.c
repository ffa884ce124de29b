#include "io/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 250

struct db {
    sqlite3 *handle;
    int lock_fd; /* -1 for a reader */
    char error[256];
};

struct db_statement {
    struct db *db;
    sqlite3_stmt *stmt;
};

static _Thread_local char open_error[256];

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

static enum db_result result_of(struct db *d, int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return DB_OK;
    case SQLITE_ROW:
        return DB_ROW;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DB_BUSY;
    case SQLITE_FULL:
        return DB_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return DB_CORRUPT;
    case SQLITE_CONSTRAINT:
        return DB_CONSTRAINT;
    case SQLITE_NOMEM:
        abort();
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return is_full(sqlite3_system_errno(d->handle)) ? DB_FULL : DB_FAILED;
    default:
        return DB_FAILED;
    }
}

/* Keeps the text of a failure, which later calls (a rollback) would overwrite. */
static enum db_result note(struct db *d, int code)
{
    enum db_result r = result_of(d, code);

    if (r != DB_OK && r != DB_ROW)
        snprintf(d->error, sizeof(d->error), "%s (%d)", sqlite3_errmsg(d->handle), code);
    return r;
}

static enum db_result failed(struct db *d, enum db_result r, const char *what, const char *why)
{
    snprintf(d->error, sizeof(d->error), "%.120s: %.120s", what, why);
    return r;
}

static enum db_result exec(struct db *d, const char *sql)
{
    return note(d, sqlite3_exec(d->handle, sql, NULL, NULL, NULL));
}

/* The first column of the first row. */
static enum db_result ask(struct db *d, const char *sql, char *ret_text, size_t size)
{
    struct db_statement *s = NULL;
    enum db_result r = db_prepare(d, sql, &s);

    if (r == DB_OK) {
        r = db_step(s);
        str_copy(ret_text, size, r == DB_ROW ? db_text(s, 0) : STR_EMPTY);
    }
    db_statement_free(&s);
    return r == DB_ROW ? DB_OK : r;
}

/* One byte in the lock file says that there has been a database. An empty file in its place is
 * then a loss, and not the beginning. */
static bool is_emptied(const struct db *d, const char *path)
{
    struct stat database, lock;

    return stat(path, &database) == 0 && database.st_size == 0 && fstat(d->lock_fd, &lock) == 0 &&
           lock.st_size > 0;
}

static enum db_result take_lock(struct db *d, const char *path)
{
    char name[PATH_MAX];

    if ((size_t)snprintf(name, sizeof(name), "%s.lock", path) >= sizeof(name))
        return failed(d, DB_FAILED, path, strerror(ENAMETOOLONG));
    d->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (d->lock_fd < 0)
        return failed(d, is_full(errno) ? DB_FULL : DB_FAILED, name, strerror(errno));
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return failed(d, errno == EWOULDBLOCK ? DB_BUSY : DB_FAILED, name,
                      errno == EWOULDBLOCK ? "another process has the database" : strerror(errno));
    if (is_emptied(d, path))
        return failed(d, DB_CORRUPT, path, "the database has been emptied");

    /* SQLite would make it readable for all. */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd >= 0)
        close(fd);
    return DB_OK;
}

static enum db_result configure(struct db *d, enum db_mode mode)
{
    sqlite3_busy_timeout(d->handle, BUSY_TIMEOUT_MS);
    sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (mode == DB_READER) {
        sqlite3_db_config(d->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        return exec(d, "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0;"
                       "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF");
    }

    char journal[16];
    enum db_result r = ask(d, "PRAGMA journal_mode=WAL", journal, sizeof(journal));
    if (r == DB_OK && strcmp(journal, "wal") != 0)
        return failed(d, DB_FAILED, "journal_mode", journal);
    if (r != DB_OK)
        return r;
    /* With its files there, a database opens on a full disk too. */
    int keep = 1;
    sqlite3_file_control(d->handle, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
    return exec(d, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON;"
                   "PRAGMA journal_size_limit=16777216; PRAGMA temp_store=MEMORY;"
                   "PRAGMA trusted_schema=OFF");
}

void db_rollback(struct db *d)
{
    sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
}

static enum db_result migrate_one(struct db *d, const char *migration, unsigned to)
{
    char set_version[64];

    snprintf(set_version, sizeof(set_version), "PRAGMA user_version=%u", to);
    enum db_result r = exec(d, "BEGIN IMMEDIATE");
    if (r == DB_OK)
        r = exec(d, migration);
    if (r == DB_OK)
        r = exec(d, set_version);
    if (r == DB_OK)
        r = exec(d, "COMMIT");
    if (r != DB_OK)
        db_rollback(d);
    return r;
}

static enum db_result remember_database(struct db *d)
{
    struct stat lock;

    if (fstat(d->lock_fd, &lock) == 0 && lock.st_size > 0)
        return DB_OK;
    if (pwrite(d->lock_fd, "1", 1, 0) != 1)
        return failed(d, is_full(errno) ? DB_FULL : DB_FAILED, "lock file", strerror(errno));
    return DB_OK;
}

static enum db_result migrate(struct db *d, enum db_mode mode, const char *const *migrations,
                              unsigned n)
{
    char version[16];
    enum db_result r = ask(d, "PRAGMA user_version", version, sizeof(version));

    if (r != DB_OK)
        return r;
    long at = strtol(version, NULL, 10);
    if (at < 0 || at > (long)n)
        return failed(d, DB_TOO_NEW, "schema version", version);
    if (mode == DB_READER && at < (long)n)
        return failed(d, DB_FAILED, "not migrated yet; schema version", version);
    for (unsigned i = (unsigned)at; i < n && r == DB_OK; i++)
        r = migrate_one(d, migrations[i], i + 1);
    return r == DB_OK && mode == DB_WRITER ? remember_database(d) : r;
}

static enum db_result open_all(struct db *d, const char *path, enum db_mode mode)
{
    int flags = mode == DB_READER ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;

    if (mode == DB_WRITER) {
        enum db_result r = take_lock(d, path);
        if (r != DB_OK)
            return r;
    }
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    enum db_result r = note(d, sqlite3_open_v2(path, &d->handle, flags, NULL));
    return r == DB_OK ? configure(d, mode) : r;
}

/* An account of its memory that nobody reads would cost a lock at each allocation. */
static void configure_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum db_result db_open(const char *path, enum db_mode mode, const char *const *migrations,
                       unsigned n_migrations, struct db **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_library);
    CLEANUP(db_close) struct db *d = calloc(1, sizeof(*d));
    if (!d)
        abort();
    d->lock_fd = -1;

    enum db_result r = open_all(d, path, mode);
    if (r == DB_OK)
        r = migrate(d, mode, migrations, n_migrations);
    if (r == DB_OK)
        *ret = TAKE(d);
    else
        memcpy(open_error, d->error, sizeof(open_error));
    return r;
}

void db_close(struct db **d)
{
    if (!*d)
        return;
    if ((*d)->lock_fd >= 0)
        sqlite3_exec((*d)->handle, "PRAGMA optimize", NULL, NULL, NULL);
    int code = sqlite3_close((*d)->handle);
    assert(code == SQLITE_OK); /* else a statement has outlived its database */
    (void)code;
    if ((*d)->lock_fd >= 0)
        close((*d)->lock_fd);
    free(*d);
    *d = NULL;
}

bool db_is_damage(enum db_result r)
{
    return r == DB_CORRUPT || r == DB_TOO_NEW;
}

void db_set_aside(const char *path)
{
    static const char *const tails[] = {"-wal", "-shm"};
    char name[PATH_MAX + 16];

    snprintf(name, sizeof(name), "%s.damaged", path);
    if (rename(path, name) != 0)
        unlink(path);
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        snprintf(name, sizeof(name), "%s%s", path, tails[i]);
        unlink(name);
    }
}

const char *db_error_text(const struct db *d)
{
    return d ? d->error : open_error;
}

void db_interrupt(struct db *d)
{
    sqlite3_interrupt(d->handle);
}

enum db_result db_check(struct db *d)
{
    char text[128];
    enum db_result r = ask(d, "PRAGMA quick_check(1)", text, sizeof(text));

    if (r == DB_OK && strcmp(text, "ok") != 0)
        r = failed(d, DB_CORRUPT, "quick_check", text);
    return r;
}

enum db_result db_exec(struct db *d, const char *sql)
{
    return exec(d, sql);
}

enum db_result db_prepare(struct db *d, const char *sql, struct db_statement **ret)
{
    sqlite3_stmt *stmt;
    enum db_result r =
        note(d, sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL));

    if (r != DB_OK)
        return r;
    struct db_statement *s = malloc(sizeof(*s));
    if (!s)
        abort();
    *s = (struct db_statement){.db = d, .stmt = stmt};
    *ret = s;
    return DB_OK;
}

void db_statement_free(struct db_statement **s)
{
    if (!*s)
        return;
    sqlite3_finalize((*s)->stmt);
    free(*s);
    *s = NULL;
}

/* A wrong index, or a statement that is not reset, is a bug of the caller. */
static void check_bound(int code)
{
    assert(code == SQLITE_OK);
    (void)code;
}

void db_bind_int(struct db_statement *s, int index, int64_t value)
{
    check_bound(sqlite3_bind_int64(s->stmt, index, value));
}

void db_bind_text(struct db_statement *s, int index, struct str value)
{
    check_bound(
        sqlite3_bind_text64(s->stmt, index, value.data, value.len, SQLITE_TRANSIENT, SQLITE_UTF8));
}

void db_bind_borrowed(struct db_statement *s, int index, struct str value)
{
    check_bound(
        sqlite3_bind_text64(s->stmt, index, value.data, value.len, SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_blob(struct db_statement *s, int index, struct str value)
{
    check_bound(sqlite3_bind_blob64(s->stmt, index, value.data, value.len, SQLITE_TRANSIENT));
}

void db_bind_double(struct db_statement *s, int index, double value)
{
    check_bound(sqlite3_bind_double(s->stmt, index, value));
}

void db_bind_null(struct db_statement *s, int index)
{
    check_bound(sqlite3_bind_null(s->stmt, index));
}

enum db_result db_step(struct db_statement *s)
{
    int code = sqlite3_step(s->stmt);
    enum db_result r = note(s->db, code);

    if (r != DB_ROW)
        sqlite3_reset(s->stmt);
    return r;
}

int64_t db_changes(const struct db *d)
{
    return sqlite3_changes64(d->handle);
}

void db_reset(struct db_statement *s)
{
    sqlite3_reset(s->stmt);
}

int64_t db_int(struct db_statement *s, int column)
{
    return sqlite3_column_int64(s->stmt, column);
}

double db_double(struct db_statement *s, int column)
{
    return sqlite3_column_double(s->stmt, column);
}

struct str db_text(struct db_statement *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s->stmt, column);

    return (struct str){text, (size_t)sqlite3_column_bytes(s->stmt, column)};
}

bool db_is_null(struct db_statement *s, int column)
{
    return sqlite3_column_type(s->stmt, column) == SQLITE_NULL;
}
