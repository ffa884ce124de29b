#include "ledger_adopt.h"

#include "ledger_record.h"

enum db_result ledger_adopt_begin(struct db *db)
{
    return db_exec(db, "CREATE TEMP TABLE spooled (id INTEGER PRIMARY KEY, key_id TEXT NOT NULL,"
                       " started_at INTEGER NOT NULL, tokens INTEGER NOT NULL,"
                       " cost_nano INTEGER NOT NULL, unsettled_nano INTEGER NOT NULL) STRICT;"
                       "INSERT INTO temp.spooled SELECT id, coalesce(key_id, ''), started_at, 0, 0,"
                       " coalesce(reserved_nano, 0) FROM requests WHERE status = 'pending'");
}

static int64_t known(int64_t n)
{
    return n > 0 ? n : 0;
}

static int64_t tokens_of(const struct ledger_entry *e)
{
    int64_t sum;
    return __builtin_add_overflow(known(e->tokens_in), known(e->tokens_out), &sum) ? INT64_MAX
                                                                                   : sum;
}

static enum db_result add_entry(struct db_statement *s, const struct ledger_entry *e)
{
    bool is_open = e->status == LEDGER_PENDING;
    db_bind_int(s, 1, e->id);
    db_bind_text(s, 2, e->key_id);
    db_bind_int(s, 3, (int64_t)e->started_at);
    db_bind_int(s, 4, is_open ? 0 : tokens_of(e));
    db_bind_int(s, 5, is_open ? 0 : known(e->cost_nano));
    db_bind_int(s, 6, is_open ? known(e->reserved_nano) : 0);
    return db_step(s);
}

enum db_result ledger_adopt_spool(struct db *db, struct spool *spool, int64_t *last_id)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result r =
        db_prepare(db,
                   "INSERT OR REPLACE INTO temp.spooled(id, key_id, started_at, tokens, cost_nano,"
                   " unsettled_nano) SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS"
                   " (SELECT 1 FROM requests WHERE id = ?1 AND status <> 'pending')",
                   &s);
    size_t len;
    const void *bytes;
    while (r == DB_OK && (bytes = spool_next(spool, &len))) {
        struct ledger_record record;
        if (!ledger_record_read(bytes, len, &record) || record.kind == LEDGER_RECORD_ATTEMPT)
            continue;
        if (record.entry.id > *last_id)
            *last_id = record.entry.id;
        r = add_entry(s, &record.entry);
    }
    spool_rewind(spool);
    return r;
}
