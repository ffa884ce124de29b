#include "keystore_rows.h"

#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
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

static void read_limits(struct db_statement *s, const struct keystore_rows_owner *owner,
                        struct keyring_limits *ret)
{
    ret->rpm = limit_of(s, 0);
    ret->tpm = limit_of(s, 1);
    ret->parallel = limit_of(s, 2);
    for (int p = 0; p < PURSE_PERIODS; p++)
        ret->budget.nano[p] = int_or(s, 3 + p, MONEY_UNKNOWN);
    ret->budget.zone = db_is_null(s, 6) ? NULL : owner->zone(owner->arg, db_text(s, 6));
}

#define LIMITS "rpm, tpm, parallel, budget_total, budget_daily, budget_monthly, zone, "

/* Room for one more of `n`. */
static void *grow(void *list, size_t n, size_t size)
{
    if (n >= 8 ? (n & (n - 1)) != 0 : n > 0)
        return list;
    list = reallocarray(list, n ? 2 * n : 8, size);
    assert(list);
    return list;
}

static enum db_result read_teams(struct db *db, const struct keystore_rows_owner *owner,
                                 struct keyring_parts *parts)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result r =
        db_prepare(db, "SELECT " LIMITS "name, created_at FROM teams ORDER BY name", &s);
    if (r)
        return r;
    while ((r = db_step(s)) == DB_ROW) {
        parts->teams = grow(parts->teams, parts->n_teams, sizeof(*parts->teams));
        struct keyring_team *t = &parts->teams[parts->n_teams++];
        *t = (struct keyring_team){.created_at = (usec_t)db_int(s, 8)};
        read_limits(s, owner, &t->limits);
        char *id = NULL;
        int n = asprintf(&id, "team:%.*s", STR_ARG(db_text(s, 7)));
        assert(n > 0);
        t->name = copy((struct str){id + 5, (size_t)n - 5});
        t->usage = owner->usage(owner->arg, id);
        free(id);
    }
    return r;
}

static int compare_team(const void *name, const void *team)
{
    return strcmp(name, ((const struct keyring_team *)team)->name);
}

static const struct keyring_team *team_of(struct db_statement *s, int column,
                                          const struct keyring_parts *parts)
{
    char name[KEYSTORE_MAX_NAME + 1];
    if (db_is_null(s, column) || parts->n_teams == 0 ||
        !str_copy(name, sizeof(name), db_text(s, column)))
        return NULL;
    return bsearch(name, parts->teams, parts->n_teams, sizeof(*parts->teams), compare_team);
}

static enum keyring_unpriced unpriced_of(struct str text)
{
    if (str_is(text, "allow"))
        return KEYRING_UNPRICED_ALLOW;
    return str_is(text, "refuse") ? KEYRING_UNPRICED_REFUSE : KEYRING_UNPRICED_DEFAULT;
}

/* A row without a digest is nobody's key: all zero, which no text leads to. */
static void read_key(struct db_statement *s, const struct keyring_parts *parts,
                     struct keyring_key *key)
{
    *key = (struct keyring_key){.id = copy(db_text(s, 7)),
                                .name = copy(db_text(s, 8)),
                                .team = team_of(s, 12, parts),
                                .tags = copy(db_text(s, 14)),
                                .outage =
                                    str_is(db_text(s, 15), "open") ? KEYRING_OPEN : KEYRING_CLOSED,
                                .unpriced = unpriced_of(db_text(s, 16)),
                                .created_at = (usec_t)db_int(s, 17),
                                .expires_at = time_of(s, 18),
                                .revoked_at = time_of(s, 19)};
    read_models(key, db_text(s, 13));
    if (!read_digest(s, 9, key->digest))
        memset(key->digest, 0, DIGEST_SIZE);
    if (read_digest(s, 10, key->old_digest))
        key->old_until = (usec_t)int_or(s, 11, 0);
}

static enum db_result read_keys(struct db *db, const struct keystore_rows_owner *owner,
                                struct keyring_parts *parts)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result r =
        db_prepare(db,
                   "SELECT " LIMITS "id, name, digest, old_digest, old_until, team, models, tags,"
                   " outage, unpriced, created_at, expires_at, revoked_at"
                   " FROM keys ORDER BY created_at, id",
                   &s);
    if (r)
        return r;
    while ((r = db_step(s)) == DB_ROW) {
        parts->keys = grow(parts->keys, parts->n_keys, sizeof(*parts->keys));
        struct keyring_key *key = &parts->keys[parts->n_keys++];
        read_key(s, parts, key);
        read_limits(s, owner, &key->limits);
        key->usage = owner->usage(owner->arg, key->id);
    }
    return r;
}

enum db_result keystore_rows_read(struct db *db, const struct keystore_rows_owner *owner,
                                  struct keyring_parts *ret)
{
    struct keyring_parts parts = {0};
    enum db_result r = read_teams(db, owner, &parts);
    if (r == DB_OK)
        r = read_keys(db, owner, &parts);
    if (r == DB_OK) {
        *ret = parts;
        return DB_OK;
    }
    struct keyring *half = keyring_new(parts, NULL); /* it knows how to release what was read */
    keyring_unref(&half);
    return r;
}

static void bind_limit(struct db_statement *s, int index, uint64_t limit)
{
    if (limit != KEYRING_DEFAULT)
        db_bind_int(s, index, (int64_t)limit);
}

static void bind_optional(struct db_statement *s, int index, const char *text)
{
    db_bind_text(s, index, (struct str){text, text ? strlen(text) : 0});
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

static const char *unpriced_text(enum keyring_unpriced u)
{
    static const char *const texts[] = {NULL, "allow", "refuse"};
    return texts[u];
}

/* The same numbers in every statement: 1 whose, 2 which fields, 3 to 9 limits … */
static void bind_limits(struct db_statement *s, const struct keystore_request *r)
{
    db_bind_int(s, 2, r->fields);
    bind_limit(s, 3, r->rpm);
    bind_limit(s, 4, r->tpm);
    bind_limit(s, 5, r->parallel);
    for (int p = 0; p < PURSE_PERIODS; p++)
        if (r->budget[p] != MONEY_UNKNOWN)
            db_bind_int(s, 6 + p, r->budget[p]);
    bind_optional(s, 9, r->zone);
}

/* … and 10 to 14 what only keys have. */
static void bind_key(struct db_statement *s, const struct keystore_request *r)
{
    db_bind_text(s, 1, str_from(r->id));
    bind_limits(s, r);
    bind_models(s, 10, r);
    bind_optional(s, 11, r->tags);
    db_bind_text(s, 12, r->outage == KEYRING_OPEN ? STR("open") : STR("closed"));
    bind_optional(s, 13, unpriced_text(r->unpriced));
    if (r->expires_at != USEC_INFINITY)
        db_bind_int(s, 14, (int64_t)r->expires_at);
}

static enum db_result adopt_team(struct db *db, const char *team, usec_t now)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result r =
        db_prepare(db, "INSERT OR IGNORE INTO teams(name, created_at) VALUES(?1, ?2)", &s);
    if (r)
        return r;
    db_bind_text(s, 1, str_from(team));
    db_bind_int(s, 2, (int64_t)now);
    return db_step(s);
}

enum db_result keystore_rows_insert(struct db *db, const struct keystore_request *r,
                                    const uint8_t digest[DIGEST_SIZE], usec_t now)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result = r->team ? adopt_team(db, r->team, now) : DB_OK;
    if (result)
        return result;
    result = db_prepare(
        db,
        "INSERT INTO keys(id, " LIMITS "models, tags, outage, unpriced, expires_at, name, digest,"
        " team, created_at) VALUES(?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
        " ?16, ?17, ?18)",
        &s);
    if (result)
        return result;
    bind_key(s, r);
    db_bind_text(s, 15, str_from(r->name));
    db_bind_blob(s, 16, (struct str){(const char *)digest, DIGEST_SIZE});
    bind_optional(s, 17, r->team);
    db_bind_int(s, 18, (int64_t)now);
    return db_step(s);
}

enum db_result keystore_rows_insert_team(struct db *db, const struct keystore_request *r,
                                         usec_t now)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result = db_prepare(db,
                                       "INSERT INTO teams(name, " LIMITS "created_at)"
                                       " VALUES(?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                                       &s);
    if (result)
        return result;
    db_bind_text(s, 1, str_from(r->name));
    bind_limits(s, r);
    db_bind_int(s, 10, (int64_t)now);
    return db_step(s);
}

#define SET(column, field, value) #column " = iif(?2 & " field ", ?" value ", " #column ")"
#define SET_LIMITS                                                                                 \
    SET(rpm, "1", "3")                                                                             \
    ", " SET(tpm, "2", "4") ", " SET(parallel, "4", "5") ", " SET(                                 \
        budget_total, "8", "6") ", " SET(budget_daily, "16",                                       \
                                         "7") ", " SET(budget_monthly, "32",                       \
                                                       "8") ", " SET(zone, "64", "9")

static_assert(KEYSTORE_RPM == 1 && KEYSTORE_ZONE == 64 && KEYSTORE_EXPIRES == 2048,
              "the numbers of the statements");

enum db_result keystore_rows_update(struct db *db, const struct keystore_request *r)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result = db_prepare(
        db,
        "UPDATE keys SET " SET_LIMITS
        ", " SET(models, "128", "10") ", " SET(tags, "256", "11") ", " SET(
            outage, "512", "12") ", " SET(unpriced, "1024", "13") ", " SET(expires_at, "2048",
                                                                           "14") " WHERE id = ?1",
        &s);
    if (result)
        return result;
    bind_key(s, r);
    return db_step(s);
}

enum db_result keystore_rows_update_team(struct db *db, const struct keystore_request *r,
                                         bool *ret_found)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result = db_prepare(db, "UPDATE teams SET " SET_LIMITS " WHERE name = ?1", &s);
    if (result)
        return result;
    db_bind_text(s, 1, str_from(r->name));
    bind_limits(s, r);
    result = db_step(s);
    *ret_found = result != DB_OK || db_changes(db) > 0;
    return result;
}

enum db_result keystore_rows_find(struct db *db, struct keystore_request *r, bool *ret_found)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result = db_prepare(db,
                                       "SELECT id FROM keys WHERE (id = ?1 OR name = ?1)"
                                       " AND revoked_at IS NULL ORDER BY id = ?1 DESC LIMIT 1",
                                       &s);
    if (result)
        return result;
    db_bind_text(s, 1, str_from(r->name));
    result = db_step(s);
    *ret_found = result == DB_ROW;
    if (result != DB_ROW)
        return result;
    bool is_whole = str_copy(r->id, sizeof(r->id), db_text(s, 0));
    assert(is_whole);
    (void)is_whole;
    return DB_OK;
}

enum db_result keystore_rows_revoke(struct db *db, const struct keystore_request *r, usec_t now)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result = db_prepare(db, "UPDATE keys SET revoked_at = ?2 WHERE id = ?1", &s);
    if (result)
        return result;
    db_bind_text(s, 1, str_from(r->id));
    db_bind_int(s, 2, (int64_t)now);
    return db_step(s);
}

enum db_result keystore_rows_rotate(struct db *db, const struct keystore_request *r,
                                    const uint8_t digest[DIGEST_SIZE], usec_t now)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result = db_prepare(db,
                                       "UPDATE keys SET old_digest = iif(?3, digest, NULL),"
                                       " old_until = iif(?3, ?3, NULL), digest = ?2 WHERE id = ?1",
                                       &s);
    if (result)
        return result;
    db_bind_text(s, 1, str_from(r->id));
    db_bind_blob(s, 2, (struct str){(const char *)digest, DIGEST_SIZE});
    db_bind_int(s, 3, r->grace > 0 ? (int64_t)(now + r->grace) : 0);
    return db_step(s);
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
