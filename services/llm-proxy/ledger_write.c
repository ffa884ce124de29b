#include "ledger_write.h"

#include "base/clock.h"
#include "ledger_record.h"
#include "ledger_rollup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define INTENT_SLOTS ((size_t)2 * LEDGER_WRITE_MAX_BATCH) /* a power of two */
#define MAX_WAITING  ((size_t)LEDGER_WRITE_MAX_BATCH / 4)

static_assert((INTENT_SLOTS & (INTENT_SLOTS - 1)) == 0, "a mask wraps");

/* An intent that was read and is no row yet; its record stays in the spool until it is one, or is
 * settled. */
struct intent {
    int64_t id; /* 0: free */
    const void *record;
    size_t len; /* 0: settled, or a row of this batch */
    struct spool *spool;
    uint64_t position; /* in it */
    unsigned batches;  /* that it has waited */
};

struct ledger_write {
    struct db *db;
    struct db_statement *settle, *intend, *attempt, *position;
    struct ledger_rollup *rollup;
    struct intent *intents;  /* of a batch, by hash … */
    struct intent **entered; /* … and in the order they were entered */
    struct intent *waiting;  /* between two batches */
    size_t n_entered, n_waiting;
    unsigned patience;
    uint64_t rows, skipped;
    unsigned n_records, turn;
};

#define REQUEST_ROW                                                                                \
    " INTO requests(id, request_id, key_id, api, model, provider, backend, stream, status,"        \
    " http_status, error, tokens_in, tokens_out, tokens_cached, tokens_reasoning, cost_nano,"      \
    " reserved_nano, usage_source, cache, complexity, attempts, tags, started_at, settled_at,"     \
    " duration_us, ttft_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"   \
    " ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)"
/* A row that is over stays as it is, whatever is read again: the sums have it already. */
#define SETTLE_ROW                                                                                 \
    "INSERT" REQUEST_ROW " ON CONFLICT(id) DO UPDATE SET request_id = ?2, key_id = ?3, api = ?4,"  \
    " model = ?5, provider = ?6, backend = ?7, stream = ?8, status = ?9, http_status = ?10,"       \
    " error = ?11, tokens_in = ?12, tokens_out = ?13, tokens_cached = ?14, tokens_reasoning = "    \
    "?15,"                                                                                         \
    " cost_nano = ?16, reserved_nano = ?17, usage_source = ?18, cache = ?19, complexity = ?20,"    \
    " attempts = ?21, tags = ?22, started_at = ?23, settled_at = ?24, duration_us = ?25,"          \
    " ttft_us = ?26 WHERE status = 'pending'"

enum db_result ledger_write_new(struct db *db, struct ledger_write **ret)
{
    CLEANUP(ledger_write_free) struct ledger_write *w = calloc(1, sizeof(*w));
    assert(w);
    w->db = db;
    w->intents = calloc(INTENT_SLOTS, sizeof(*w->intents));
    w->waiting = calloc(MAX_WAITING, sizeof(*w->waiting));
    w->entered = calloc(LEDGER_WRITE_MAX_BATCH + MAX_WAITING, sizeof(struct intent *));
    assert(w->intents && w->waiting && w->entered);

    const struct {
        struct db_statement **statement;
        const char *sql;
    } all[] = {
        {&w->settle, SETTLE_ROW},
        {&w->intend, "INSERT OR IGNORE" REQUEST_ROW},
        {&w->attempt, "INSERT OR REPLACE INTO attempts(id, attempt, request_id, provider, model,"
                      " outcome, http_status, tokens_in, tokens_out, tokens_cached, cost_nano,"
                      " started_at, duration_us, ttft_us)"
                      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"},
        {&w->position, "INSERT OR REPLACE INTO spools(identity, position) VALUES(?1, ?2)"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        enum db_result r = db_prepare(db, all[i].sql, all[i].statement);
        if (r)
            return r;
    }
    enum db_result r = ledger_rollup_new(db, &w->rollup);
    if (r == DB_OK)
        *ret = TAKE(w);
    return r;
}

void ledger_write_free(struct ledger_write **w)
{
    if (!*w)
        return;
    db_statement_free(&(*w)->settle);
    db_statement_free(&(*w)->intend);
    db_statement_free(&(*w)->attempt);
    db_statement_free(&(*w)->position);
    ledger_rollup_free(&(*w)->rollup);
    free((*w)->intents);
    free((*w)->entered);
    free((*w)->waiting);
    free(*w);
    *w = NULL;
}

/* Empty is NULL: nobody said anything. */
static void bind_word(struct db_statement *s, int index, struct str text)
{
    if (text.len)
        db_bind_text(s, index, text);
    else
        db_bind_null(s, index);
}

static void bind_known(struct db_statement *s, int index, int64_t value, bool is_known)
{
    if (is_known)
        db_bind_int(s, index, value);
    else
        db_bind_null(s, index);
}

static void bind_count(struct db_statement *s, int index, int64_t count)
{
    bind_known(s, index, count, count >= 0);
}

static void bind_money(struct db_statement *s, int index, int64_t nano)
{
    bind_known(s, index, nano, nano != MONEY_UNKNOWN);
}

static void bind_time(struct db_statement *s, int index, usec_t t)
{
    bind_known(s, index, (int64_t)t, t != USEC_INFINITY);
}

static enum db_result write_request(struct ledger_write *w, struct db_statement *s,
                                    const struct ledger_entry *e)
{
    bool is_over = e->status != LEDGER_PENDING;
    db_bind_int(s, 1, e->id);
    db_bind_text(s, 2, e->request_id);
    bind_word(s, 3, e->key_id);
    db_bind_text(s, 4, e->api);
    db_bind_text(s, 5, e->model);
    bind_word(s, 6, e->provider);
    bind_word(s, 7, e->backend);
    db_bind_int(s, 8, e->is_stream);
    db_bind_text(s, 9, str_from(ledger_entry_status_text(e->status)));
    bind_known(s, 10, e->http_status, e->http_status > 0);
    bind_word(s, 11, e->error);
    bind_count(s, 12, e->tokens_in);
    bind_count(s, 13, e->tokens_out);
    bind_count(s, 14, e->tokens_cached);
    bind_count(s, 15, e->tokens_reasoning);
    bind_money(s, 16, e->cost_nano);
    bind_money(s, 17, e->reserved_nano);
    bind_word(s, 18, str_from(ledger_entry_source_text(e->usage_source)));
    bind_word(s, 19, e->cache);
    bind_word(s, 20, e->complexity);
    db_bind_int(s, 21, e->attempts);
    bind_word(s, 22, e->tags);
    db_bind_int(s, 23, (int64_t)e->started_at);
    bind_known(s, 24, (int64_t)(e->started_at + e->duration), is_over);
    bind_known(s, 25, (int64_t)e->duration, is_over);
    bind_time(s, 26, e->ttft);
    w->rows++;
    return db_step(s);
}

static enum db_result write_attempt(struct ledger_write *w, const struct ledger_record *r)
{
    const struct ledger_attempt *a = &r->attempt;
    struct db_statement *s = w->attempt;
    db_bind_int(s, 1, r->entry.id);
    db_bind_int(s, 2, a->number);
    db_bind_text(s, 3, r->entry.request_id);
    db_bind_text(s, 4, a->provider);
    db_bind_text(s, 5, a->model);
    db_bind_text(s, 6, a->outcome);
    bind_known(s, 7, a->http_status, a->http_status > 0);
    bind_count(s, 8, a->tokens_in);
    bind_count(s, 9, a->tokens_out);
    bind_count(s, 10, a->tokens_cached);
    bind_money(s, 11, a->cost_nano);
    db_bind_int(s, 12, (int64_t)a->started_at);
    bind_time(s, 13, a->duration);
    bind_time(s, 14, a->ttft);
    w->rows++;
    return db_step(s);
}

static struct intent *intent_of(struct ledger_write *w, int64_t id)
{
    size_t i = (size_t)(((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
    while (w->intents[i &= INTENT_SLOTS - 1].id != 0 && w->intents[i].id != id)
        i++;
    return &w->intents[i];
}

static void add_intent(struct ledger_write *w, const struct intent *i)
{
    struct intent *entry = intent_of(w, i->id);
    if (entry->id == 0)
        w->entered[w->n_entered++] = entry;
    *entry = *i;
}

static enum db_result add_record(struct ledger_write *w, struct spool *spool, const void *bytes,
                                 size_t len)
{
    struct ledger_record r;
    if (!ledger_record_read(bytes, len, &r) || r.entry.id <= 0) {
        w->skipped++;
        return DB_OK;
    }
    if (r.kind == LEDGER_RECORD_ATTEMPT)
        return write_attempt(w, &r);

    if (r.entry.status == LEDGER_PENDING) {
        const struct intent i = {.id = r.entry.id,
                                 .record = bytes,
                                 .len = len,
                                 .spool = spool,
                                 .position = spool_position(spool) - 1};
        add_intent(w, &i);
        return DB_OK;
    }
    if (w->n_entered > 0)
        intent_of(w, r.entry.id)->len = 0;
    enum db_result result = write_request(w, w->settle, &r.entry);
    if (result || db_changes(w->db) == 0)
        return result;
    return ledger_rollup_add(w->rollup, &r.entry);
}

/* What lasts longer than others becomes a row; the rest waits to be settled. */
static enum db_result add_open_intents(struct ledger_write *w)
{
    for (size_t i = 0; i < w->n_entered; i++) {
        struct ledger_record r;
        const struct intent *intent = w->entered[i];
        if (intent->len == 0)
            continue;
        if (intent->batches < w->patience && w->n_waiting < MAX_WAITING) {
            w->waiting[w->n_waiting] = *intent;
            w->waiting[w->n_waiting++].batches++;
            continue;
        }
        if (!ledger_record_read(intent->record, intent->len, &r))
            continue;
        enum db_result result = write_request(w, w->intend, &r.entry);
        if (result)
            return result;
    }
    return DB_OK;
}

static enum db_result read_spool(struct ledger_write *w, struct spool *spool)
{
    size_t len;
    const void *bytes;
    while (w->n_records < LEDGER_WRITE_MAX_BATCH && (bytes = spool_next(spool, &len))) {
        w->n_records++;
        enum db_result r = add_record(w, spool, bytes, len);
        if (r)
            return r;
    }
    return DB_OK;
}

/* Up to where a spool may be forgotten: an intent that waits is nowhere else. */
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
        r = add_open_intents(w);
    for (unsigned i = 0; i < n && r == DB_OK; i++)
        r = write_position(w, spools[i]);
    return r ? r : ledger_rollup_flush(w->rollup);
}

static void start_batch(struct ledger_write *w)
{
    while (w->n_entered > 0)
        *w->entered[--w->n_entered] = (struct intent){0};
    for (size_t i = 0; i < w->n_waiting; i++)
        add_intent(w, &w->waiting[i]);
    w->n_waiting = 0;
    ledger_rollup_clear(w->rollup);
    w->n_records = 0;
    w->rows = 0;
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
        (void)!db_exec(w->db, "ROLLBACK"); /* a failed COMMIT may have done it already */
        for (unsigned i = 0; i < n; i++)
            spool_rewind(spools[i]);
        w->n_waiting = 0; /* read again with the rest */
        w->skipped = skipped;
        return r;
    }
    for (unsigned i = 0; i < n; i++)
        spool_advance(spools[i], safe_position(w, spools[i]));
    *ret_rows = w->rows;
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
