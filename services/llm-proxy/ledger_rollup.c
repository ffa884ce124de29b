#include "ledger_rollup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS ((size_t)2 * LEDGER_ROLLUP_MAX_LINES) /* a power of two */
#define HOUR  (3600 * USEC_PER_SEC)

static_assert((SLOTS & (SLOTS - 1)) == 0, "a mask wraps");

enum sum {
    REQUESTS,
    ATTEMPTS,
    TOKENS_IN,
    TOKENS_OUT,
    TOKENS_CACHED,
    TOKENS_REASONING,
    COST_NANO,
    UNPRICED,
    N_SUMS,
};

struct line {
    int64_t hour;
    struct str key_id, model, provider;
    int64_t sums[N_SUMS]; /* REQUESTS 0: free */
};

struct ledger_rollup {
    struct db_statement *hours, *days;
    struct line *lines;
    size_t used[LEDGER_ROLLUP_MAX_LINES]; /* their places in `lines` */
    size_t n_used;
};

/* A sum that an absurd number has made enormous stays there, and stops nothing. */
#define ADDED(column)                                                                              \
#column " = min(" #column ", 4611686018427387903) + min(excluded." #column                     \
            ", 4611686018427387903)"
#define ADD_UP                                                                                                      \
    " DO UPDATE SET " ADDED(requests) ", " ADDED(attempts) ", " ADDED(tokens_in) ", " ADDED(tokens_out) ", " ADDED( \
        tokens_cached) ", " ADDED(tokens_reasoning) ", " ADDED(cost_nano) ", " ADDED(unpriced) ","                  \
                                                                                               " " ADDED(           \
                                                                                                   unsettled_nano)
#define LINE(table, period)                                                                        \
    "INSERT INTO " table "(" period ", key_id, model, provider, requests, attempts, tokens_in,"    \
    " tokens_out, tokens_cached, tokens_reasoning, cost_nano, unpriced)"                           \
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"                                   \
    " ON CONFLICT(" period ", key_id, model, provider)" ADD_UP

enum db_result ledger_rollup_new(struct db *db, struct ledger_rollup **ret)
{
    CLEANUP(ledger_rollup_free) struct ledger_rollup *r = calloc(1, sizeof(*r));
    assert(r);
    r->lines = calloc(SLOTS, sizeof(*r->lines));
    assert(r->lines);
    enum db_result e = db_prepare(db, LINE("usage_hours", "hour"), &r->hours);
    if (e == DB_OK)
        e = db_prepare(db, LINE("usage_days", "day"), &r->days);
    if (e == DB_OK)
        *ret = TAKE(r);
    return e;
}

void ledger_rollup_free(struct ledger_rollup **r)
{
    if (!*r)
        return;
    db_statement_free(&(*r)->hours);
    db_statement_free(&(*r)->days);
    free((*r)->lines);
    free(*r);
    *r = NULL;
}

static uint64_t mix(uint64_t h, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    return (h ^ text.len) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct line *line_of(struct ledger_rollup *r, int64_t hour, const struct ledger_entry *e)
{
    uint64_t h = mix(mix(mix((uint64_t)hour, e->key_id), e->model), e->provider);
    for (size_t i = (size_t)(h >> 32);; i++) {
        struct line *l = &r->lines[i &= SLOTS - 1];
        if (l->sums[REQUESTS] == 0) {
            *l = (struct line){hour, e->key_id, e->model, e->provider, {0}};
            r->used[r->n_used++] = i;
            return l;
        }
        if (l->hour == hour && str_equal(l->key_id, e->key_id) && str_equal(l->model, e->model) &&
            str_equal(l->provider, e->provider))
            return l;
    }
}

static void add(int64_t *sum, int64_t n)
{
    if (n > 0 && __builtin_add_overflow(*sum, n, sum))
        *sum = INT64_MAX;
}

enum db_result ledger_rollup_add(struct ledger_rollup *r, const struct ledger_entry *e)
{
    if (r->n_used == LEDGER_ROLLUP_MAX_LINES) {
        enum db_result result = ledger_rollup_flush(r);
        if (result)
            return result;
    }
    int64_t *sums = line_of(r, (int64_t)(e->started_at / HOUR), e)->sums;
    add(&sums[REQUESTS], 1);
    add(&sums[ATTEMPTS], e->attempts);
    add(&sums[TOKENS_IN], e->tokens_in);
    add(&sums[TOKENS_OUT], e->tokens_out);
    add(&sums[TOKENS_CACHED], e->tokens_cached);
    add(&sums[TOKENS_REASONING], e->tokens_reasoning);
    add(&sums[COST_NANO], e->cost_nano);
    add(&sums[UNPRICED], e->cost_nano == MONEY_UNKNOWN);
    return DB_OK;
}

static enum db_result write_line(struct db_statement *s, int64_t period, const struct line *l)
{
    db_bind_int(s, 1, period);
    db_bind_text(s, 2, l->key_id);
    db_bind_text(s, 3, l->model);
    db_bind_text(s, 4, l->provider);
    for (int i = 0; i < N_SUMS; i++)
        db_bind_int(s, 5 + i, l->sums[i]);
    return db_step(s);
}

enum db_result ledger_rollup_flush(struct ledger_rollup *r)
{
    for (size_t i = 0; i < r->n_used; i++) {
        const struct line *l = &r->lines[r->used[i]];
        enum db_result e = write_line(r->hours, l->hour, l);
        if (e == DB_OK)
            e = write_line(r->days, l->hour / 24, l);
        if (e)
            return e;
    }
    ledger_rollup_clear(r);
    return DB_OK;
}

void ledger_rollup_clear(struct ledger_rollup *r)
{
    for (size_t i = 0; i < r->n_used; i++)
        r->lines[r->used[i]] = (struct line){0};
    r->n_used = 0;
}

/* What an unknown request may have cost is not its cost: the reservation has a sum of its own. */
#define PENDING_LINES(table, period, length)                                                       \
    "INSERT INTO " table "(" period ", key_id, model, provider, requests, attempts, tokens_in,"    \
    " tokens_out, tokens_cached, tokens_reasoning, cost_nano, unpriced, unsettled_nano)"           \
    " SELECT started_at / " length ", coalesce(key_id, ''), model, coalesce(provider, ''),"        \
    " count(*), 0, 0, 0, 0, 0, 0, count(*),"                                                       \
    " coalesce(sum(min(reserved_nano, 1000000000000000)), 0)"                                      \
    " FROM requests WHERE status = 'pending' AND id <= ?1 GROUP BY 1, 2, 3, 4"                     \
    " ON CONFLICT(" period ", key_id, model, provider)" ADD_UP

/* `sql` has one value to bind; a number it may give is *ret_n. */
static enum db_result run(struct db *db, const char *sql, int64_t last_id, int64_t *ret_n)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result r = db_prepare(db, sql, &s);
    if (r)
        return r;
    db_bind_int(s, 1, last_id);
    r = db_step(s);
    if (r != DB_ROW)
        return r;
    *ret_n = db_int(s, 0);
    return DB_OK;
}

static enum db_result close_pending(struct db *db, int64_t last_id)
{
    static const char *const steps[] = {
        PENDING_LINES("usage_hours", "hour", "3600000000"),
        PENDING_LINES("usage_days", "day", "86400000000"),
        "UPDATE requests SET status = 'unknown' WHERE status = 'pending' AND id <= ?1",
    };
    int64_t none;
    enum db_result r = db_exec(db, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && r == DB_OK; i++)
        r = run(db, steps[i], last_id, &none);
    if (r == DB_OK)
        r = db_exec(db, "COMMIT");
    if (r)
        db_rollback(db);
    return r;
}

enum db_result ledger_rollup_close_pending(struct db *db, int64_t last_id, int64_t *ret_n)
{
    *ret_n = 0;
    enum db_result r = run(
        db, "SELECT count(*) FROM requests WHERE status = 'pending' AND id <= ?1", last_id, ret_n);
    return r || *ret_n == 0 ? r : close_pending(db, last_id);
}
