#include "ledger.h"

#include "io/log.h"
#include "io/log_events.h"
#include "io/thread.h"
#include "ledger_check.h"
#include "ledger_replay.h"
#include "ledger_rollup.h"
#include "ledger_schema.h"
#include "ledger_write.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEFAULT_SLOTS   16384
#define COMMIT_INTERVAL (8 * USEC_PER_MSEC)   /* records gather so long before a commit */
#define PATIENCE        4                     /* commits an intent waits for its settlement */
#define RETRY_INTERVAL  (100 * USEC_PER_MSEC) /* between failing commits */
#define TRIM_INTERVAL   (10 * USEC_PER_SEC)   /* seldom: a busy spool needs its pages again */
#define STOP_DEADLINE   (2 * USEC_PER_SEC)

static_assert(LEDGER_MAX_SPOOLS == LEDGER_REPLAY_MAX_SPOOLS, "what is taken up has room");

struct ledger {
    char path[PATH_MAX];
    struct db *db;
    struct ledger_write *write;
    struct ledger_metrics metrics;
    void (*on_wrong)(void *arg, const char *what);
    void *arg;
    struct spool *spools[LEDGER_MAX_SPOOLS];
    unsigned n_spools; /* with a writer */
    unsigned n_all;    /* and those of former workers that could not be emptied at start */
    /* Of an earlier process, not marked at start since nothing could be written: 0, or the greatest
     * id whose pending request is unknown. */
    int64_t pending_until;

    struct spool_wake wake;
    _Atomic usec_t waiting_since; /* 0: what was read is committed */
    _Atomic bool is_stopping;
    _Atomic bool is_damaged; /* for good: nothing is committed any more */
    struct ledger_check *check;
    pthread_t thread;
    bool is_started;

    pthread_mutex_t lock; /* of the list below; never held across I/O */
    struct ledger_task *first, **last;

    /* the thread's own */
    bool is_failing;
    usec_t trim_at;
};

static int open_db(struct ledger *l, const char *state_dir, char *reterr, size_t reterr_size)
{
    snprintf(l->path, sizeof(l->path), "%s/ledger.db", state_dir);
    enum db_result r =
        db_open(l->path, DB_WRITER, ledger_schema_migrations, ledger_schema_n_migrations, &l->db);
    if (r == DB_OK)
        r = ledger_check_essentials(l->db);
    if (r == DB_OK)
        r = ledger_write_new(l->db, &l->write);

    const char *what = NULL;
    switch (r) {
    case DB_OK:
        return 0;
    case DB_BUSY:
        what = "another process writes to it";
        break;
    case DB_CORRUPT:
        what = "it is damaged; move it away and restore a copy, its keys and sums are not trusted";
        break;
    case DB_TOO_NEW:
        what = "it was written by a later version";
        break;
    case DB_FULL:
        what = "the disk is full";
        break;
    case DB_ROW:
    case DB_CONSTRAINT:
    case DB_FAILED:
        what = "it cannot be opened";
        break;
    }
    snprintf(reterr, reterr_size, "%s: %s (%s)", l->path, what, db_error_text(l->db));
    return 1;
}

static void count_unsettled(struct ledger *l, uint64_t n)
{
    if (l->metrics.unsettled)
        metrics_add(l->metrics.unsettled, (double)n);
}

static int replay(struct ledger *l, const struct ledger_config *c, char *reterr, size_t reterr_size)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof(dir), "%s/spool", c->state_dir);
    struct ledger_replay p = {.dir = dir,
                              .db = l->db,
                              .write = l->write,
                              .spools = l->spools,
                              .n_spools = l->n_spools,
                              .n_slots = c->spool_slots ? c->spool_slots : DEFAULT_SLOTS};
    int r = ledger_replay(&p, reterr, reterr_size);
    if (r)
        return r;

    if (p.rows || p.unsettled)
        log_info("%llu rows taken up from the spools, %llu requests were never settled",
                 (unsigned long long)p.rows, (unsigned long long)p.unsettled);
    if (p.lost)
        log_warning("%llu spool records are lost, the power must have failed",
                    (unsigned long long)p.lost);
    if (l->metrics.rows)
        metrics_add(l->metrics.rows, (double)p.rows);
    count_unsettled(l, p.unsettled);
    l->n_all = l->n_spools + p.n_others;
    if (p.is_behind) {
        l->pending_until = p.last_id;
        atomic_store(&l->waiting_since, clock_now() - LEDGER_GRACE); /* until one works */
    }
    for (unsigned i = 0; i < l->n_all; i++)
        if (spool_prepare(l->spools[i], (uint8_t)i, p.last_id, &l->wake) != SPOOL_OK) {
            snprintf(reterr, reterr_size,
                     "%s: records are missing, and the ledger cannot be written now; start again "
                     "when it can",
                     dir);
            return 1;
        }
    return 0;
}

static void free_ledger(struct ledger **l)
{
    if (!*l)
        return;
    for (unsigned i = 0; i < LEDGER_MAX_SPOOLS; i++)
        spool_close(&(*l)->spools[i]);
    ledger_write_free(&(*l)->write);
    db_close(&(*l)->db);
    if ((*l)->wake.fd >= 0)
        close((*l)->wake.fd);
    pthread_mutex_destroy(&(*l)->lock);
    free(*l);
    *l = NULL;
}

int ledger_open(const struct ledger_config *c, struct ledger **ret, char *reterr,
                size_t reterr_size)
{
    assert(c->n_spools <= LEDGER_MAX_SPOOLS);
    CLEANUP(free_ledger) struct ledger *l = calloc(1, sizeof(*l));
    assert(l);
    pthread_mutex_init(&l->lock, NULL);
    l->last = &l->first;
    l->n_spools = c->n_spools;
    l->metrics = c->metrics;
    l->on_wrong = c->on_wrong;
    l->arg = c->arg;
    l->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake.fd < 0) {
        snprintf(reterr, reterr_size, "eventfd: %s", strerror(errno));
        return -errno;
    }

    int r = open_db(l, c->state_dir, reterr, reterr_size);
    if (r == 0)
        r = replay(l, c, reterr, reterr_size);
    if (r)
        return r;
    *ret = TAKE(l);
    return 0;
}

struct db *ledger_db(struct ledger *l)
{
    assert(!l->is_started);
    return l->db;
}

static bool has_news(const struct ledger *l)
{
    if (l->pending_until > 0 || ledger_write_is_waiting(l->write))
        return true;
    for (unsigned i = 0; i < l->n_all; i++)
        if (spool_has_news(l->spools[i]))
            return true;
    return false;
}

/* Until the eventfd is written to; `timeout` may be USEC_INFINITY. */
static void wait_for_wake(struct ledger *l, usec_t timeout)
{
    struct pollfd p = {.fd = l->wake.fd, .events = POLLIN};
    struct timespec t = {.tv_sec = (time_t)(timeout / USEC_PER_SEC),
                         .tv_nsec = (long)(timeout % USEC_PER_SEC) * 1000};
    ppoll(&p, 1, timeout == USEC_INFINITY ? NULL : &t, NULL);
    uint64_t count;
    /* nothing to read: the time was over */
    (void)!read(l->wake.fd, &count, sizeof(count));
}

static void wake_up(struct ledger *l)
{
    uint64_t one = 1;
    /* fails only when the eventfd is full, and then it wakes all the same */
    (void)!write(l->wake.fd, &one, sizeof(one));
}

static bool has_large_spool(const struct ledger *l)
{
    for (unsigned i = 0; i < l->n_all; i++)
        if (spool_is_large(l->spools[i]))
            return true;
    return false;
}

static void trim_spools(struct ledger *l)
{
    usec_t now = clock_now();
    if (!has_large_spool(l) || now < l->trim_at)
        return;
    for (unsigned i = 0; i < l->n_all; i++)
        spool_trim(l->spools[i]);
    l->trim_at = now + TRIM_INTERVAL;
}

/* Return when something is to be done: a record is old enough, a task is there, a failed commit is
 * to be tried again. */
static void rest(struct ledger *l)
{
    if (l->is_failing) {
        wait_for_wake(l, RETRY_INTERVAL);
        return;
    }
    if (!has_news(l)) {
        atomic_store(&l->wake.is_asleep, true);
        if (!has_news(l))
            wait_for_wake(l, has_large_spool(l) ? TRIM_INTERVAL : USEC_INFINITY);
        atomic_store(&l->wake.is_asleep, false);
    }
    if (has_news(l) && !atomic_load(&l->is_stopping))
        wait_for_wake(l, COMMIT_INTERVAL);
}

static void on_reply(void *arg)
{
    struct ledger_task *t = arg;
    t->done(t);
}

/* Those that are there now: what comes meanwhile waits for the next commit. */
static void run_tasks(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    struct ledger_task *t = TAKE(l->first);
    l->last = &l->first;
    pthread_mutex_unlock(&l->lock);

    while (t) {
        struct ledger_task *next = t->next;
        t->run(t, l->db);
        t->reply = (struct loop_task){.fn = on_reply, .arg = t};
        loop_post(t->loop, &t->reply);
        t = next;
    }
}

static void set_failing(struct ledger *l, bool is_failing, usec_t since)
{
    if (is_failing == l->is_failing)
        return;
    l->is_failing = is_failing;
    if (!is_failing) {
        log_info("the ledger commits again, after %.1f s",
                 (double)(clock_now() - since) / (double)USEC_PER_SEC);
        return;
    }
    struct log_field fields[] = {{"MESSAGE_ID", LOG_EVENT_LEDGER_UNAVAILABLE}, {NULL, NULL}};
    log_write(LOG_LEVEL_ERROR, fields, "the ledger cannot commit: %s; spooling, retrying",
              db_error_text(l->db));
}

static void count_commit(struct ledger *l, uint64_t rows, usec_t duration)
{
    if (l->metrics.rows)
        metrics_add(l->metrics.rows, (double)rows);
    if (l->metrics.commit_seconds)
        metrics_observe(l->metrics.commit_seconds, (double)duration / (double)USEC_PER_SEC);
}

static void count_pending(struct ledger *l)
{
    uint64_t pending = 0;
    for (unsigned i = 0; i < l->n_all; i++)
        pending += spool_pending(l->spools[i]);
    if (l->metrics.spool_records)
        metrics_set(l->metrics.spool_records, (double)pending);
}

/* What an earlier process left is committed: what it never settled can be marked. */
static enum db_result catch_up(struct ledger *l)
{
    int64_t n = 0;
    if (l->pending_until == 0)
        return DB_OK;
    enum db_result r = ledger_rollup_close_pending(l->db, l->pending_until, &n);
    if (r)
        return r;
    l->pending_until = 0;
    count_unsettled(l, (uint64_t)n);
    log_info("what was spooled before the start is committed, %lld requests were never settled",
             (long long)n);
    return DB_OK;
}

/* True when nothing is left to commit. */
static bool commit_all(struct ledger *l)
{
    if (atomic_load(&l->is_damaged)) {
        l->is_failing = true;
        return false;
    }
    bool is_all = !has_news(l);
    while (!is_all) {
        usec_t begin = clock_now();
        usec_t since = atomic_load(&l->waiting_since);
        if (since == 0)
            atomic_store(&l->waiting_since, since = begin);

        bool is_urgent = l->pending_until > 0 || atomic_load(&l->is_stopping);
        ledger_write_set_patience(l->write, is_urgent ? 0 : PATIENCE);
        uint64_t rows = 0, skipped = ledger_write_skipped(l->write);
        enum db_result r = ledger_write_batch(l->write, l->spools, l->n_all, &rows, &is_all);
        if (r == DB_OK && is_all)
            r = catch_up(l);
        set_failing(l, r != DB_OK, since);
        if (r)
            break;
        atomic_store(&l->waiting_since, 0);
        if (rows > 0)
            count_commit(l, rows, clock_now() - begin);
        if (skipped != ledger_write_skipped(l->write))
            log_error("records in the spool that this version does not know, skipping");
    }
    count_pending(l);
    return is_all;
}

static void *run(void *arg)
{
    struct ledger *l = arg;
    while (!atomic_load(&l->is_stopping)) {
        rest(l);
        run_tasks(l);
        commit_all(l);
        trim_spools(l);
    }
    usec_t deadline = clock_now() + STOP_DEADLINE;
    run_tasks(l);
    while (!commit_all(l) && clock_now() < deadline)
        rest(l);
    return NULL;
}

int ledger_start(struct ledger *l)
{
    int r = thread_start(&l->thread, "ledger", 0, run, l);
    if (r)
        return r;
    l->is_started = true;
    const struct ledger_check_config check = {
        .path = l->path, .is_damaged = &l->is_damaged, .on_wrong = l->on_wrong, .arg = l->arg};
    return ledger_check_start(&check, &l->check);
}

void ledger_stop(struct ledger **l)
{
    if (!*l)
        return;
    if ((*l)->is_started) {
        atomic_store(&(*l)->is_stopping, true);
        wake_up(*l);
        pthread_join((*l)->thread, NULL);
    }
    ledger_check_stop(&(*l)->check);
    free_ledger(l);
}

struct spool *ledger_spool(struct ledger *l, unsigned worker)
{
    assert(worker < l->n_spools);
    return l->spools[worker];
}

bool ledger_is_available(const struct ledger *l, usec_t now)
{
    if (atomic_load_explicit(&l->is_damaged, memory_order_relaxed))
        return false;
    usec_t since = atomic_load_explicit(&l->waiting_since, memory_order_relaxed);
    return since == 0 || now < since + LEDGER_GRACE;
}

void ledger_submit(struct ledger *l, struct ledger_task *t)
{
    t->next = NULL;
    pthread_mutex_lock(&l->lock);
    *l->last = t;
    l->last = &t->next;
    pthread_mutex_unlock(&l->lock);
    wake_up(l);
}
