#include "ledger_write.h"

#include "ledger_record.h"
#include "ledger_rollup.h"
#include "ledger_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PLACES      ((size_t)2 * LEDGER_WRITE_MAX_BATCH) /* a power of two */
#define MAX_WAITING ((size_t)LEDGER_WRITE_MAX_BATCH / 4)

static_assert((PLACES & (PLACES - 1)) == 0, "a mask wraps");

/* A record that stays in its spool. */
struct record {
    const void *bytes;
    size_t len; /* 0: none */
};

/* A request that was read of and is not settled yet. What is written down of it already is not
 * here. */
struct unsettled {
    int64_t id; /* 0: free */
    struct record intent, attempt;
    struct spool *spool;
    uint64_t position; /* in it, of the first of them */
    unsigned batches;  /* that it has waited */
};

struct ledger_write {
    struct db *db;
    struct db_statement *position;
    struct ledger_rows *rows;
    struct ledger_rollup *rollup;
    struct unsettled *unsettled; /* of a batch, by hash … */
    struct unsettled **entered;  /* … and in the order they were entered */
    struct unsettled *waiting;   /* between two batches */
    size_t n_entered, n_waiting;
    unsigned patience;
    uint64_t skipped;
    unsigned n_records, turn;
};

enum db_result ledger_write_new(struct db *db, struct ledger_write **ret)
{
    CLEANUP(ledger_write_free) struct ledger_write *w = calloc(1, sizeof(*w));
    assert(w);
    w->db = db;
    w->unsettled = calloc(PLACES, sizeof(*w->unsettled));
    w->waiting = calloc(MAX_WAITING, sizeof(*w->waiting));
    w->entered = calloc(LEDGER_WRITE_MAX_BATCH + MAX_WAITING, sizeof(struct unsettled *));
    assert(w->unsettled && w->waiting && w->entered);

    enum db_result r = ledger_rows_new(db, &w->rows);
    if (r == DB_OK)
        r = db_prepare(db, "INSERT OR REPLACE INTO spools(identity, position) VALUES(?1, ?2)",
                       &w->position);
    if (r == DB_OK)
        r = ledger_rollup_new(db, &w->rollup);
    if (r == DB_OK)
        *ret = TAKE(w);
    return r;
}

void ledger_write_free(struct ledger_write **w)
{
    if (!*w)
        return;
    ledger_rows_free(&(*w)->rows);
    db_statement_free(&(*w)->position);
    ledger_rollup_free(&(*w)->rollup);
    free((*w)->unsettled);
    free((*w)->entered);
    free((*w)->waiting);
    free(*w);
    *w = NULL;
}

static struct unsettled *place_of(struct ledger_write *w, int64_t id)
{
    size_t i = (size_t)(((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
    while (w->unsettled[i &= PLACES - 1].id != 0 && w->unsettled[i].id != id)
        i++;
    return &w->unsettled[i];
}

static struct unsettled *enter(struct ledger_write *w, const struct unsettled *u)
{
    struct unsettled *place = place_of(w, u->id);
    if (place->id == 0) {
        w->entered[w->n_entered++] = place;
        *place = *u;
    }
    return place;
}

static enum db_result write_intent(struct ledger_write *w, struct record *intent)
{
    struct ledger_record r;
    size_t len = intent->len;
    intent->len = 0;
    if (len == 0 || !ledger_record_read(intent->bytes, len, &r))
        return DB_OK;
    return ledger_rows_add_intent(w->rows, &r.entry);
}

static enum db_result write_attempt(struct ledger_write *w, struct record *attempt)
{
    struct ledger_record r;
    size_t len = attempt->len;
    attempt->len = 0;
    if (len == 0 || !ledger_record_read(attempt->bytes, len, &r))
        return DB_OK;
    return ledger_rows_add_attempt(w->rows, &r);
}

/* The attempt that `u` was read with, if it waits for its row. */
static const struct ledger_record *read_attempt(const struct unsettled *u,
                                                struct ledger_record *space)
{
    bool is_there =
        u->attempt.len > 0 && ledger_record_read(u->attempt.bytes, u->attempt.len, space);
    return is_there ? space : NULL;
}

static enum db_result settle(struct ledger_write *w, const struct ledger_record *record)
{
    struct ledger_record space;
    struct unsettled *u = place_of(w, record->entry.id);
    const struct ledger_record *attempt =
        record->kind == LEDGER_RECORD_WHOLE ? record : read_attempt(u, &space);
    u->intent.len = u->attempt.len = 0;

    bool is_new;
    enum db_result r = ledger_rows_settle(w->rows, &record->entry, attempt, &is_new);
    return r || !is_new ? r : ledger_rollup_add(w->rollup, &record->entry);
}

static enum db_result add_record(struct ledger_write *w, struct spool *spool, struct record record)
{
    struct ledger_record r;
    if (!ledger_record_read(record.bytes, record.len, &r) || r.entry.id <= 0) {
        w->skipped++;
        return DB_OK;
    }
    if (r.kind != LEDGER_RECORD_ATTEMPT && r.entry.status != LEDGER_PENDING)
        return settle(w, &r);

    struct unsettled *u =
        enter(w, &(struct unsettled){
                     .id = r.entry.id, .spool = spool, .position = spool_position(spool) - 1});
    if (r.kind == LEDGER_RECORD_ENTRY) {
        u->intent = record;
        return DB_OK;
    }
    enum db_result result = write_attempt(w, &u->attempt); /* another one before it */
    u->attempt = record;
    return result;
}

/* What lasts longer than others becomes rows; the rest waits to be settled. */
static enum db_result add_unsettled(struct ledger_write *w)
{
    enum db_result r = DB_OK;
    for (size_t i = 0; i < w->n_entered && r == DB_OK; i++) {
        struct unsettled *u = w->entered[i];
        if (u->intent.len == 0 && u->attempt.len == 0)
            continue;
        if (u->batches < w->patience && w->n_waiting < MAX_WAITING) {
            w->waiting[w->n_waiting] = *u;
            w->waiting[w->n_waiting++].batches++;
            continue;
        }
        r = write_intent(w, &u->intent);
        if (r == DB_OK)
            r = write_attempt(w, &u->attempt);
    }
    return r;
}

static enum db_result read_spool(struct ledger_write *w, struct spool *spool)
{
    struct record record;
    enum db_result r = DB_OK;
    while (r == DB_OK && w->n_records < LEDGER_WRITE_MAX_BATCH &&
           (record.bytes = spool_next(spool, &record.len))) {
        w->n_records++;
        r = add_record(w, spool, record);
    }
    return r;
}

/* Up to where a spool may be forgotten: what waits is nowhere else. */
static uint64_t safe_position(const struct ledger_write *w, const struct spool *spool)
{
    uint64_t position = spool_position(spool);
    for (size_t i = 0; i < w->n_waiting; i++)
        if (w->waiting[i].spool == spool && w->waiting[i].position < position)
            position = w->waiting[i].position;
    return position;
}

static enum db_result write_position(struct ledger_write *w, const struct spool *spool)
{
    uint64_t position = safe_position(w, spool);
    if (position == spool_safe_position(spool))
        return DB_OK;
    db_bind_int(w->position, 1, spool_identity(spool));
    db_bind_int(w->position, 2, (int64_t)position);
    return db_step(w->position);
}

/* A busy spool may fill a batch, so each batch begins with another one. */
static enum db_result add_spools(struct ledger_write *w, struct spool *const *spools, unsigned n)
{
    enum db_result r = DB_OK;
    w->turn++;
    for (unsigned i = 0; i < n && r == DB_OK; i++)
        r = read_spool(w, spools[(w->turn + i) % n]);
    if (r == DB_OK)
        r = add_unsettled(w);
    for (unsigned i = 0; i < n && r == DB_OK; i++)
        r = write_position(w, spools[i]);
    return r ? r : ledger_rollup_flush(w->rollup);
}

static void start_batch(struct ledger_write *w)
{
    while (w->n_entered > 0)
        *w->entered[--w->n_entered] = (struct unsettled){0};
    for (size_t i = 0; i < w->n_waiting; i++)
        enter(w, &w->waiting[i]);
    w->n_waiting = 0;
    ledger_rollup_clear(w->rollup);
    w->n_records = 0;
    ledger_rows_take_count(w->rows);
}

enum db_result ledger_write_batch(struct ledger_write *w, struct spool *const *spools, unsigned n,
                                  uint64_t *ret_rows, bool *ret_is_all)
{
    uint64_t skipped = w->skipped;
    enum db_result r = db_exec(w->db, "BEGIN IMMEDIATE");
    if (r)
        return r;
    start_batch(w);
    r = add_spools(w, spools, n);
    if (r == DB_OK)
        r = db_exec(w->db, "COMMIT");
    if (r) {
        db_rollback(w->db);
        for (unsigned i = 0; i < n; i++)
            spool_rewind(spools[i]);
        w->n_waiting = 0; /* read again with the rest */
        w->skipped = skipped;
        return r;
    }
    for (unsigned i = 0; i < n; i++)
        spool_advance(spools[i], safe_position(w, spools[i]));
    *ret_rows = ledger_rows_take_count(w->rows);
    *ret_is_all = w->n_records < LEDGER_WRITE_MAX_BATCH;
    return DB_OK;
}

void ledger_write_set_patience(struct ledger_write *w, unsigned batches)
{
    w->patience = batches;
}

bool ledger_write_is_waiting(const struct ledger_write *w)
{
    return w->n_waiting > 0;
}

uint64_t ledger_write_skipped(const struct ledger_write *w)
{
    return w->skipped;
}
