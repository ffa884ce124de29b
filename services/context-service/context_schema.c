#include "context_schema.h"

static const char *const migrations[] = {
    "CREATE TABLE sessions ("
    " id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL,"
    " made_at INTEGER NOT NULL, used_at INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " UNIQUE (tenant, name)) STRICT;"
    "CREATE INDEX sessions_by_use ON sessions (used_at);"
    "CREATE TABLE epochs ("
    " id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    " number INTEGER NOT NULL, config BLOB NOT NULL, digest BLOB NOT NULL, marks BLOB NOT NULL,"
    " n_source INTEGER NOT NULL, source_tokens INTEGER NOT NULL, frozen_tokens INTEGER NOT NULL,"
    " stages TEXT NOT NULL, summary TEXT NOT NULL, frozen BLOB NOT NULL,"
    " UNIQUE (session, config, digest)) STRICT;"
    "CREATE TABLE blocks ("
    " id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    " key TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (session, key)) STRICT;",
};

static const char *const texts[CONTEXT_SCHEMA_N] = {
    [CONTEXT_SCHEMA_SESSION] =
        "SELECT id, used_at, made_at, bytes FROM sessions WHERE tenant = ?1 AND name = ?2",
    [CONTEXT_SCHEMA_MAKE_SESSION] = "INSERT INTO sessions (tenant, name, made_at, used_at, bytes)"
                                    " VALUES (?1, ?2, ?3, ?3, 0) RETURNING id",
    [CONTEXT_SCHEMA_USE_SESSION] = "UPDATE sessions SET used_at = ?2 WHERE id = ?1",
    [CONTEXT_SCHEMA_GROW_SESSION] = "UPDATE sessions SET bytes = bytes + ?2 WHERE id = ?1",
    [CONTEXT_SCHEMA_REMOVE_SESSION] = "DELETE FROM sessions WHERE id = ?1 RETURNING bytes",
    [CONTEXT_SCHEMA_FIND_EPOCH] = "SELECT id, n_source, digest FROM epochs"
                                  " WHERE session = ?1 AND config = ?2 AND n_source <= ?3"
                                  " ORDER BY n_source DESC, id DESC",
    [CONTEXT_SCHEMA_READ_EPOCH] =
        "SELECT digest, marks, n_source, source_tokens, frozen_tokens, number, frozen,"
        " stages, summary FROM epochs WHERE id = ?1",
    [CONTEXT_SCHEMA_LAST_NUMBER] = "SELECT coalesce(max(number), 0) FROM epochs WHERE session = ?1",
    [CONTEXT_SCHEMA_ADD_EPOCH] =
        "INSERT INTO epochs (session, number, config, digest, marks, n_source,"
        " source_tokens, frozen_tokens, stages, summary, frozen)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [CONTEXT_SCHEMA_PRUNE_EPOCHS] = "DELETE FROM epochs WHERE session = ?1 AND number <= ?2"
                                    " RETURNING length(frozen) + length(summary)",
    [CONTEXT_SCHEMA_REMOVE_EPOCH] =
        "DELETE FROM epochs WHERE id = ?1 RETURNING length(frozen) + length(summary)",
    [CONTEXT_SCHEMA_ADD_BLOCK] =
        "INSERT OR IGNORE INTO blocks (session, key, body) VALUES (?1, ?2, ?3)",
    [CONTEXT_SCHEMA_TAKE_BLOCK] = "SELECT body FROM blocks WHERE session = ?1 AND key = ?2",
    [CONTEXT_SCHEMA_PRUNE_BLOCK] = "DELETE FROM blocks WHERE id ="
                                   " (SELECT id FROM blocks WHERE session = ?1 ORDER BY id LIMIT 1)"
                                   " RETURNING length(body)",
    [CONTEXT_SCHEMA_COUNT_PARTS] = "SELECT (SELECT count(*) FROM epochs WHERE session = ?1),"
                                   " (SELECT count(*) FROM blocks WHERE session = ?1)",
    [CONTEXT_SCHEMA_NEWEST_EPOCH] =
        "SELECT n_source, source_tokens, frozen_tokens, number FROM epochs"
        " WHERE session = ?1 ORDER BY number DESC LIMIT 1",
    [CONTEXT_SCHEMA_OLDEST_SESSION] =
        "SELECT id FROM sessions WHERE id <> ?1 ORDER BY used_at LIMIT 1",
    [CONTEXT_SCHEMA_OLDEST_OF_TENANT] = "SELECT id FROM sessions WHERE tenant = ?2 AND id <> ?1"
                                        " ORDER BY used_at LIMIT 1",
    [CONTEXT_SCHEMA_EXPIRED_SESSION] =
        "SELECT id FROM sessions WHERE used_at < ?1 ORDER BY used_at LIMIT 1",
    [CONTEXT_SCHEMA_TENANT_BYTES] =
        "SELECT coalesce(sum(bytes), 0) FROM sessions WHERE tenant = ?1",
};

enum db_result context_schema_open(const char *path, struct context_schema *ret, char *reterr,
                                   size_t reterr_size)
{
    *ret = (struct context_schema){.db = NULL};
    enum db_result result = db_open(path, DB_WRITER, migrations, 1, &ret->db);

    if (result == DB_OK)
        result = db_check(ret->db);
    /* What was committed outlives the process; a power cut may cost the last epochs. */
    if (result == DB_OK)
        result = db_exec(ret->db, "PRAGMA synchronous=NORMAL");
    for (int i = 0; i < CONTEXT_SCHEMA_N && result == DB_OK; i++)
        result = db_prepare(ret->db, texts[i], &ret->statements[i]);
    if (result != DB_OK) {
        str_copy(reterr, reterr_size, str_from(db_error_text(ret->db)));
        context_schema_close(ret);
    }
    return result;
}

void context_schema_close(struct context_schema *s)
{
    for (int i = 0; i < CONTEXT_SCHEMA_N; i++)
        db_statement_free(&s->statements[i]);
    db_close(&s->db);
}

enum db_result context_schema_ask(struct context_schema *s, enum context_schema_statement which,
                                  int64_t *ret)
{
    enum db_result result = db_step(s->statements[which]);

    if (result != DB_ROW)
        return result;
    *ret = db_int(s->statements[which], 0);
    result = db_step(s->statements[which]);
    return result == DB_OK ? DB_ROW : result;
}
