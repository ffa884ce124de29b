#include "health_store.h"

#include "io/log.h"
#include "io/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#define STACK_BYTES (256u << 10)
#define MAX_JOBS    256 /* that wait; as if there were no database for more */

struct queued {
    TAILQ_ENTRY(queued) link;
    struct health_store *store;
    struct health_store_job job;
    struct loop_task task;
};

struct health_store {
    struct loop *loop;
    struct db *db; /* NULL: there is none */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex; /* of what follows; never held across a job */
    pthread_cond_t is_changed;
    TAILQ_HEAD(, queued) jobs, told; /* told: done, and the loop does not know yet */
    unsigned n_jobs;
    bool is_stopping;
};

/* What the database is for, version by version. */
static const char *const migrations[] = {
    "CREATE TABLE provider_states(provider TEXT PRIMARY KEY, state TEXT NOT NULL,"
    " reason TEXT NOT NULL, failures INTEGER NOT NULL,"
    " models INTEGER NOT NULL, since_ms INTEGER NOT NULL, last_success_ms INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE provider_changes(id INTEGER PRIMARY KEY, provider TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL, state_before TEXT NOT NULL, state TEXT NOT NULL,"
    " reason TEXT NOT NULL) STRICT;"
    "CREATE INDEX provider_changes_by_provider ON provider_changes(provider, id);"
    "CREATE TABLE probes(id INTEGER PRIMARY KEY, provider TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    " result TEXT NOT NULL, status INTEGER NOT NULL, duration_us INTEGER NOT NULL) STRICT;"
    "CREATE INDEX probes_by_provider ON probes(provider, id);",

    "CREATE TABLE models(name TEXT NOT NULL, provider TEXT NOT NULL, source TEXT NOT NULL,"
    " path TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,"
    " is_verified INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY(provider, name))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE pulls(id INTEGER PRIMARY KEY, name TEXT NOT NULL, provider TEXT NOT NULL,"
    " request TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, total INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT;",
};

static struct queued *take(struct health_store *s)
{
    pthread_mutex_lock(&s->mutex);
    while (TAILQ_EMPTY(&s->jobs) && !s->is_stopping)
        pthread_cond_wait(&s->is_changed, &s->mutex);
    struct queued *q = TAILQ_FIRST(&s->jobs);
    if (q) {
        TAILQ_REMOVE(&s->jobs, q, link);
        s->n_jobs--;
    }
    pthread_mutex_unlock(&s->mutex);
    return q;
}

static void on_done(void *arg)
{
    struct queued *q = arg;
    struct health_store_job job = q->job;

    if (!q->store) { /* it is gone; the loop's end runs what was posted */
        free(q);
        return;
    }
    pthread_mutex_lock(&q->store->mutex);
    TAILQ_REMOVE(&q->store->told, q, link);
    pthread_mutex_unlock(&q->store->mutex);
    free(q);
    job.done(job.arg);
}

static void tell(struct health_store *s, struct queued *q)
{
    pthread_mutex_lock(&s->mutex);
    bool is_heard = q->job.done && !s->is_stopping;
    if (is_heard)
        TAILQ_INSERT_TAIL(&s->told, q, link);
    pthread_mutex_unlock(&s->mutex);
    if (!is_heard) {
        free(q);
        return;
    }
    q->task = (struct loop_task){.fn = on_done, .arg = q};
    loop_post(s->loop, &q->task);
}

static void *run(void *arg)
{
    struct health_store *s = arg;
    struct queued *q;

    while ((q = take(s)) != NULL) {
        q->job.run(q->job.arg, s->db);
        tell(s, q);
    }
    return NULL;
}

static enum db_result open_database(struct health_store *s, const char *path)
{
    return db_open(path, DB_WRITER, migrations, sizeof(migrations) / sizeof(migrations[0]), &s->db);
}

int health_store_new(const char *path, struct loop *l, struct health_store **ret)
{
    CLEANUP(health_store_free) struct health_store *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    s->loop = l;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->is_changed, NULL);
    TAILQ_INIT(&s->jobs);
    TAILQ_INIT(&s->told);
    enum db_result opened = open_database(s, path);
    if (db_is_damage(opened)) {
        log_warning("%s is damaged (%s), setting it aside as health.db.damaged and beginning anew",
                    path, db_error_text(NULL));
        db_set_aside(path);
        opened = open_database(s, path);
    }
    if (opened != DB_OK)
        log_error("%s cannot be used, so no history is kept: %s", path, db_error_text(NULL));
    int r = thread_start(&s->thread, "health-store", STACK_BYTES, run, s);
    s->has_thread = r == 0;
    if (r == 0)
        *ret = TAKE(s);
    return r;
}

void health_store_free(struct health_store **s)
{
    if (!*s)
        return;
    pthread_mutex_lock(&(*s)->mutex);
    (*s)->is_stopping = true;
    pthread_cond_signal(&(*s)->is_changed);
    pthread_mutex_unlock(&(*s)->mutex);
    if ((*s)->has_thread)
        pthread_join((*s)->thread, NULL);
    struct queued *q;
    while ((q = TAILQ_FIRST(&(*s)->told)) != NULL) {
        TAILQ_REMOVE(&(*s)->told, q, link);
        q->store = NULL;
    }
    db_close(&(*s)->db);
    pthread_cond_destroy(&(*s)->is_changed);
    pthread_mutex_destroy(&(*s)->mutex);
    free(*s);
    *s = NULL;
}

struct db *health_store_db(struct health_store *s)
{
    return s->db;
}

bool health_store_is_there(const struct health_store *s)
{
    return s->db != NULL;
}

void health_store_submit(struct health_store *s, const struct health_store_job *job)
{
    struct queued *q = calloc(1, sizeof(*q));

    if (!q)
        abort();
    q->store = s;
    q->job = *job;
    pthread_mutex_lock(&s->mutex);
    bool is_full = s->n_jobs == MAX_JOBS;
    if (!is_full) {
        TAILQ_INSERT_TAIL(&s->jobs, q, link);
        s->n_jobs++;
        pthread_cond_signal(&s->is_changed);
    }
    pthread_mutex_unlock(&s->mutex);
    if (!is_full)
        return;
    job->run(job->arg, NULL);
    tell(s, q);
}
