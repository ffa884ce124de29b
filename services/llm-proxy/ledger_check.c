#include "ledger_check.h"

#include "io/log.h"
#include "io/log_events.h"
#include "io/thread.h"
#include "ledger_schema.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ledger_check {
    char path[PATH_MAX];
    struct ledger_check_config config;
    pthread_t thread;
    pthread_mutex_t lock;
    struct db *db; /* while it may be interrupted */
    bool is_stopping;
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
        "PRAGMA quick_check(sqlite_schema)", "PRAGMA quick_check(keys)",
        "PRAGMA quick_check(meta)",          "PRAGMA quick_check(spools)",
        "PRAGMA quick_check(teams)",         "PRAGMA quick_check(usage_days)",
        "PRAGMA quick_check(usage_hours)",
    };
    enum db_result r = DB_OK;
    for (size_t i = 0; i < sizeof(pragmas) / sizeof(*pragmas) && r == DB_OK; i++)
        r = check_one(db, pragmas[i]);
    return r;
}

/* What SQLite cannot see: bytes changed within a row. The first day whose rows do not add up to its
 * sums; DB_ROW with *ret_day. */
static enum db_result find_wrong_day(struct db *db, char *ret_day, size_t size)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result r = db_prepare(
        db,
        "SELECT date(day * 86400, 'unixepoch') FROM (SELECT started_at / 86400000000 AS day,"
        " count(*) AS n, sum(min(coalesce(cost_nano, 0), 1000000000000000)) AS cost,"
        " sum(min(coalesce(tokens_in, 0), 1000000000000)) AS tokens FROM requests"
        " WHERE status <> 'pending' GROUP BY 1) AS r LEFT JOIN (SELECT day, sum(requests) AS n,"
        " sum(cost_nano) AS cost, sum(tokens_in) AS tokens FROM usage_days GROUP BY 1) AS sums"
        " USING (day) WHERE (r.n, r.cost, r.tokens) IS NOT"
        " (sums.n, sums.cost, sums.tokens) ORDER BY 1 LIMIT 1",
        &s);
    if (r)
        return r;
    r = db_step(s);
    if (r == DB_ROW)
        str_copy(ret_day, size, db_text(s, 0));
    return r;
}

static void tell(const struct ledger_check *c, const char *what)
{
    if (c->config.on_wrong)
        c->config.on_wrong(c->config.arg, what);
}

static void report_damage(struct ledger_check *c, struct db *db)
{
    atomic_store(c->config.is_damaged, true);
    tell(c, db_error_text(db));
    struct log_field fields[] = {{"MESSAGE_ID", LOG_EVENT_LEDGER_UNAVAILABLE}, {NULL, NULL}};
    log_write(LOG_LEVEL_ERROR, fields,
              "%s is damaged (%s): nothing more is written to it, new requests are refused; "
              "stop the service, move the file away and restore a copy",
              c->path, db_error_text(db));
}

static void report_day(const struct ledger_check *c, const char *day)
{
    char what[128];
    snprintf(what, sizeof(what),
             "the requests of %s do not add up to that day's sums; somebody has changed one or the "
             "other",
             day);
    log_error("%s: %s", c->path, what);
    tell(c, what);
}

/* False when it is to stop: then the database is closed by us, not under the hand that interrupts
 * it. */
static bool publish(struct ledger_check *c, struct db *db)
{
    pthread_mutex_lock(&c->lock);
    bool is_wanted = !c->is_stopping;
    c->db = is_wanted ? db : NULL;
    pthread_mutex_unlock(&c->lock);
    return is_wanted;
}

static void check_all(struct ledger_check *c, struct db *db)
{
    char day[32];
    enum db_result r = db_check(db);
    if (!publish(c, db))
        return;
    if (r == DB_OK)
        r = find_wrong_day(db, day, sizeof(day));
    if (r == DB_CORRUPT)
        report_damage(c, db);
    else if (r == DB_ROW)
        report_day(c, day);
    else if (r && publish(c, db))
        log_warning("%s could not be checked: %s, ignoring", c->path, db_error_text(db));
}

static void *run(void *arg)
{
    struct ledger_check *c = arg;
    CLEANUP(db_close) struct db *db = NULL;
    enum db_result r =
        db_open(c->path, DB_READER, ledger_schema_migrations, ledger_schema_n_migrations, &db);
    if (r == DB_CORRUPT)
        report_damage(c, db);
    else if (r)
        log_warning("%s could not be checked: %s, ignoring", c->path, db_error_text(db));
    else if (publish(c, db))
        check_all(c, db);
    (void)publish(c, NULL);
    return NULL;
}

int ledger_check_start(const struct ledger_check_config *config, struct ledger_check **ret)
{
    struct ledger_check *c = calloc(1, sizeof(*c));
    assert(c);
    c->config = *config;
    str_copy(c->path, sizeof(c->path), str_from(config->path));
    pthread_mutex_init(&c->lock, NULL);

    int r = thread_start(&c->thread, "ledger-check", 0, run, c);
    if (r) {
        pthread_mutex_destroy(&c->lock);
        free(c);
        return r;
    }
    *ret = c;
    return 0;
}

void ledger_check_stop(struct ledger_check **c)
{
    if (!*c)
        return;
    pthread_mutex_lock(&(*c)->lock);
    (*c)->is_stopping = true;
    if ((*c)->db)
        db_interrupt((*c)->db);
    pthread_mutex_unlock(&(*c)->lock);
    pthread_join((*c)->thread, NULL);
    pthread_mutex_destroy(&(*c)->lock);
    free(*c);
    *c = NULL;
}
