#include "ledger_rows.h"

#include "base/clock.h"
#include "base/money.h"

#include <assert.h>
#include <stdlib.h>

struct ledger_rows {
    struct db *db;
    struct db_statement *insert, *update, *attempt;
    uint64_t n;
};

/* Parameters 1 to 26 are the request's, 27 to 32 its attempt's. */
#define INSERT                                                                                     \
    "INSERT OR IGNORE INTO requests(id, request_id, key_id, api, model, provider, backend, "       \
    "stream,"                                                                                      \
    " status, http_status, error, tokens_in, tokens_out, tokens_cached, tokens_reasoning,"         \
    " cost_nano, reserved_nano, usage_source, cache, complexity, attempts, tags, started_at,"      \
    " settled_at, duration_us, ttft_us, attempt_model, attempt_outcome, attempt_http_status,"      \
    " attempt_started_at, attempt_duration_us, attempt_ttft_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, "   \
    "?7,"                                                                                          \
    " ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, "    \
    "?26,"                                                                                         \
    " ?27, ?28, ?29, ?30, ?31, ?32)"
/* A row that is over stays as it is, whatever is read again: the sums have it already. */
#define UPDATE                                                                                     \
    "UPDATE requests SET request_id = ?2, key_id = ?3, api = ?4, model = ?5, provider = ?6,"       \
    " backend = ?7, stream = ?8, status = ?9, http_status = ?10, error = ?11, tokens_in = ?12,"    \
    " tokens_out = ?13, tokens_cached = ?14, tokens_reasoning = ?15, cost_nano = ?16,"             \
    " reserved_nano = ?17, usage_source = ?18, cache = ?19, complexity = ?20, attempts = ?21,"     \
    " tags = ?22, started_at = ?23, settled_at = ?24, duration_us = ?25, ttft_us = ?26"            \
    " WHERE id = ?1 AND status = 'pending'"
#define ATTEMPT                                                                                    \
    "INSERT OR REPLACE INTO attempts_apart(id, attempt, request_id, provider, model, outcome,"     \
    " http_status, tokens_in, tokens_out, tokens_cached, cost_nano, started_at, duration_us,"      \
    " ttft_us) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14 WHERE NOT"       \
    " EXISTS (SELECT 1 FROM requests WHERE id = ?1 AND attempt_outcome IS NOT NULL)"

enum db_result ledger_rows_new(struct db *db, struct ledger_rows **ret)
{
    CLEANUP(ledger_rows_free) struct ledger_rows *rows = calloc(1, sizeof(*rows));
    assert(rows);
    rows->db = db;
    enum db_result r = db_prepare(db, INSERT, &rows->insert);
    if (r == DB_OK)
        r = db_prepare(db, UPDATE, &rows->update);
    if (r == DB_OK)
        r = db_prepare(db, ATTEMPT, &rows->attempt);
    if (r == DB_OK)
        *ret = TAKE(rows);
    return r;
}

void ledger_rows_free(struct ledger_rows **rows)
{
    if (!*rows)
        return;
    db_statement_free(&(*rows)->insert);
    db_statement_free(&(*rows)->update);
    db_statement_free(&(*rows)->attempt);
    free(*rows);
    *rows = NULL;
}

/* Empty is NULL: nobody said anything. */
static void bind_word(struct db_statement *s, int index, struct str text)
{
    if (text.len)
        db_bind_borrowed(s, index, text);
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

static void bind_request(struct db_statement *s, const struct ledger_entry *e)
{
    bool is_over = e->status != LEDGER_PENDING;
    db_bind_int(s, 1, e->id);
    db_bind_borrowed(s, 2, e->request_id);
    bind_word(s, 3, e->key_id);
    db_bind_borrowed(s, 4, e->api);
    db_bind_borrowed(s, 5, e->model);
    bind_word(s, 6, e->provider);
    bind_word(s, 7, e->backend);
    db_bind_int(s, 8, e->is_stream);
    db_bind_borrowed(s, 9, str_from(ledger_entry_status_text(e->status)));
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
}

static void bind_own_attempt(struct db_statement *s, const struct ledger_attempt *a)
{
    if (!a) {
        for (int i = 27; i <= 32; i++)
            db_bind_null(s, i);
        return;
    }
    db_bind_borrowed(s, 27, a->model);
    db_bind_borrowed(s, 28, a->outcome);
    bind_known(s, 29, a->http_status, a->http_status > 0);
    db_bind_int(s, 30, (int64_t)a->started_at);
    bind_time(s, 31, a->duration);
    bind_time(s, 32, a->ttft);
}

static enum db_result insert(struct ledger_rows *rows, const struct ledger_entry *e,
                             const struct ledger_attempt *a, bool *ret_is_new)
{
    bind_request(rows->insert, e);
    bind_own_attempt(rows->insert, a);
    enum db_result r = db_step(rows->insert);
    *ret_is_new = r == DB_OK && db_changes(rows->db) > 0;
    if (*ret_is_new)
        rows->n += a ? 2 : 1;
    return r;
}

/* Of a row that is pending. */
static enum db_result update(struct ledger_rows *rows, const struct ledger_entry *e,
                             bool *ret_is_new)
{
    bind_request(rows->update, e);
    enum db_result r = db_step(rows->update);
    *ret_is_new = r == DB_OK && db_changes(rows->db) > 0;
    if (*ret_is_new)
        rows->n++;
    return r;
}

enum db_result ledger_rows_add_intent(struct ledger_rows *rows, const struct ledger_entry *e)
{
    bool is_new;
    return insert(rows, e, NULL, &is_new);
}

enum db_result ledger_rows_add_attempt(struct ledger_rows *rows,
                                       const struct ledger_record *attempt)
{
    const struct ledger_attempt *a = &attempt->attempt;
    struct db_statement *s = rows->attempt;
    db_bind_int(s, 1, attempt->entry.id);
    db_bind_int(s, 2, a->number);
    db_bind_borrowed(s, 3, attempt->entry.request_id);
    db_bind_borrowed(s, 4, a->provider);
    db_bind_borrowed(s, 5, a->model);
    db_bind_borrowed(s, 6, a->outcome);
    bind_known(s, 7, a->http_status, a->http_status > 0);
    bind_count(s, 8, a->tokens_in);
    bind_count(s, 9, a->tokens_out);
    bind_count(s, 10, a->tokens_cached);
    bind_money(s, 11, a->cost_nano);
    db_bind_int(s, 12, (int64_t)a->started_at);
    bind_time(s, 13, a->duration);
    bind_time(s, 14, a->ttft);
    enum db_result r = db_step(s);
    rows->n += r == DB_OK && db_changes(rows->db) > 0;
    return r;
}

enum db_result ledger_rows_settle(struct ledger_rows *rows, const struct ledger_entry *e,
                                  const struct ledger_record *attempt, bool *ret_is_new)
{
    bool is_own = attempt && ledger_record_is_told(e, &attempt->attempt);
    enum db_result r = insert(rows, e, is_own ? &attempt->attempt : NULL, ret_is_new);
    if (r == DB_OK && attempt && !(is_own && *ret_is_new))
        r = ledger_rows_add_attempt(rows, attempt);
    return r || *ret_is_new ? r : update(rows, e, ret_is_new);
}

uint64_t ledger_rows_take_count(struct ledger_rows *rows)
{
    uint64_t n = rows->n;
    rows->n = 0;
    return n;
}
