#include "history.h"

#include "io/log.h"

#include <stdlib.h>
#include <string.h>

enum row_kind { ROW_PROBE, ROW_CHANGE, ROW_STATE };

struct row {
    enum row_kind kind;
    char provider[128];
    union {
        struct history_probe probe;
        struct history_change change;
        struct history_state state;
    };
};

struct batch {
    struct history *history;
    struct row *rows;
    size_t n, size;
    enum db_result result;
    char error[256];
};

struct history {
    struct health_store *store;
    struct batch *pending; /* NULL: none */
    struct batch *writing;
    struct loop_timer timer;
    bool is_failing, is_slow; /* told to the log */
    bool has_begun;           /* to write: the database is the store's thread's now */
};

/* ---- on the store's thread ---- */

static struct db_statement *prepare(struct db *d, enum row_kind kind)
{
    static const char *const sql[] = {
        [ROW_PROBE] = "INSERT INTO probes(provider, at_ms, result, status, duration_us)"
                      " VALUES(?, ?, ?, ?, ?)",
        [ROW_CHANGE] = "INSERT INTO provider_changes(provider, at_ms, state_before, state, reason)"
                       " VALUES(?, ?, ?, ?, ?)",
        [ROW_STATE] = "INSERT OR REPLACE INTO provider_states(provider, state, reason, failures,"
                      " models, since_ms, last_success_ms, at_ms)"
                      " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
    };
    struct db_statement *s = NULL;

    return db_prepare(d, sql[kind], &s) == DB_OK ? s : NULL;
}

static void bind_probe(struct db_statement *s, const struct history_probe *p)
{
    db_bind_int(s, 2, (int64_t)p->at_ms);
    db_bind_text(s, 3, str_from(verdict_result_text(p->result)));
    db_bind_int(s, 4, p->status);
    db_bind_int(s, 5, (int64_t)p->duration);
}

static void bind_change(struct db_statement *s, const struct history_change *c)
{
    db_bind_int(s, 2, (int64_t)c->at_ms);
    db_bind_text(s, 3, str_from(health_state_text(c->before)));
    db_bind_text(s, 4, str_from(health_state_text(c->state)));
    db_bind_text(s, 5, str_from(c->reason));
}

static void bind_state(struct db_statement *s, const struct history_state *st)
{
    db_bind_text(s, 2, str_from(health_state_text(st->state)));
    db_bind_text(s, 3, str_from(verdict_result_text(st->reason)));
    db_bind_int(s, 4, st->failures);
    db_bind_int(s, 5, st->models);
    db_bind_int(s, 6, (int64_t)st->since_ms);
    db_bind_int(s, 7, (int64_t)st->last_success_ms);
    db_bind_int(s, 8, (int64_t)st->at_ms);
}

static enum db_result insert(struct db_statement *s, const struct row *row)
{
    db_bind_text(s, 1, str_from(row->provider));
    switch (row->kind) {
    case ROW_PROBE:
        bind_probe(s, &row->probe);
        break;
    case ROW_CHANGE:
        bind_change(s, &row->change);
        break;
    case ROW_STATE:
        bind_state(s, &row->state);
        break;
    }
    return db_step(s);
}

static enum db_result insert_all(struct db *d, const struct batch *b)
{
    struct db_statement *statement[ROW_STATE + 1] = {NULL};
    enum db_result r = DB_OK;

    for (size_t i = 0; i < b->n && r == DB_OK; i++) {
        struct db_statement **s = &statement[b->rows[i].kind];
        if (!*s)
            *s = prepare(d, b->rows[i].kind);
        r = *s ? insert(*s, &b->rows[i]) : DB_FAILED;
    }
    for (int k = ROW_PROBE; k <= ROW_STATE; k++)
        db_statement_free(&statement[k]);
    return r;
}

static enum db_result prune(struct db *d, const char *sql, int64_t value)
{
    struct db_statement *s = NULL;
    enum db_result r = db_prepare(d, sql, &s);

    if (r == DB_OK) {
        db_bind_int(s, 1, value);
        r = db_step(s);
    }
    db_statement_free(&s);
    return r;
}

static enum db_result prune_all(struct db *d, int64_t oldest_ms)
{
    const struct {
        const char *sql;
        int64_t value;
    } rules[] = {
        {"DELETE FROM probes WHERE id <= (SELECT max(id) FROM probes) - ?", HISTORY_MAX_PROBES},
        {"DELETE FROM provider_changes WHERE id <= (SELECT max(id) FROM provider_changes) - ?",
         HISTORY_MAX_CHANGES},
        {"DELETE FROM probes WHERE id IN (SELECT id FROM probes ORDER BY id LIMIT 1000)"
         " AND at_ms < ?",
         oldest_ms},
        {"DELETE FROM provider_changes WHERE id IN"
         " (SELECT id FROM provider_changes ORDER BY id LIMIT 100) AND at_ms < ?",
         oldest_ms},
        {"DELETE FROM provider_states WHERE at_ms < ?", oldest_ms},
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        enum db_result r = prune(d, rules[i].sql, rules[i].value);
        if (r != DB_OK)
            return r;
    }
    return DB_OK;
}

static void write_batch(void *arg, struct db *d)
{
    struct batch *b = arg;
    int64_t oldest_ms = (int64_t)(clock_wall() / USEC_PER_MSEC) - HISTORY_KEPT_MS;

    b->result = DB_OK;
    if (!d)
        return;
    b->result = db_exec(d, "BEGIN IMMEDIATE");
    if (b->result == DB_OK)
        b->result = insert_all(d, b);
    if (b->result == DB_OK)
        b->result = prune_all(d, oldest_ms);
    if (b->result == DB_OK)
        b->result = db_exec(d, "COMMIT");
    if (b->result == DB_OK)
        return;
    memcpy(b->error, db_error_text(d), sizeof(b->error));
    db_rollback(d);
}

/* ---- batches ---- */

static void free_batch(struct batch **b)
{
    if (!*b)
        return;
    free((*b)->rows);
    free(*b);
    *b = NULL;
}

static void on_timer(void *arg);

/* What could not be written is lost: it is history, not books. */
static void on_written(void *arg)
{
    struct batch *b = arg;
    struct history *h = b->history;

    if (b->result != DB_OK && !h->is_failing)
        log_warning("the history of providers cannot be written, ignoring: %s", b->error);
    h->is_failing = b->result != DB_OK;
    h->is_slow = false;
    free_batch(&h->writing);
    if (h->pending && !h->timer.is_armed)
        loop_timer_start(&h->timer, HISTORY_DELAY);
}

static void write_pending(struct history *h)
{
    if (!h->pending || h->writing)
        return;
    h->has_begun = true;
    loop_timer_stop(&h->timer);
    h->writing = TAKE(h->pending);
    health_store_submit(h->store, &(struct health_store_job){write_batch, on_written, h->writing});
}

static void on_timer(void *arg)
{
    write_pending(arg);
}

static void note_lost(struct history *h)
{
    if (!h->is_slow)
        log_warning("the history of providers is written too slowly; rows are left out");
    h->is_slow = true;
}

static bool grow(struct batch *b)
{
    if (b->n < b->size)
        return true;
    if (b->size == HISTORY_MAX_PENDING)
        return false;
    b->size = b->size == 0 ? 16 : b->size * 2;
    b->rows = reallocarray(b->rows, b->size, sizeof(*b->rows));
    if (!b->rows)
        abort();
    return true;
}

static struct row *add_row(struct history *h, const char *provider, enum row_kind kind)
{
    if (!health_store_is_there(h->store))
        return NULL;
    if (!h->pending) {
        h->pending = calloc(1, sizeof(*h->pending));
        if (!h->pending)
            abort();
        h->pending->history = h;
    }
    if (!grow(h->pending)) {
        note_lost(h);
        return NULL;
    }
    struct row *row = &h->pending->rows[h->pending->n++];
    *row = (struct row){.kind = kind};
    str_copy(row->provider, sizeof(row->provider), str_from(provider));
    if (!h->timer.is_armed)
        loop_timer_start(&h->timer, HISTORY_DELAY);
    return row;
}

void history_add_probe(struct history *h, const char *provider, const struct history_probe *p,
                       struct history_recent *to)
{
    struct row *row = add_row(h, provider, ROW_PROBE);

    to->probe[to->n_probes++ % HISTORY_SHOWN] = *p;
    if (row)
        row->probe = *p;
}

void history_add_change(struct history *h, const char *provider, const struct history_change *c,
                        struct history_recent *to)
{
    struct row *row = add_row(h, provider, ROW_CHANGE);

    to->change[to->n_changes++ % HISTORY_SHOWN] = *c;
    if (row)
        row->change = *c;
    if (h->pending)
        loop_timer_start(&h->timer, 0);
}

void history_set_state(struct history *h, const char *provider, const struct history_state *s)
{
    struct row *row = add_row(h, provider, ROW_STATE);

    if (row)
        row->state = *s;
}

/* ---- at the start ---- */

static struct db_statement *ask(struct db *d, const char *sql, const char *provider)
{
    struct db_statement *s = NULL;

    if (db_prepare(d, sql, &s) != DB_OK)
        return NULL;
    db_bind_text(s, 1, str_from(provider));
    return s;
}

static void load_probes(struct db *d, const char *provider, struct history_recent *to)
{
    CLEANUP(db_statement_free)
    struct db_statement *s = ask(d,
                                 "SELECT at_ms, result, status, duration_us FROM (SELECT * FROM"
                                 " probes WHERE provider = ? ORDER BY id DESC LIMIT 20)"
                                 " ORDER BY id",
                                 provider);

    while (s && db_step(s) == DB_ROW) {
        struct history_probe p = {
            .at_ms = (uint64_t)db_int(s, 0),
            .status = (int)db_int(s, 2),
            .duration = (usec_t)db_int(s, 3),
        };
        if (verdict_result_parse(db_text(s, 1), &p.result))
            to->probe[to->n_probes++ % HISTORY_SHOWN] = p;
    }
}

static void load_changes(struct db *d, const char *provider, struct history_recent *to)
{
    CLEANUP(db_statement_free)
    struct db_statement *s = ask(d,
                                 "SELECT at_ms, state_before, state, reason FROM (SELECT * FROM"
                                 " provider_changes WHERE provider = ? ORDER BY id DESC LIMIT 20)"
                                 " ORDER BY id",
                                 provider);

    while (s && db_step(s) == DB_ROW) {
        struct history_change c = {.at_ms = (uint64_t)db_int(s, 0)};
        str_copy(c.reason, sizeof(c.reason), db_text(s, 3));
        if (health_state_parse(db_text(s, 1), &c.before) &&
            health_state_parse(db_text(s, 2), &c.state))
            to->change[to->n_changes++ % HISTORY_SHOWN] = c;
    }
}

static bool load_state(struct db *d, const char *provider, struct history_state *ret)
{
    CLEANUP(db_statement_free)
    struct db_statement *s = ask(d,
                                 "SELECT state, reason, failures, models, since_ms,"
                                 " last_success_ms, at_ms FROM provider_states WHERE provider = ?",
                                 provider);

    if (!s || db_step(s) != DB_ROW || !health_state_parse(db_text(s, 0), &ret->state) ||
        !verdict_result_parse(db_text(s, 1), &ret->reason))
        return false;
    ret->failures = (uint32_t)db_int(s, 2);
    ret->models = (uint32_t)db_int(s, 3);
    ret->since_ms = (uint64_t)db_int(s, 4);
    ret->last_success_ms = (uint64_t)db_int(s, 5);
    ret->at_ms = (uint64_t)db_int(s, 6);
    return true;
}

bool history_load(struct history *h, const char *provider, uint64_t now_ms,
                  struct history_state *ret_state, struct history_recent *ret_recent)
{
    struct db *d = h->has_begun ? NULL : health_store_db(h->store);
    struct history_state state;

    if (!d)
        return false;
    load_probes(d, provider, ret_recent);
    load_changes(d, provider, ret_recent);
    if (!load_state(d, provider, &state) || state.at_ms > now_ms ||
        now_ms - state.at_ms > HISTORY_FRESH_MS)
        return false;
    *ret_state = state;
    return true;
}

/* ---- life ---- */

struct history *history_new(struct health_store *store, struct loop *l)
{
    struct history *h = calloc(1, sizeof(*h));

    if (!h)
        abort();
    h->store = store;
    loop_timer_init(&h->timer, l, on_timer, h);
    return h;
}

static void free_written(void *arg, struct db *d)
{
    struct batch *b = arg;

    write_batch(b, d);
    free_batch(&b);
}

static void free_only(void *arg, struct db *d)
{
    struct batch *b = arg;

    (void)d;
    free_batch(&b);
}

/* The store runs its jobs in order and ends after us: a batch under way is released behind it. */
void history_free(struct history **h)
{
    if (!*h)
        return;
    loop_timer_stop(&(*h)->timer);
    if ((*h)->writing)
        health_store_submit((*h)->store,
                            &(struct health_store_job){.run = free_only, .arg = (*h)->writing});
    if ((*h)->pending)
        health_store_submit((*h)->store,
                            &(struct health_store_job){.run = free_written, .arg = (*h)->pending});
    free(*h);
    *h = NULL;
}

/* ---- shown ---- */

static void write_change(struct json_write *w, const struct history_change *c)
{
    json_write_begin(w, '{');
    json_write_member_u64(w, "at_ms", c->at_ms);
    json_write_member(w, "before", health_state_text(c->before));
    json_write_member(w, "state", health_state_text(c->state));
    json_write_member(w, "reason", c->reason);
    json_write_end(w, '}');
}

static void write_probe(struct json_write *w, const struct history_probe *p)
{
    json_write_begin(w, '{');
    json_write_member_u64(w, "at_ms", p->at_ms);
    json_write_member(w, "result", verdict_result_text(p->result));
    json_write_member_int(w, "status", p->status);
    json_write_key(w, "duration_ms");
    json_write_double(w, (double)p->duration / 1000.0);
    json_write_end(w, '}');
}

void history_write(const struct history_recent *r, struct json_write *w)
{
    json_write_key(w, "changes");
    json_write_begin(w, '[');
    for (uint64_t i = r->n_changes; i > 0 && i + HISTORY_SHOWN > r->n_changes; i--)
        write_change(w, &r->change[(i - 1) % HISTORY_SHOWN]);
    json_write_end(w, ']');
    json_write_key(w, "probes");
    json_write_begin(w, '[');
    for (uint64_t i = r->n_probes; i > 0 && i + HISTORY_SHOWN > r->n_probes; i--)
        write_probe(w, &r->probe[(i - 1) % HISTORY_SHOWN]);
    json_write_end(w, ']');
}
