#include "keystore_rows.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static char *copy(struct str text)
{
    char *s = strndup(text.len ? text.data : "", text.len);
    assert(s);
    return s;
}

static int64_t int_or(struct db_statement *s, int column, int64_t absent)
{
    return db_is_null(s, column) ? absent : db_int(s, column);
}

static uint64_t limit_of(struct db_statement *s, int column)
{
    return db_is_null(s, column) ? KEYRING_DEFAULT : (uint64_t)db_int(s, column);
}

static usec_t time_of(struct db_statement *s, int column)
{
    return db_is_null(s, column) ? USEC_INFINITY : (usec_t)db_int(s, column);
}

static bool read_digest(struct db_statement *s, int column, uint8_t *ret_digest)
{
    struct str bytes = db_text(s, column);
    if (bytes.len != DIGEST_SIZE)
        return false;
    memcpy(ret_digest, bytes.data, DIGEST_SIZE);
    return true;
}

static void read_models(struct keyring_key *key, struct str list)
{
    if (list.len == 0)
        return;
    size_t n = 1;
    for (size_t i = 0; i < list.len; i++)
        n += list.data[i] == ',';
    key->models = calloc(n, sizeof(*key->models));
    assert(key->models);
    for (struct str model; str_cut(&list, ',', &model);)
        key->models[key->n_models++] = copy(model);
}

#define MAX_LIST 65536 /* of models; more than keystore.c lets through */

#define COLUMNS                                                                                    \
    "id, name, digest, old_digest, old_until, team, models, tags, rpm, tpm, parallel,"             \
    " budget_total, budget_daily, budget_monthly, outage, created_at, expires_at, revoked_at"

/* A row without a digest is nobody's key: all zero, which no text leads to. */
static void read_key(struct db_statement *s, struct keyring_key *key)
{
    *key = (struct keyring_key){.id = copy(db_text(s, 0)),
                                .name = copy(db_text(s, 1)),
                                .team = copy(db_text(s, 5)),
                                .tags = copy(db_text(s, 7)),
                                .rpm = limit_of(s, 8),
                                .tpm = limit_of(s, 9),
                                .parallel = limit_of(s, 10),
                                .budget_total = int_or(s, 11, MONEY_UNKNOWN),
                                .budget_daily = int_or(s, 12, MONEY_UNKNOWN),
                                .budget_monthly = int_or(s, 13, MONEY_UNKNOWN),
                                .outage =
                                    str_is(db_text(s, 14), "open") ? KEYRING_OPEN : KEYRING_CLOSED,
                                .created_at = (usec_t)db_int(s, 15),
                                .expires_at = time_of(s, 16),
                                .revoked_at = time_of(s, 17)};
    read_models(key, db_text(s, 6));
    if (!read_digest(s, 2, key->digest))
        memset(key->digest, 0, DIGEST_SIZE);
    if (read_digest(s, 3, key->old_digest))
        key->old_until = (usec_t)int_or(s, 4, 0);
}

enum db_result keystore_rows_read(struct db *db, keystore_rows_usage_fn usage, void *arg,
                                  struct keyring_key **ret_keys, size_t *ret_n)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result r = db_prepare(db, "SELECT " COLUMNS " FROM keys ORDER BY created_at, id", &s);
    if (r)
        return r;

    struct keyring_key *keys = NULL;
    size_t n = 0, cap = 0;
    while ((r = db_step(s)) == DB_ROW) {
        if (n == cap) {
            cap = cap ? 2 * cap : 8;
            keys = reallocarray(keys, cap, sizeof(*keys));
            assert(keys);
        }
        read_key(s, &keys[n]);
        keys[n].usage = usage(arg, keys[n].id);
        n++;
    }
    if (r) { /* the ring knows how to release what was read */
        struct keyring *half = keyring_new(keys, n, NULL);
        keyring_unref(&half);
        return r;
    }
    *ret_keys = keys;
    *ret_n = n;
    return DB_OK;
}

static void bind_limit(struct db_statement *s, int index, uint64_t limit)
{
    if (limit != KEYRING_DEFAULT)
        db_bind_int(s, index, (int64_t)limit);
}

static void bind_budget(struct db_statement *s, int index, int64_t nano)
{
    if (nano != MONEY_UNKNOWN)
        db_bind_int(s, index, nano);
}

static void bind_models(struct db_statement *s, int index, const struct keystore_request *r)
{
    CLEANUP(buf_done) struct buf list;
    buf_init(&list, MAX_LIST);
    bool is_full = false;
    for (size_t i = 0; i < r->n_models; i++)
        is_full |= buf_printf(&list, "%s%s", i ? "," : "", r->models[i]) != BUF_OK;
    assert(!is_full);
    (void)is_full;
    if (r->n_models)
        db_bind_text(s, index, buf_str(&list));
}

enum db_result keystore_rows_insert(struct db *db, const struct keystore_request *r,
                                    const uint8_t digest[DIGEST_SIZE], usec_t now)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result = db_prepare(
        db,
        "INSERT INTO keys(id, name, digest, team, models, tags, rpm, tpm, parallel, budget_total,"
        " budget_daily, budget_monthly, outage, created_at, expires_at)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        &s);
    if (result)
        return result;
    db_bind_text(s, 1, str_from(r->id));
    db_bind_text(s, 2, str_from(r->name));
    db_bind_blob(s, 3, (struct str){(const char *)digest, DIGEST_SIZE});
    db_bind_text(s, 4, (struct str){r->team, r->team ? strlen(r->team) : 0});
    bind_models(s, 5, r);
    db_bind_text(s, 6, (struct str){r->tags, r->tags ? strlen(r->tags) : 0});
    bind_limit(s, 7, r->rpm);
    bind_limit(s, 8, r->tpm);
    bind_limit(s, 9, r->parallel);
    bind_budget(s, 10, r->budget_total);
    bind_budget(s, 11, r->budget_daily);
    bind_budget(s, 12, r->budget_monthly);
    db_bind_text(s, 13, r->outage == KEYRING_OPEN ? STR("open") : STR("closed"));
    db_bind_int(s, 14, (int64_t)now);
    if (r->expires_at != USEC_INFINITY)
        db_bind_int(s, 15, (int64_t)r->expires_at);
    return db_step(s);
}

enum db_result keystore_rows_revoke(struct db *db, struct keystore_request *r, usec_t now,
                                    bool *ret_found)
{
    CLEANUP(db_statement_free) struct db_statement *find = NULL;
    CLEANUP(db_statement_free) struct db_statement *set = NULL;
    enum db_result result = db_prepare(db,
                                       "SELECT id FROM keys WHERE (id = ?1 OR name = ?1)"
                                       " AND revoked_at IS NULL ORDER BY id = ?1 DESC LIMIT 1",
                                       &find);
    if (result)
        return result;
    db_bind_text(find, 1, str_from(r->name));
    result = db_step(find);
    *ret_found = result == DB_ROW;
    if (result != DB_ROW)
        return result;
    bool is_whole = str_copy(r->id, sizeof(r->id), db_text(find, 0));
    assert(is_whole);
    (void)is_whole;
    db_reset(find);

    result = db_prepare(db, "UPDATE keys SET revoked_at = ?2 WHERE id = ?1", &set);
    if (result)
        return result;
    db_bind_text(set, 1, str_from(r->id));
    db_bind_int(set, 2, (int64_t)now);
    return db_step(set);
}

enum db_result keystore_rows_confirm(struct db *db, const char *name, struct str value,
                                     bool *ret_is_same)
{
    CLEANUP(db_statement_free) struct db_statement *insert = NULL;
    CLEANUP(db_statement_free) struct db_statement *find = NULL;
    enum db_result r =
        db_prepare(db, "INSERT OR IGNORE INTO meta(name, value) VALUES(?1, ?2)", &insert);
    if (r)
        return r;
    db_bind_text(insert, 1, str_from(name));
    db_bind_blob(insert, 2, value);
    r = db_step(insert);
    if (r == DB_OK)
        r = db_prepare(db, "SELECT value FROM meta WHERE name = ?1", &find);
    if (r)
        return r;
    db_bind_text(find, 1, str_from(name));
    r = db_step(find);
    if (r != DB_ROW)
        return r;
    *ret_is_same = str_equal(db_text(find, 0), value);
    return DB_OK;
}
