#include "ledger_write.h"

#include "base/clock.h"
#include "ledger_record.h"
#include "ledger_rollup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define INTENT_SLOTS ((size_t)2 * LEDGER_WRITE_MAX_BATCH) /* a power of two */

static_assert((INTENT_SLOTS & (INTENT_SLOTS - 1)) == 0, "a mask wraps");

/* An intent read in this batch; the record stays in the spool until the batch is committed. */
struct intent {
    int64_t id; /* 0: free */
    const void *record;
    size_t len; /* 0: settled within the batch */
};

struct ledger_write {
    struct db *db;
    struct db_statement *settle, *intend, *attempt, *position;
    struct ledger_rollup *rollup;
    struct intent *intents;
    bool has_intents;
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
    assert(w->intents);

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

static enum db_result add_record(struct ledger_write *w, const void *bytes, size_t len)
{
    struct ledger_record r;
    if (!ledger_record_read(bytes, len, &r) || r.entry.id <= 0) {
        w->skipped++;
        return DB_OK;
    }
    if (r.kind == LEDGER_RECORD_ATTEMPT)
        return write_attempt(w, &r);

    if (r.entry.status == LEDGER_PENDING) {
        *intent_of(w, r.entry.id) = (struct intent){r.entry.id, bytes, len};
        w->has_intents = true;
        return DB_OK;
    }
    if (w->has_intents)
        intent_of(w, r.entry.id)->len = 0;
    enum db_result result = write_request(w, w->settle, &r.entry);
    if (result || db_changes(w->db) == 0)
        return result;
    return ledger_rollup_add(w->rollup, &r.entry);
}

static enum db_result add_open_intents(struct ledger_write *w)
{
    for (size_t i = 0; i < INTENT_SLOTS; i++) {
        struct ledger_record r;
        const struct intent *intent = &w->intents[i];
        if (intent->id == 0 || !ledger_record_read(intent->record, intent->len, &r))
            continue;
        enum db_result result = write_request(w, w->intend, &r.entry);
        if (result)
            return result;
    }
    return DB_OK;
}

static enum db_result add_spool(struct ledger_write *w, struct spool *spool)
{
    uint64_t before = spool_position(spool);
    size_t len;
    const void *bytes;
    while (w->n_records < LEDGER_WRITE_MAX_BATCH && (bytes = spool_next(spool, &len))) {
        w->n_records++;
        enum db_result r = add_record(w, bytes, len);
        if (r)
            return r;
    }
    if (spool_position(spool) == before)
        return DB_OK;
    db_bind_int(w->position, 1, spool_identity(spool));
    db_bind_int(w->position, 2, (int64_t)spool_position(spool));
    return db_step(w->position);
}

/* A busy spool may fill a batch, so each batch begins with another one. */
static enum db_result add_spools(struct ledger_write *w, struct spool *const *spools, unsigned n)
{
    w->turn++;
    for (unsigned i = 0; i < n; i++) {
        enum db_result r = add_spool(w, spools[(w->turn + i) % n]);
        if (r)
            return r;
    }
    enum db_result r = w->has_intents ? add_open_intents(w) : DB_OK;
    return r ? r : ledger_rollup_flush(w->rollup);
}

static void start_batch(struct ledger_write *w)
{
    if (w->has_intents)
        memset(w->intents, 0, INTENT_SLOTS * sizeof(*w->intents));
    w->has_intents = false;
    ledger_rollup_clear(w->rollup);
    w->n_records = 0;
    w->rows = 0;
}

enum db_result ledger_write_batch(struct ledger_write *w, struct spool *const *spools, unsigned n,
                                  uint64_t *ret_rows, bool *ret_is_all)
{
    uint64_t skipped = w->skipped;
    start_batch(w);
    enum db_result r = db_exec(w->db, "BEGIN IMMEDIATE");
    if (r)
        return r;
    r = add_spools(w, spools, n);
    if (r == DB_OK)
        r = db_exec(w->db, "COMMIT");
    if (r) {
        (void)!db_exec(w->db, "ROLLBACK"); /* a failed COMMIT may have done it already */
        for (unsigned i = 0; i < n; i++)
            spool_rewind(spools[i]);
        w->skipped = skipped;
        return r;
    }
    for (unsigned i = 0; i < n; i++)
        spool_advance(spools[i]);
    *ret_rows = w->rows;
    *ret_is_all = w->n_records < LEDGER_WRITE_MAX_BATCH;
    return DB_OK;
}

uint64_t ledger_write_skipped(const struct ledger_write *w)
{
    return w->skipped;
}
