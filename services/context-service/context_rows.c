#include "context_rows.h"

#include "context_schema.h"

#include <stdlib.h>
#include <string.h>

#define ROW_BYTES    200                 /* of a row, beside its texts, and its share of indexes */
#define USE_INTERVAL (60 * USEC_PER_SEC) /* a use is noted no more often */

struct context_rows {
    struct context_schema schema;
    struct context_rows_stats stats;
};

/* ---- the file ---- */

static enum db_result count(struct context_rows *r)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    enum db_result result =
        db_prepare(r->schema.db, "SELECT count(*), coalesce(sum(bytes), 0) FROM sessions", &s);

    if (result == DB_OK)
        result = db_step(s);
    if (result != DB_ROW)
        return result;
    r->stats.sessions = (uint64_t)db_int(s, 0);
    r->stats.bytes = (uint64_t)db_int(s, 1);
    return DB_OK;
}

enum db_result context_rows_open(const char *path, struct context_rows **ret, char *reterr,
                                 size_t reterr_size)
{
    CLEANUP(context_rows_close) struct context_rows *r = calloc(1, sizeof(*r));
    if (!r)
        abort();

    enum db_result result = context_schema_open(path, &r->schema, reterr, reterr_size);
    if (result == DB_OK)
        result = count(r);
    if (result == DB_OK)
        *ret = TAKE(r);
    return result;
}

void context_rows_close(struct context_rows **r)
{
    struct context_rows *old = TAKE(*r);

    if (!old)
        return;
    context_schema_close(&old->schema);
    free(old);
}

const char *context_rows_error(const struct context_rows *r)
{
    return db_error_text(r->schema.db);
}

struct context_rows_stats context_rows_look(const struct context_rows *r)
{
    return r->stats;
}

/* ---- small steps ---- */

static struct str copy(struct arena *a, struct str text)
{
    char *to = arena_copy(a, text);

    return to ? (struct str){to, text.len} : (struct str){NULL, 0};
}

static struct str digest_text(const uint8_t *digest)
{
    return (struct str){(const char *)digest, DIGEST_SIZE};
}

static void read_digest(struct db_statement *s, int column, uint8_t *ret)
{
    struct str text = db_text(s, column);

    memset(ret, 0, DIGEST_SIZE);
    if (text.len == DIGEST_SIZE)
        memcpy(ret, text.data, DIGEST_SIZE);
}

struct place {
    int64_t id;
    usec_t used_at, made_at;
    uint64_t bytes;
};

/* The session's row, unless it is too old. */
static enum db_result find_place(struct context_rows *r, const struct context_scope *scope,
                                 usec_t oldest, struct place *ret)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_SESSION];

    db_bind_text(s, 1, scope->tenant);
    db_bind_text(s, 2, scope->session);
    enum db_result result = db_step(s);
    if (result != DB_ROW)
        return result;
    *ret = (struct place){.id = db_int(s, 0),
                          .used_at = (usec_t)db_int(s, 1),
                          .made_at = (usec_t)db_int(s, 2),
                          .bytes = (uint64_t)db_int(s, 3)};
    db_reset(s);
    return ret->used_at >= oldest ? DB_ROW : DB_OK;
}

static enum db_result note_use(struct context_rows *r, const struct place *p, usec_t now)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_USE_SESSION];

    if (now < p->used_at + USE_INTERVAL)
        return DB_OK;
    db_bind_int(s, 1, p->id);
    db_bind_int(s, 2, (int64_t)now);
    return db_step(s);
}

static enum db_result remove_place(struct context_rows *r, int64_t id)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_REMOVE_SESSION];
    int64_t bytes;

    db_bind_int(s, 1, id);
    enum db_result result = context_schema_ask(&r->schema, CONTEXT_SCHEMA_REMOVE_SESSION, &bytes);
    if (result != DB_ROW)
        return result;
    r->stats.sessions--;
    r->stats.bytes -= (uint64_t)bytes;
    return DB_OK;
}

/* ---- looking ---- */

static enum db_result read_epoch(struct context_rows *r, int64_t id, struct arena *a,
                                 struct context_epoch *ret)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_READ_EPOCH];

    db_bind_int(s, 1, id);
    enum db_result result = db_step(s);
    if (result != DB_ROW)
        return result;
    read_digest(s, 0, ret->digest);
    read_digest(s, 1, ret->marks);
    ret->n_source = (uint64_t)db_int(s, 2);
    ret->source_tokens = (uint64_t)db_int(s, 3);
    ret->frozen_tokens = (uint64_t)db_int(s, 4);
    ret->number = (uint64_t)db_int(s, 5);
    ret->frozen = copy(a, db_text(s, 6));
    ret->stages = copy(a, db_text(s, 7));
    ret->summary = copy(a, db_text(s, 8));
    db_reset(s);
    return ret->frozen.data && ret->stages.data && ret->summary.data ? DB_ROW : DB_FAILED;
}

/* Its id, 0 when none matches. */
static enum db_result find_epoch(struct context_rows *r, int64_t session,
                                 const struct context_find *find, int64_t *ret)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_FIND_EPOCH];
    enum db_result result;

    *ret = 0;
    db_bind_int(s, 1, session);
    db_bind_blob(s, 2, digest_text(find->config));
    db_bind_int(s, 3, (int64_t)find->n);
    while ((result = db_step(s)) == DB_ROW) {
        int64_t n = db_int(s, 1);
        uint8_t digest[DIGEST_SIZE];
        read_digest(s, 2, digest);
        if (n < 1 || memcmp(digest, find->chain + (size_t)(n - 1) * DIGEST_SIZE, DIGEST_SIZE) != 0)
            continue;
        *ret = db_int(s, 0);
        db_reset(s);
        return DB_OK;
    }
    return result;
}

enum db_result context_rows_find(struct context_rows *r, const struct context_find *find,
                                 struct context_when when, struct arena *a,
                                 struct context_epoch *ret)
{
    struct place place;
    int64_t id = 0;
    enum db_result result = find_place(r, &find->scope, when.oldest, &place);

    if (result != DB_ROW)
        return result;
    result = find_epoch(r, place.id, find, &id);
    if (result == DB_OK)
        result = note_use(r, &place, when.now);
    if (result != DB_OK || id == 0)
        return result;
    memcpy(ret->config, find->config, DIGEST_SIZE);
    ret->used_before = place.used_at;
    return read_epoch(r, id, a, ret);
}

enum db_result context_rows_take_block(struct context_rows *r,
                                       const struct context_address *address,
                                       struct context_when when, struct arena *a, struct str *ret)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_TAKE_BLOCK];
    struct place place;
    enum db_result result = find_place(r, &address->scope, when.oldest, &place);

    if (result == DB_ROW)
        result = note_use(r, &place, when.now);
    else
        return result;
    if (result != DB_OK)
        return result;
    db_bind_int(s, 1, place.id);
    db_bind_text(s, 2, address->key);
    result = db_step(s);
    if (result != DB_ROW)
        return result;
    *ret = copy(a, db_text(s, 0));
    db_reset(s);
    return ret->data ? DB_ROW : DB_FAILED;
}

enum db_result context_rows_find_session(struct context_rows *r, const struct context_scope *scope,
                                         struct context_when when, struct context_session *ret)
{
    struct db_statement *parts = r->schema.statements[CONTEXT_SCHEMA_COUNT_PARTS],
                        *newest = r->schema.statements[CONTEXT_SCHEMA_NEWEST_EPOCH];
    struct place place;
    enum db_result result = find_place(r, scope, when.oldest, &place);

    if (result != DB_ROW)
        return result;
    *ret = (struct context_session){
        .made_at = place.made_at, .used_at = place.used_at, .bytes = place.bytes};
    db_bind_int(parts, 1, place.id);
    result = db_step(parts);
    if (result != DB_ROW)
        return result;
    ret->blocks = (uint64_t)db_int(parts, 1);
    db_reset(parts);

    db_bind_int(newest, 1, place.id);
    result = db_step(newest);
    if (result != DB_ROW)
        return result == DB_OK ? DB_ROW : result;
    ret->n_source = (uint64_t)db_int(newest, 0);
    ret->source_tokens = (uint64_t)db_int(newest, 1);
    ret->frozen_tokens = (uint64_t)db_int(newest, 2);
    ret->epochs = (uint64_t)db_int(newest, 3);
    db_reset(newest);
    return DB_ROW;
}

/* ---- keeping ---- */

static enum db_result make_place(struct context_rows *r, const struct context_scope *scope,
                                 usec_t now, struct place *ret)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_MAKE_SESSION];
    int64_t id;

    db_bind_text(s, 1, scope->tenant);
    db_bind_text(s, 2, scope->session);
    db_bind_int(s, 3, (int64_t)now);
    enum db_result result = context_schema_ask(&r->schema, CONTEXT_SCHEMA_MAKE_SESSION, &id);
    if (result != DB_ROW)
        return result;
    r->stats.sessions++;
    *ret = (struct place){.id = id, .used_at = now, .made_at = now};
    return DB_ROW;
}

static enum db_result grow(struct context_rows *r, int64_t session, int64_t bytes)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_GROW_SESSION];

    db_bind_int(s, 1, session);
    db_bind_int(s, 2, bytes);
    r->stats.bytes += (uint64_t)bytes;
    return db_step(s);
}

static enum db_result prune_epochs(struct context_rows *r, int64_t session, int64_t upto)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_PRUNE_EPOCHS];
    enum db_result result;
    int64_t bytes = 0;

    if (upto < 1)
        return DB_OK;
    db_bind_int(s, 1, session);
    db_bind_int(s, 2, upto);
    while ((result = db_step(s)) == DB_ROW)
        bytes += db_int(s, 0) + ROW_BYTES;
    return result == DB_OK && bytes > 0 ? grow(r, session, -bytes) : result;
}

static enum db_result add_epoch(struct context_rows *r, int64_t session, struct context_epoch *e)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_ADD_EPOCH];
    int64_t last = 0;

    db_bind_int(r->schema.statements[CONTEXT_SCHEMA_LAST_NUMBER], 1, session);
    enum db_result result = context_schema_ask(&r->schema, CONTEXT_SCHEMA_LAST_NUMBER, &last);
    if (result != DB_ROW)
        return result;
    if ((uint64_t)last < e->number)
        last = (int64_t)e->number; /* which this one replaces */
    e->number = (uint64_t)last + 1;
    db_bind_int(s, 1, session);
    db_bind_int(s, 2, (int64_t)e->number);
    db_bind_blob(s, 3, digest_text(e->config));
    db_bind_blob(s, 4, digest_text(e->digest));
    db_bind_blob(s, 5, digest_text(e->marks));
    db_bind_int(s, 6, (int64_t)e->n_source);
    db_bind_int(s, 7, (int64_t)e->source_tokens);
    db_bind_int(s, 8, (int64_t)e->frozen_tokens);
    db_bind_text(s, 9, e->stages);
    db_bind_text(s, 10, e->summary);
    db_bind_blob(s, 11, e->frozen);
    result = db_step(s);
    if (result == DB_OK)
        result = grow(r, session, (int64_t)(e->frozen.len + e->summary.len) + ROW_BYTES);
    return result == DB_OK ? prune_epochs(r, session, last + 1 - CONTEXT_ROWS_MAX_EPOCHS) : result;
}

static enum db_result remove_epoch(struct context_rows *r, int64_t session, int64_t id)
{
    int64_t bytes = 0;

    db_bind_int(r->schema.statements[CONTEXT_SCHEMA_REMOVE_EPOCH], 1, id);
    enum db_result result = context_schema_ask(&r->schema, CONTEXT_SCHEMA_REMOVE_EPOCH, &bytes);
    return result == DB_ROW ? grow(r, session, -(bytes + ROW_BYTES)) : result;
}

/* There is one for the same messages. Unless the caller knows it, another thread was faster: then
 * what that froze is what counts. */
static enum db_result meet_epoch(struct context_rows *r, int64_t session, int64_t id,
                                 struct context_epoch *e, struct arena *a)
{
    struct context_epoch there = *e;
    enum db_result result = read_epoch(r, id, a, &there);

    if (result != DB_ROW)
        return result;
    if (there.number != e->number) {
        *e = there;
        return DB_OK;
    }
    result = remove_epoch(r, session, id);
    return result == DB_OK ? add_epoch(r, session, e) : result;
}

static enum db_result keep_epoch(struct context_rows *r, int64_t session, struct context_epoch *e,
                                 struct arena *a)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_FIND_EPOCH];
    enum db_result result;

    db_bind_int(s, 1, session);
    db_bind_blob(s, 2, digest_text(e->config));
    db_bind_int(s, 3, (int64_t)e->n_source);
    while ((result = db_step(s)) == DB_ROW) {
        uint8_t digest[DIGEST_SIZE];
        int64_t id = db_int(s, 0);
        read_digest(s, 2, digest);
        if (memcmp(digest, e->digest, DIGEST_SIZE) != 0)
            continue;
        db_reset(s);
        return meet_epoch(r, session, id, e, a);
    }
    return result == DB_OK ? add_epoch(r, session, e) : result;
}

static enum db_result keep_blocks(struct context_rows *r, int64_t session,
                                  const struct context_keep *keep)
{
    struct db_statement *s = r->schema.statements[CONTEXT_SCHEMA_ADD_BLOCK];
    int64_t bytes = 0;

    for (size_t i = 0; i < keep->n_blocks; i++) {
        db_bind_int(s, 1, session);
        db_bind_text(s, 2, keep->blocks[i].key);
        db_bind_blob(s, 3, keep->blocks[i].body);
        enum db_result result = db_step(s);
        if (result != DB_OK)
            return result;
        if (db_changes(r->schema.db) > 0)
            bytes += (int64_t)(keep->blocks[i].body.len + keep->blocks[i].key.len) + ROW_BYTES;
    }
    return bytes > 0 ? grow(r, session, bytes) : DB_OK;
}

/* ---- bounds ---- */

/* The session that `which` names makes room. DB_OK: there is none. */
static enum db_result evict(struct context_rows *r, enum context_schema_statement which)
{
    int64_t id;
    enum db_result result = context_schema_ask(&r->schema, which, &id);

    if (result != DB_ROW)
        return result;
    result = remove_place(r, id);
    return result == DB_OK ? DB_ROW : result;
}

/* One session that is alone too large loses its oldest blocks. */
static enum db_result shed(struct context_rows *r, int64_t session)
{
    int64_t bytes;

    db_bind_int(r->schema.statements[CONTEXT_SCHEMA_PRUNE_BLOCK], 1, session);
    enum db_result result = context_schema_ask(&r->schema, CONTEXT_SCHEMA_PRUNE_BLOCK, &bytes);
    if (result != DB_ROW)
        return result;
    result = grow(r, session, -(bytes + ROW_BYTES));
    return result == DB_OK ? DB_ROW : result;
}

static enum db_result trim_tenant(struct context_rows *r, int64_t session,
                                  const struct context_scope *scope, uint64_t max)
{
    for (;;) {
        int64_t bytes;
        db_bind_text(r->schema.statements[CONTEXT_SCHEMA_TENANT_BYTES], 1, scope->tenant);
        enum db_result result = context_schema_ask(&r->schema, CONTEXT_SCHEMA_TENANT_BYTES, &bytes);
        if (result != DB_ROW || (uint64_t)bytes <= max)
            return result == DB_ROW ? DB_OK : result;
        db_bind_int(r->schema.statements[CONTEXT_SCHEMA_OLDEST_OF_TENANT], 1, session);
        db_bind_text(r->schema.statements[CONTEXT_SCHEMA_OLDEST_OF_TENANT], 2, scope->tenant);
        result = evict(r, CONTEXT_SCHEMA_OLDEST_OF_TENANT);
        if (result == DB_OK)
            result = shed(r, session);
        if (result != DB_ROW)
            return result; /* nothing is left to throw out */
    }
}

static enum db_result trim(struct context_rows *r, int64_t session,
                           const struct context_limits *limits)
{
    while (r->stats.sessions > limits->max_sessions || r->stats.bytes > limits->max_bytes) {
        db_bind_int(r->schema.statements[CONTEXT_SCHEMA_OLDEST_SESSION], 1, session);
        enum db_result result = evict(r, CONTEXT_SCHEMA_OLDEST_SESSION);
        if (result == DB_OK)
            result = shed(r, session);
        if (result != DB_ROW)
            return result;
    }
    return DB_OK;
}

static enum db_result keep_all(struct context_rows *r, const struct context_keep *keep,
                               const struct context_limits *limits, usec_t now, struct arena *a)
{
    struct place place;
    usec_t oldest = now > limits->ttl ? now - limits->ttl : 0;
    enum db_result result = context_rows_expire(r, oldest);

    if (result == DB_OK)
        result = find_place(r, &keep->scope, 0, &place);
    if (result == DB_OK)
        result = make_place(r, &keep->scope, now, &place);
    if (result != DB_ROW)
        return result;
    result = note_use(r, &place, now);
    if (result == DB_OK)
        result = keep_blocks(r, place.id, keep);
    if (result == DB_OK && keep->epoch)
        result = keep_epoch(r, place.id, keep->epoch, a);
    if (result == DB_OK)
        result = trim_tenant(r, place.id, &keep->scope, limits->max_tenant_bytes);
    return result == DB_OK ? trim(r, place.id, limits) : result;
}

enum db_result context_rows_keep(struct context_rows *r, const struct context_keep *keep,
                                 const struct context_limits *limits, usec_t now, struct arena *a)
{
    struct context_rows_stats before = r->stats;
    enum db_result result = db_exec(r->schema.db, "BEGIN IMMEDIATE");

    if (result != DB_OK)
        return result;
    result = keep_all(r, keep, limits, now, a);
    if (result == DB_OK)
        result = db_exec(r->schema.db, "COMMIT");
    if (result == DB_OK)
        return DB_OK;
    r->stats = before;
    if (db_exec(r->schema.db, "ROLLBACK") != DB_OK)
        return result; /* it was rolled back already */
    return result;
}

enum db_result context_rows_remove_session(struct context_rows *r,
                                           const struct context_scope *scope)
{
    struct place place;
    enum db_result result = find_place(r, scope, 0, &place);

    if (result != DB_ROW)
        return result;
    result = remove_place(r, place.id);
    return result == DB_OK ? DB_ROW : result;
}

enum db_result context_rows_expire(struct context_rows *r, usec_t oldest)
{
    enum db_result result = DB_ROW;

    while (result == DB_ROW) {
        db_bind_int(r->schema.statements[CONTEXT_SCHEMA_EXPIRED_SESSION], 1, (int64_t)oldest);
        result = evict(r, CONTEXT_SCHEMA_EXPIRED_SESSION);
    }
    return result;
}
