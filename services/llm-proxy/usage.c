#include "usage.h"

#include "base/json_write.h"
#include "base/money.h"
#include "io/db.h"
#include "io/thread.h"
#include "ledger_schema.h"
#include "ledger_totals.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_WAITING 8
#define MAX_JSON    8388608

struct usage {
    char path[PATH_MAX];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t is_changed;
    struct usage_query *first; /* newest last */
    unsigned n_waiting;
    bool is_stopping;
};

bool usage_parse_by(struct str text, unsigned *ret_by)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"key", USAGE_BY_KEY},
                 {"model", USAGE_BY_MODEL},
                 {"provider", USAGE_BY_PROVIDER},
                 {"day", USAGE_BY_DAY}};
    unsigned by = 0;
    for (struct str word; str_cut(&text, ',', &word);) {
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
            if (str_is(word, words[i].word))
                bit = words[i].bit;
        if (bit == 0 && word.len > 0)
            return false;
        by |= bit;
    }
    *ret_by = by ? by : USAGE_BY_KEY | USAGE_BY_MODEL | USAGE_BY_PROVIDER | USAGE_BY_DAY;
    return true;
}

/* After the parts of ledger_totals, whose parameters are the first three. */
static const char question[] =
    "SELECT u.key_id, keys.name, u.model, u.provider, u.day, u.requests, u.attempts, u.tokens_in,"
    " u.tokens_out, u.tokens_cached, u.tokens_reasoning, u.cost, u.unpriced"
    " FROM (SELECT CASE WHEN ?4 THEN nullif(key_id, '') END AS key_id,"
    " CASE WHEN ?5 THEN model END AS model, CASE WHEN ?6 THEN nullif(provider, '') END AS provider,"
    " CASE WHEN ?7 THEN day END AS day, sum(requests) AS requests, sum(attempts) AS attempts,"
    " sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out,"
    " sum(tokens_cached) AS tokens_cached, sum(tokens_reasoning) AS tokens_reasoning,"
    " sum(cost_nano) AS cost, sum(unpriced) AS unpriced"
    " FROM part GROUP BY 1, 2, 3, 4) AS u"
    " LEFT JOIN keys ON keys.id = u.key_id ORDER BY u.day, u.key_id, u.model, u.provider";

static void write_text(struct json_write *w, const char *key, struct db_statement *s, int column)
{
    json_write_key(w, key);
    if (db_is_null(s, column))
        json_write_null(w);
    else
        json_write_str(w, db_text(s, column));
}

static void write_day(struct json_write *w, struct db_statement *s, int column)
{
    json_write_key(w, "day");
    if (db_is_null(s, column)) {
        json_write_null(w);
        return;
    }
    time_t second = (time_t)db_int(s, column) * 86400;
    struct tm day;
    char text[32];
    gmtime_r(&second, &day);
    strftime(text, sizeof(text), "%Y-%m-%d", &day);
    json_write_text(w, text);
}

/* Null when none of the requests has a price: a sum of nothing known is not zero. */
static void write_cost(struct json_write *w, int64_t nano, bool is_known)
{
    char text[32];
    json_write_key(w, "cost_usd");
    if (!is_known) {
        json_write_null(w);
        return;
    }
    money_format(nano, text);
    json_write_raw(w, str_from(text));
}

static void write_row(struct json_write *w, struct db_statement *s)
{
    json_write_begin(w, '{');
    write_text(w, "key", s, 0);
    write_text(w, "key_name", s, 1);
    write_text(w, "model", s, 2);
    write_text(w, "provider", s, 3);
    write_day(w, s, 4);
    json_write_member_int(w, "requests", db_int(s, 5));
    json_write_member_int(w, "attempts", db_int(s, 6));
    json_write_member_int(w, "tokens_in", db_int(s, 7));
    json_write_member_int(w, "tokens_out", db_int(s, 8));
    json_write_member_int(w, "tokens_cached", db_int(s, 9));
    json_write_member_int(w, "tokens_reasoning", db_int(s, 10));
    write_cost(w, db_int(s, 11), db_int(s, 12) < db_int(s, 5));
    json_write_member_int(w, "unpriced", db_int(s, 12));
    json_write_end(w, '}');
}

static enum db_result ask(struct db *db, struct usage_query *q, enum buf_result *ret_written)
{
    char sql[4096];
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    snprintf(sql, sizeof(sql), "%s%s", ledger_totals_parts, question);
    enum db_result r = db_prepare(db, sql, &s);
    if (r)
        return r;
    ledger_totals_bind(s, q->since);
    db_bind_int(s, 4, (q->by & USAGE_BY_KEY) != 0);
    db_bind_int(s, 5, (q->by & USAGE_BY_MODEL) != 0);
    db_bind_int(s, 6, (q->by & USAGE_BY_PROVIDER) != 0);
    db_bind_int(s, 7, (q->by & USAGE_BY_DAY) != 0);

    struct json_write w;
    json_write_init(&w, &q->json);
    json_write_begin(&w, '[');
    while ((r = db_step(s)) == DB_ROW)
        write_row(&w, s);
    json_write_end(&w, ']');
    *ret_written = json_write_finish(&w);
    return r;
}

/* A connection for one question: between questions it would only hold memory. */
static enum usage_result answer(const char *path, struct usage_query *q)
{
    CLEANUP(db_close) struct db *db = NULL;
    enum db_result r =
        db_open(path, DB_READER, ledger_schema_migrations, ledger_schema_n_migrations, &db);
    enum buf_result written = BUF_OK;
    if (r == DB_OK)
        r = ask(db, q, &written);
    if (r)
        return r == DB_BUSY ? USAGE_BUSY : USAGE_UNAVAILABLE;
    return written == BUF_OK ? USAGE_OK : USAGE_TOO_LARGE;
}

static void on_reply(void *arg)
{
    struct usage_query *q = arg;
    q->done(q);
}

static void reply(struct usage_query *q, enum usage_result result)
{
    q->result = result;
    q->reply = (struct loop_task){.fn = on_reply, .arg = q};
    loop_post(q->loop, &q->reply);
}

/* NULL: stop. */
static struct usage_query *next_query(struct usage *u, bool *ret_is_stopping)
{
    pthread_mutex_lock(&u->lock);
    while (!u->first && !u->is_stopping)
        pthread_cond_wait(&u->is_changed, &u->lock);
    struct usage_query *q = u->first;
    if (q)
        u->first = q->next;
    *ret_is_stopping = u->is_stopping;
    pthread_mutex_unlock(&u->lock);
    return q;
}

static void *run(void *arg)
{
    struct usage *u = arg;
    bool is_stopping = false;
    for (struct usage_query *q; (q = next_query(u, &is_stopping));) {
        enum usage_result r = is_stopping ? USAGE_BUSY : answer(u->path, q);
        pthread_mutex_lock(&u->lock);
        u->n_waiting--;
        pthread_mutex_unlock(&u->lock);
        reply(q, r);
    }
    return NULL;
}

int usage_start(const char *state_dir, struct usage **ret)
{
    struct usage *u = calloc(1, sizeof(*u));
    assert(u);
    snprintf(u->path, sizeof(u->path), "%s/ledger.db", state_dir);
    pthread_mutex_init(&u->lock, NULL);
    pthread_cond_init(&u->is_changed, NULL);

    int r = thread_start(&u->thread, "usage", 0, run, u);
    if (r) {
        free(u);
        return r;
    }
    *ret = u;
    return 0;
}

void usage_stop(struct usage **u)
{
    if (!*u)
        return;
    pthread_mutex_lock(&(*u)->lock);
    (*u)->is_stopping = true;
    pthread_cond_signal(&(*u)->is_changed);
    pthread_mutex_unlock(&(*u)->lock);
    pthread_join((*u)->thread, NULL);
    pthread_cond_destroy(&(*u)->is_changed);
    pthread_mutex_destroy(&(*u)->lock);
    free(*u);
    *u = NULL;
}

enum usage_result usage_submit(struct usage *u, struct usage_query *q)
{
    q->next = NULL;
    buf_init(&q->json, MAX_JSON);
    pthread_mutex_lock(&u->lock);
    bool is_room = u->n_waiting < MAX_WAITING;
    if (is_room) {
        struct usage_query **last = &u->first;
        while (*last)
            last = &(*last)->next;
        *last = q;
        u->n_waiting++;
        pthread_cond_signal(&u->is_changed);
    }
    pthread_mutex_unlock(&u->lock);
    return is_room ? USAGE_OK : USAGE_BUSY;
}
