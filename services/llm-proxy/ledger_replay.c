#include "ledger_replay.h"

#include "io/log.h"
#include "ledger_adopt.h"
#include "ledger_rollup.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct report {
    char *text;
    size_t size;
};

static int refuse(struct report report, const char *what, const char *why)
{
    snprintf(report.text, report.size, "%s: %s", what, why);
    return 1;
}

static int fail(struct report report, const char *what, int error)
{
    refuse(report, what, strerror(-error));
    return error;
}

static int refuse_db(const struct ledger_replay *p, struct report report)
{
    return refuse(report, "the ledger cannot take up the spools", db_error_text(p->db));
}

/* `sql` has one value to bind (a number) and may give one row of one number. */
static enum db_result ask(struct db *db, const char *sql, int64_t value, int64_t *ret_answer)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result r = db_prepare(db, sql, &s);
    if (r)
        return r;
    db_bind_int(s, 1, value);
    r = db_step(s);
    if (r != DB_ROW)
        return r;
    *ret_answer = db_int(s, 0);
    return DB_OK;
}

static int open_spool(const struct ledger_replay *p, const char *path, struct spool **ret,
                      struct report report)
{
    int r = spool_open(path, p->n_slots, ret);
    if (r < 0)
        return fail(report, path, r);
    if (r > 0)
        return refuse(report, path,
                      "not a spool of this version; move it away to start without its records");
    return 0;
}

/* The environment may mend; a damaged file does not. */
static bool is_passing(enum db_result r)
{
    switch (r) {
    case DB_BUSY:
    case DB_FULL:
    case DB_FAILED:
        return true;
    case DB_OK:
    case DB_ROW:
    case DB_CORRUPT:
    case DB_TOO_NEW:
    case DB_CONSTRAINT:
        return false;
    }
    return false;
}

/* From here on nothing is committed any more, and what is found is kept. */
static enum db_result fall_behind(struct ledger_replay *p)
{
    log_error("the ledger cannot be written: %s; what is spooled stays, retrying",
              db_error_text(p->db));
    p->is_behind = true;
    enum db_result r =
        ask(p->db, "SELECT coalesce(max(id), 0) FROM requests WHERE id > ?1", 0, &p->last_id);
    return r ? r : ledger_adopt_begin(p->db);
}

static enum db_result commit_spool(struct ledger_replay *p, struct spool *spool)
{
    enum db_result r = DB_OK;
    for (bool is_all = false; !is_all && r == DB_OK && spool_has_news(spool);) {
        uint64_t rows = 0;
        r = ledger_write_batch(p->write, &spool, 1, &rows, &is_all);
        if (r == DB_OK)
            p->rows += rows;
    }
    return r;
}

static int replay_spool(struct ledger_replay *p, struct spool *spool, struct report report)
{
    int64_t position = 0;
    enum db_result r = ask(p->db, "SELECT position FROM spools WHERE identity = ?1",
                           spool_identity(spool), &position);
    if (r)
        return refuse_db(p, report);
    spool_skip_to(spool, (uint64_t)position);
    p->lost += spool_lost(spool);
    if (!p->is_behind) {
        r = commit_spool(p, spool);
        if (is_passing(r))
            r = fall_behind(p);
    }
    if (r == DB_OK && p->is_behind)
        r = ledger_adopt_spool(p->db, spool, &p->last_id);
    return r ? refuse_db(p, report) : 0;
}

static int keep_other(struct ledger_replay *p, struct spool **spool, const char *path,
                      struct report report)
{
    if (p->n_spools + p->n_others == LEDGER_REPLAY_MAX_SPOOLS)
        return refuse(report, path, "there are too many spools of former workers");
    p->spools[p->n_spools + p->n_others++] = TAKE(*spool);
    return 0;
}

static int replay_file(struct ledger_replay *p, const char *name, struct report report)
{
    unsigned worker;
    int end = 0;
    if (sscanf(name, "worker-%3u.ring%n", &worker, &end) != 1 || end == 0 || name[end])
        return 0;

    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", p->dir, name);
    CLEANUP(spool_close) struct spool *spool = NULL;
    int r = open_spool(p, path, &spool, report);
    if (r == 0)
        r = replay_spool(p, spool, report);
    if (r)
        return r;

    bool is_alike = spool_slots(spool) == p->n_slots || p->is_behind;
    if (worker < p->n_spools && is_alike && !p->spools[worker]) {
        p->spools[worker] = TAKE(spool);
        return 0;
    }
    if (p->is_behind)
        return keep_other(p, &spool, path, report);
    if (unlink(path) < 0)
        return fail(report, path, -errno);
    int64_t none;
    if (ask(p->db, "DELETE FROM spools WHERE identity = ?1", spool_identity(spool), &none))
        return refuse_db(p, report);
    return 0;
}

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static int replay_dir(struct ledger_replay *p, struct report report)
{
    if (mkdir(p->dir, 0700) < 0 && errno != EEXIST)
        return fail(report, p->dir, -errno);
    CLEANUP(close_dir) DIR *dir = opendir(p->dir);
    if (!dir)
        return fail(report, p->dir, -errno);

    for (const struct dirent *entry; (entry = readdir(dir));) {
        int r = replay_file(p, entry->d_name, report);
        if (r)
            return r;
    }
    return 0;
}

static int make_missing(struct ledger_replay *p, struct report report)
{
    for (unsigned i = 0; i < p->n_spools; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/worker-%u.ring", p->dir, i);
        int r = p->spools[i] ? 0 : open_spool(p, path, &p->spools[i], report);
        if (r)
            return r;
    }
    return 0;
}

static enum db_result close_books(struct ledger_replay *p)
{
    int64_t unsettled = 0;
    enum db_result r =
        p->is_behind ? DB_OK : ledger_rollup_close_pending(p->db, INT64_MAX, &unsettled);
    if (is_passing(r))
        r = fall_behind(p);
    if (r || p->is_behind)
        return r;
    p->unsettled = (uint64_t)unsettled;
    return ask(p->db, "SELECT coalesce(max(id), 0) FROM requests WHERE id > ?1", 0, &p->last_id);
}

int ledger_replay(struct ledger_replay *p, char *reterr, size_t reterr_size)
{
    struct report report = {reterr, reterr_size};
    int r = replay_dir(p, report);
    if (r)
        return r;
    if (close_books(p))
        return refuse_db(p, report);
    return make_missing(p, report);
}
