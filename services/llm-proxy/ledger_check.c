#include "ledger_check.h"

#include "io/log.h"
#include "io/log_events.h"
#include "ledger_schema.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct ledger_check {
    char path[PATH_MAX];
    _Atomic bool *is_damaged;
    pthread_t thread;
};

static enum db_result check_one(struct db *db, const char *pragma)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result r = db_prepare(db, pragma, &s);
    if (r)
        return r;
    r = db_step(s);
    if (r != DB_ROW)
        return r == DB_OK ? DB_CORRUPT : r;
    return str_is(db_text(s, 0), "ok") ? DB_OK : DB_CORRUPT;
}

enum db_result ledger_check_essentials(struct db *db)
{
    static const char *const pragmas[] = {
        "PRAGMA quick_check(sqlite_schema)",
        "PRAGMA quick_check(keys)",
        "PRAGMA quick_check(meta)",
        "PRAGMA quick_check(spools)",
    };
    enum db_result r = DB_OK;
    for (size_t i = 0; i < sizeof(pragmas) / sizeof(*pragmas) && r == DB_OK; i++)
        r = check_one(db, pragmas[i]);
    return r;
}

static void *run(void *arg)
{
    struct ledger_check *c = arg;
    CLEANUP(db_close) struct db *db = NULL;
    enum db_result r =
        db_open(c->path, DB_READER, ledger_schema_migrations, ledger_schema_n_migrations, &db);
    if (r == DB_OK)
        r = db_check(db);
    if (r == DB_CORRUPT) {
        atomic_store(c->is_damaged, true);
        struct log_field fields[] = {{"MESSAGE_ID", LOG_EVENT_LEDGER_UNAVAILABLE}, {NULL, NULL}};
        log_write(LOG_LEVEL_ERROR, fields,
                  "%s is damaged (%s): nothing more is written to it, new requests are refused; "
                  "stop the service, move the file away and restore a copy",
                  c->path, db_error_text(db));
    } else if (r) {
        log_warning("%s could not be checked: %s, ignoring", c->path, db_error_text(db));
    }
    return NULL;
}

int ledger_check_start(const char *path, _Atomic bool *is_damaged, struct ledger_check **ret)
{
    struct ledger_check *c = calloc(1, sizeof(*c));
    assert(c);
    c->is_damaged = is_damaged;
    str_copy(c->path, sizeof(c->path), str_from(path));

    /* signals are the control thread's */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&c->thread, NULL, run, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r) {
        free(c);
        return -r;
    }
    pthread_setname_np(c->thread, "ledger-check");
    *ret = c;
    return 0;
}

void ledger_check_stop(struct ledger_check **c)
{
    if (!*c)
        return;
    pthread_join((*c)->thread, NULL);
    free(*c);
    *c = NULL;
}
