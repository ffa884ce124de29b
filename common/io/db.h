/* db.h -- how is a SQLite file opened, migrated, read and written without traps?
 *
 * WAL, one writer connection per file that also checkpoints (SQLite before 3.51.3 can corrupt a
 * WAL that two connections reset), STRICT tables, values always bound. Blocking: a writer belongs
 * to a thread that may wait (a lock of another process: 250 ms). A connection and its statements
 * are for one thread at a time.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum db_result {
    DB_OK = 0,
    DB_ROW,     /* db_step(): a row is there */
    DB_BUSY,    /* another process holds it */
    DB_FULL,    /* disk full */
    DB_CORRUPT, /* not a database, or damaged */
    DB_TOO_NEW, /* written by a later version */
    DB_CONSTRAINT,
    DB_FAILED, /* anything else: I/O error, misuse */
};

struct db;
struct db_statement;

enum db_mode { DB_WRITER, DB_READER };

/* `migrations[i]` takes the schema from version i to i + 1; run in one transaction each, by the
 * writer only. A writer holds a lock file beside the database, so a second writer gets DB_BUSY.
 * The file is made when it is not there; one that has been emptied is DB_CORRUPT. */
MUST_USE enum db_result db_open(const char *path, enum db_mode mode, const char *const *migrations,
                                unsigned n_migrations, struct db **ret);
void db_close(struct db **d); /* after its statements */
/* What is in the file is of no use to us. */
bool db_is_damage(enum db_result r);
/* For what can be made anew: the file, which must be closed, becomes PATH.damaged, and db_open()
 * begins with nothing. */
void db_set_aside(const char *path);
/* What the last failure was, for people; with NULL, the last failed db_open() of this thread. */
const char *db_error_text(const struct db *d);
/* The statement that runs ends soon, with DB_FAILED. From any thread, while the database is open.
 */
void db_interrupt(struct db *d);

/* PRAGMA quick_check. */
MUST_USE enum db_result db_check(struct db *d);
MUST_USE enum db_result db_exec(struct db *d, const char *sql); /* no values in it */
/* Where the failure has not done it already. db_error_text() goes on telling of the failure. */
void db_rollback(struct db *d);

MUST_USE enum db_result db_prepare(struct db *d, const char *sql, struct db_statement **ret);
void db_statement_free(struct db_statement **s);
void db_bind_int(struct db_statement *s, int index, int64_t value);     /* index from 1 */
void db_bind_text(struct db_statement *s, int index, struct str value); /* NULL data: NULL */
/* As text, not copied: must live until the statement was stepped, and be bound anew before the next
 * step. */
void db_bind_borrowed(struct db_statement *s, int index, struct str value);
void db_bind_blob(struct db_statement *s, int index, struct str value);
void db_bind_double(struct db_statement *s, int index, double value);
void db_bind_null(struct db_statement *s, int index);
/* DB_ROW; or DB_OK when done. After anything but DB_ROW the statement is reset: bind and step
 * again. Bound values stay bound. */
MUST_USE enum db_result db_step(struct db_statement *s);
int64_t db_changes(const struct db *d);             /* rows the last statement wrote */
void db_reset(struct db_statement *s);              /* when the rest of the rows is not wanted */
int64_t db_int(struct db_statement *s, int column); /* column from 0 */
double db_double(struct db_statement *s, int column);
struct str db_text(struct db_statement *s, int column); /* borrowed until the next step or reset */
bool db_is_null(struct db_statement *s, int column);
