#include "ledger_totals.h"

#include <stdio.h>

#define HOUR (3600 * USEC_PER_SEC)

/* Parameters: 1 since, 2 first whole hour, 3 first whole day. A row's id begins with its time. */
const char ledger_totals_parts[] =
    "WITH part AS ("
    "SELECT day, key_id, model, provider, requests, attempts, tokens_in, tokens_out,"
    " tokens_cached, tokens_reasoning, cost_nano, unpriced, unsettled_nano"
    " FROM usage_days WHERE day >= ?3 "
    "UNION ALL "
    "SELECT hour / 24, key_id, model, provider, requests, attempts, tokens_in, tokens_out,"
    " tokens_cached, tokens_reasoning, cost_nano, unpriced, unsettled_nano"
    " FROM usage_hours WHERE hour >= ?2 AND hour < ?3 * 24 "
    "UNION ALL "
    "SELECT started_at / 86400000000, coalesce(key_id, ''), model, coalesce(provider, ''), 1,"
    " attempts, coalesce(tokens_in, 0), coalesce(tokens_out, 0), coalesce(tokens_cached, 0),"
    " coalesce(tokens_reasoning, 0), coalesce(cost_nano, 0), cost_nano IS NULL,"
    " CASE WHEN status = 'unknown' THEN coalesce(reserved_nano, 0) ELSE 0 END"
    " FROM requests WHERE id >= ?1 << 8 AND id < (?2 * 3600000000) << 8 AND started_at >= ?1"
    " AND status <> 'pending') ";

void ledger_totals_bind(struct db_statement *s, usec_t since)
{
    usec_t last = (usec_t)INT64_MAX >> 9; /* as far as ids go, with room to round up */
    if (since > last)
        since = last;
    usec_t hour = (since + HOUR - 1) / HOUR;
    db_bind_int(s, 1, (int64_t)since);
    db_bind_int(s, 2, (int64_t)hour);
    db_bind_int(s, 3, (int64_t)((hour + 23) / 24));
}

static enum db_result read_sums(struct db_statement *s, ledger_totals_fn fn, void *arg)
{
    enum db_result r;
    while ((r = db_step(s)) == DB_ROW) {
        const struct ledger_totals t = {.key_id = db_text(s, 0),
                                        .requests = db_int(s, 1),
                                        .tokens = db_int(s, 2),
                                        .cost_nano = db_int(s, 3),
                                        .unsettled_nano = db_int(s, 4)};
        fn(arg, &t);
    }
    return r;
}

/* Only a ledger that could not be written at start has the table. */
static enum db_result read_spooled(struct db *db, usec_t since, ledger_totals_fn fn, void *arg)
{
    CLEANUP(db_statement_free) struct db_statement *look = NULL, *s = NULL;
    enum db_result r =
        db_prepare(db, "SELECT 1 FROM temp.sqlite_schema WHERE name = 'spooled'", &look);
    if (r == DB_OK)
        r = db_step(look);
    if (r != DB_ROW)
        return r;
    r = db_prepare(db,
                   "SELECT key_id, count(*), sum(tokens), sum(cost_nano), sum(unsettled_nano)"
                   " FROM temp.spooled WHERE started_at >= ?1 GROUP BY key_id",
                   &s);
    if (r)
        return r;
    db_bind_int(s, 1, since > INT64_MAX ? INT64_MAX : (int64_t)since);
    return read_sums(s, fn, arg);
}

enum db_result ledger_totals_read(struct db *db, usec_t since, ledger_totals_fn fn, void *arg)
{
    char sql[2048];
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    snprintf(sql, sizeof(sql),
             "%sSELECT key_id, sum(requests), sum(tokens_in) + sum(tokens_out), sum(cost_nano),"
             " sum(unsettled_nano) FROM part GROUP BY key_id",
             ledger_totals_parts);
    enum db_result r = db_prepare(db, sql, &s);
    if (r)
        return r;
    ledger_totals_bind(s, since);
    r = read_sums(s, fn, arg);
    return r ? r : read_spooled(db, since, fn, arg);
}
