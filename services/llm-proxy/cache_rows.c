#include "cache_rows.h"

#include <stdlib.h>
#include <string.h>

#define PAGE         4096
#define ROW_OVERHEAD 320 /* key, numbers, two indexes */
#define MAX_REMOVED  512 /* at a time, so that nobody waits long for us */

static const char *const migrations[] = {
    "CREATE TABLE answers ("
    " id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, mark BLOB NOT NULL,"
    " asked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, is_stream INTEGER NOT NULL,"
    " at_model INTEGER NOT NULL, took INTEGER NOT NULL, cost_nano INTEGER,"
    " uses INTEGER NOT NULL, worth REAL NOT NULL, rank REAL NOT NULL, bytes INTEGER NOT NULL,"
    " body BLOB NOT NULL) STRICT;"
    "CREATE INDEX answers_by_rank ON answers (rank, bytes);"
    "CREATE INDEX answers_by_end ON answers (expires_at);",
};

enum statement { FIND, PUT, REMOVE, USE, EXPIRE, EVICT, N_STATEMENTS };

static const char *const texts[N_STATEMENTS] = {
    [FIND] = "SELECT mark, asked_at, expires_at, is_stream, at_model, took, cost_nano, body"
             " FROM answers WHERE key = ?1 AND expires_at > ?2",
    [PUT] = "INSERT INTO answers (key, mark, asked_at, expires_at, is_stream, at_model, took,"
            " cost_nano, uses, worth, rank, bytes, body)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?10, ?11, ?12)",
    [REMOVE] = "DELETE FROM answers WHERE key = ?1 RETURNING bytes, rank",
    [USE] = "UPDATE answers SET uses = uses + 1, rank = ?2 + worth * (uses + 1) WHERE key = ?1",
    [EXPIRE] = "DELETE FROM answers WHERE id = (SELECT id FROM answers WHERE expires_at <= ?1"
               " ORDER BY expires_at LIMIT 1) RETURNING bytes, rank",
    [EVICT] = "DELETE FROM answers WHERE id = (SELECT id FROM answers ORDER BY rank LIMIT 1)"
              " RETURNING bytes, rank",
};

struct cache_rows {
    struct db *db;
    struct db_statement *statements[N_STATEMENTS];
    struct cache_rows_stats stats;
    double floor; /* rank of what was thrown out last */
};

static struct str text_of(const struct cache_key *key)
{
    return (struct str){(const char *)key->bytes, sizeof(key->bytes)};
}

/* What is there, after a start or a transaction that came to nothing. */
static enum db_result count(struct cache_rows *r)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result = db_prepare(
        r->db, "SELECT count(*), coalesce(sum(bytes), 0), coalesce(min(rank), 0) FROM answers", &s);

    if (result == DB_OK)
        result = db_step(s);
    if (result != DB_ROW)
        return result;
    r->stats.entries = (uint64_t)db_int(s, 0);
    r->stats.bytes = (uint64_t)db_int(s, 1);
    r->floor = db_double(s, 2); /* what was thrown out last was worth no more than this */
    return DB_OK;
}

enum db_result cache_rows_open(const char *path, struct cache_rows **ret, char *reterr,
                               size_t reterr_size)
{
    CLEANUP(cache_rows_close) struct cache_rows *r = calloc(1, sizeof(*r));
    if (!r)
        abort();

    enum db_result result = db_open(path, DB_WRITER, migrations, 1, &r->db);
    if (result == DB_OK)
        result = db_exec(r->db, "PRAGMA synchronous=NORMAL");
    for (int i = 0; i < N_STATEMENTS && result == DB_OK; i++)
        result = db_prepare(r->db, texts[i], &r->statements[i]);
    if (result == DB_OK)
        result = count(r);
    if (result == DB_OK)
        *ret = TAKE(r);
    else
        str_copy(reterr, reterr_size, str_from(db_error_text(r->db)));
    return result;
}

void cache_rows_close(struct cache_rows **r)
{
    struct cache_rows *old = TAKE(*r);

    if (!old)
        return;
    for (int i = 0; i < N_STATEMENTS; i++)
        db_statement_free(&old->statements[i]);
    db_close(&old->db);
    free(old);
}

const char *cache_rows_error(const struct cache_rows *r)
{
    return db_error_text(r->db);
}

static struct cache_answer *read_answer(struct db_statement *s, const struct cache_key *key)
{
    uint8_t mark[DIGEST_SIZE];
    struct cache_answer facts = {
        .asked_at = (usec_t)db_int(s, 1),
        .expires_at = (usec_t)db_int(s, 2),
        .is_stream = db_int(s, 3) != 0,
        .at_model = (uint32_t)db_int(s, 4),
        .took = (usec_t)db_int(s, 5),
        .cost_nano = db_is_null(s, 6) ? MONEY_UNKNOWN : db_int(s, 6),
    };
    struct str body = db_text(s, 7), found = db_text(s, 0);

    if (body.len > CACHE_ANSWER_MAX_BODY || found.len != DIGEST_SIZE)
        return NULL;
    struct cache_answer *a = cache_answer_new(&facts, body);
    cache_answer_digest(a, key, mark);
    if (memcmp(mark, found.data, DIGEST_SIZE) != 0)
        cache_answer_unref(&a);
    return a;
}

/* A statement that deletes one row or none, and says what went: DB_ROW or DB_OK. */
static enum db_result take_out(struct cache_rows *r, enum statement which, double *ret_rank)
{
    struct db_statement *s = r->statements[which];
    enum db_result result = db_step(s);

    if (result != DB_ROW)
        return result;
    r->stats.entries--;
    r->stats.bytes -= (uint64_t)db_int(s, 0);
    *ret_rank = db_double(s, 1);
    result = db_step(s);
    return result == DB_OK ? DB_ROW : result;
}

static enum db_result remove_row(struct cache_rows *r, const struct cache_key *key)
{
    double rank;

    db_bind_blob(r->statements[REMOVE], 1, text_of(key));
    enum db_result result = take_out(r, REMOVE, &rank);
    return result == DB_ROW ? DB_OK : result;
}

enum db_result cache_rows_find(struct cache_rows *r, const struct cache_key *key, usec_t now,
                               struct cache_answer **ret)
{
    struct db_statement *s = r->statements[FIND];

    db_bind_blob(s, 1, text_of(key));
    db_bind_int(s, 2, (int64_t)now);
    enum db_result result = db_step(s);
    if (result != DB_ROW)
        return result;
    struct cache_answer *a = read_answer(s, key);
    db_reset(s);
    if (!a)
        return remove_row(r, key);
    *ret = a;
    return DB_ROW;
}

enum db_result cache_rows_begin(struct cache_rows *r)
{
    return db_exec(r->db, "BEGIN IMMEDIATE");
}

/* As SQLite stores it: what does not fit into a quarter of a page goes on pages of its own. */
static size_t bytes_of(const struct cache_answer *a)
{
    return a->len <= PAGE / 4 ? a->len + ROW_OVERHEAD
                              : (a->len / PAGE + 1) * PAGE + ROW_OVERHEAD + PAGE / 4;
}

enum db_result cache_rows_put(struct cache_rows *r, const struct cache_key *key,
                              const struct cache_answer *a)
{
    struct db_statement *s = r->statements[PUT];
    size_t bytes = bytes_of(a);
    double worth = cache_answer_worth(a, 1, bytes);
    uint8_t mark[DIGEST_SIZE];

    enum db_result result = remove_row(r, key);
    if (result != DB_OK)
        return result;
    cache_answer_digest(a, key, mark);
    db_bind_blob(s, 1, text_of(key));
    db_bind_blob(s, 2, (struct str){(const char *)mark, sizeof(mark)});
    db_bind_int(s, 3, (int64_t)a->asked_at);
    db_bind_int(s, 4, (int64_t)a->expires_at);
    db_bind_int(s, 5, a->is_stream);
    db_bind_int(s, 6, a->at_model);
    db_bind_int(s, 7, (int64_t)a->took);
    if (a->cost_nano == MONEY_UNKNOWN)
        db_bind_null(s, 8);
    else
        db_bind_int(s, 8, a->cost_nano);
    db_bind_double(s, 9, worth);
    db_bind_double(s, 10, r->floor + worth);
    db_bind_int(s, 11, (int64_t)bytes);
    db_bind_blob(s, 12, cache_answer_body(a));
    result = db_step(s);
    if (result != DB_OK)
        return result;
    r->stats.entries++;
    r->stats.bytes += bytes;
    return DB_OK;
}

enum db_result cache_rows_use(struct cache_rows *r, const struct cache_key *key)
{
    db_bind_blob(r->statements[USE], 1, text_of(key));
    db_bind_double(r->statements[USE], 2, r->floor);
    return db_step(r->statements[USE]);
}

enum db_result cache_rows_trim(struct cache_rows *r, uint64_t max_bytes, usec_t now)
{
    enum db_result result = DB_ROW;
    int removed = 0;
    double rank;

    db_bind_int(r->statements[EXPIRE], 1, (int64_t)now);
    while (removed < MAX_REMOVED && (result = take_out(r, EXPIRE, &rank)) == DB_ROW)
        removed++;
    if (result != DB_OK && result != DB_ROW)
        return result;
    while (removed < MAX_REMOVED && r->stats.bytes > max_bytes && r->stats.entries > 0) {
        result = take_out(r, EVICT, &rank);
        if (result != DB_ROW)
            return result;
        r->floor = rank;
        r->stats.evictions++;
        removed++;
    }
    return DB_OK;
}

enum db_result cache_rows_end(struct cache_rows *r, enum db_result so_far)
{
    enum db_result result = so_far == DB_OK ? db_exec(r->db, "COMMIT") : so_far;

    if (result == DB_OK)
        return DB_OK;
    db_rollback(r->db);
    (void)!count(r);
    return result;
}

enum db_result cache_rows_clear(struct cache_rows *r)
{
    enum db_result result = db_exec(r->db, "DELETE FROM answers");

    if (result == DB_OK)
        result = db_exec(r->db, "VACUUM");
    enum db_result counted = count(r);
    return result == DB_OK ? counted : result;
}

struct cache_rows_stats cache_rows_look(const struct cache_rows *r)
{
    return r->stats;
}
