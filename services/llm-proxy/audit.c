#include "audit.h"

#include "audit_queue.h"
#include "io/log.h"
#include "io/log_events.h"
#include "io/thread.h"
#include "io/trail_key.h"
#include "io/trail_prune.h"
#include "io/trail_verify.h"
#include "io/trail_write.h"
#include "proxy_metrics.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHER         (5 * USEC_PER_MSEC)   /* between two writes */
#define RETRY_INTERVAL (100 * USEC_PER_MSEC) /* while the disk is full */
#define SYNC_INTERVAL  USEC_PER_SEC
#define ANNOUNCE_WAIT  (5 * USEC_PER_SEC)
#define PRUNE_INTERVAL (3600 * USEC_PER_SEC)
#define STOP_DEADLINE  (2 * USEC_PER_SEC)

struct audit {
    char folder[PATH_MAX], head_path[PATH_MAX];
    uint8_t key[CHAIN_KEY_SIZE];
    struct metrics_shard *shard;
    pthread_t writer, keeper;
    bool has_writer, has_keeper;

    pthread_mutex_t lock;      /* of what follows; never held across I/O */
    pthread_cond_t is_changed; /* the writer's */
    pthread_cond_t is_synced;  /* for who waits until a record is on the disk */
    pthread_cond_t is_due;     /* the keeper's */
    pthread_cond_t is_leaving; /* is_stopping was set */
    struct audit_queue queue;
    uint64_t n_synced; /* of queue.n_added */
    bool is_prune_due;
    unsigned compress_days, retention_days;
    _Atomic bool is_stopping; /* written under the lock */

    /* the writer's */
    struct trail_write *trail;
    struct buf taken; /* items not appended yet begin at `at` */
    size_t at;
    uint64_t n_taken; /* n_added when they were taken */
    bool is_failing, is_dirty, is_critical;
    usec_t synced_at, stop_by;
};

/* ---- any thread ---- */

/* 0: dropped. */
static uint64_t enqueue(struct audit *a, const struct audit_item *item)
{
    pthread_mutex_lock(&a->lock);
    uint64_t number = audit_queue_add(&a->queue, item) ? a->queue.n_added : 0;
    pthread_cond_signal(&a->is_changed);
    pthread_mutex_unlock(&a->lock);
    return number;
}

static struct audit_item item_of(const char *event, struct str data, bool is_critical)
{
    return (struct audit_item){clock_wall(), event, is_critical, data};
}

void audit_write(struct audit *a, const char *event, struct str data)
{
    const struct audit_item item = item_of(event, data, false);
    if (a)
        (void)enqueue(a, &item);
}

void audit_write_critical(struct audit *a, const char *event, struct str data)
{
    const struct audit_item item = item_of(event, data, true);
    if (a)
        (void)enqueue(a, &item);
}

void audit_repeat(struct audit *a, const char *event, struct str data)
{
    if (!a)
        return;
    const struct audit_item item = item_of(event, data, false);
    pthread_mutex_lock(&a->lock);
    if (audit_queue_repeat(&a->queue, &item, clock_now()))
        pthread_cond_signal(&a->is_changed);
    pthread_mutex_unlock(&a->lock);
}

void audit_set_days(struct audit *a, unsigned compress_days, unsigned retention_days)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->compress_days = compress_days;
    a->retention_days = retention_days;
    pthread_mutex_unlock(&a->lock);
}

void audit_prune(struct audit *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->is_prune_due = true;
    pthread_cond_signal(&a->is_due);
    pthread_mutex_unlock(&a->lock);
}

const char *audit_folder(const struct audit *a)
{
    return a->folder;
}

/* ---- the writer ---- */

static void wait_on(struct audit *a, pthread_cond_t *c, usec_t timeout)
{
    usec_t until = clock_now() + timeout;
    struct timespec t = {.tv_sec = (time_t)(until / USEC_PER_SEC),
                         .tv_nsec = (long)(until % USEC_PER_SEC) * 1000};
    pthread_cond_timedwait(c, &a->lock, &t);
}

static void count_error(struct audit *a, uint64_t n)
{
    if (a->shard && n > 0)
        metrics_count(a->shard, METRIC_audit_write_errors_total, (double)n);
}

static int append(struct audit *a, const struct audit_item *item)
{
    int r = trail_write_append(a->trail, item->wall, str_from(item->event), item->data);
    if (r < 0)
        return r;
    a->is_dirty = true;
    a->is_critical |= item->is_critical;
    if (a->shard)
        metrics_count(a->shard, METRIC_audit_records_total, 1, item->event);
    return 0;
}

/* Seals what was taken; what has no room in the trail's memory stays taken. */
static int append_taken(struct audit *a)
{
    struct audit_item item;
    for (size_t next = a->at; audit_queue_read(&a->taken, &next, &item); a->at = next) {
        int r = append(a, &item);
        if (r == -ENOBUFS) {
            r = trail_write_flush(a->trail, false);
            r = r < 0 ? r : append(a, &item);
        }
        if (r == -ENOBUFS) { /* not for want of room: no record can be so */
            log_error("an audit record of %s has no form, skipping", item.event);
            count_error(a, 1);
        } else if (r < 0) {
            return r;
        }
    }
    buf_clear(&a->taken);
    a->at = 0;
    return 0;
}

static void set_failing(struct audit *a, int error)
{
    bool is_failing = error < 0;
    if (is_failing)
        count_error(a, 1);
    if (is_failing == a->is_failing)
        return;
    a->is_failing = is_failing;
    if (is_failing)
        log_error("the audit trail cannot be written: %s; keeping records, retrying",
                  strerror(-error));
    else
        log_info("the audit trail is written again");
}

static void write_out(struct audit *a)
{
    usec_t now = clock_now();
    int r = append_taken(a);
    bool sync = a->is_critical || now >= a->synced_at + SYNC_INTERVAL;
    if (r == 0 && a->is_dirty)
        r = trail_write_flush(a->trail, sync);
    set_failing(a, r);
    if (r < 0 || !a->is_dirty || !sync)
        return;
    a->is_dirty = a->is_critical = false;
    a->synced_at = now;
    pthread_mutex_lock(&a->lock);
    a->n_synced = a->n_taken;
    pthread_cond_broadcast(&a->is_synced);
    pthread_mutex_unlock(&a->lock);
}

/* What was dropped becomes a record, when there is room for it. */
static void take(struct audit *a)
{
    uint64_t n_dropped;
    audit_queue_expire(&a->queue, clock_wall(), clock_now());
    audit_queue_take(&a->queue, &a->taken, &n_dropped);
    a->n_taken = a->queue.n_added;
    if (n_dropped == 0)
        return;
    char data[64];
    int n = snprintf(data, sizeof(data), "{\"count\":%" PRIu64 "}", n_dropped);
    const struct audit_item item = item_of("audit.dropped", (struct str){data, (size_t)n}, true);
    (void)audit_queue_add(&a->queue, &item);
    count_error(a, n_dropped);
}

static bool is_idle(const struct audit *a)
{
    return a->queue.items.len == 0 && !a->is_dirty && a->taken.len == 0;
}

static bool is_over(struct audit *a)
{
    if (!atomic_load(&a->is_stopping))
        return false;
    if (a->stop_by == 0)
        a->stop_by = clock_now() + STOP_DEADLINE;
    a->is_critical = true; /* what is left is synced at once */
    return is_idle(a) || clock_now() > a->stop_by;
}

static void *write_trail(void *arg)
{
    struct audit *a = arg;
    pthread_mutex_lock(&a->lock);
    while (!is_over(a)) {
        if (a->queue.items.len == 0 && !atomic_load(&a->is_stopping))
            wait_on(a, &a->is_changed, a->is_dirty ? SYNC_INTERVAL / 10 : SYNC_INTERVAL);
        if (a->taken.len == 0)
            take(a);
        pthread_mutex_unlock(&a->lock);
        write_out(a);
        pthread_mutex_lock(&a->lock);
        if (!atomic_load(&a->is_stopping) || a->is_failing)
            wait_on(a, &a->is_leaving, a->is_failing ? RETRY_INTERVAL : GATHER);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* ---- the keeper ---- */

static void report_break(struct audit *a, const char *file, uint64_t line, const char *what)
{
    char data[512];
    struct log_field fields[] = {{"MESSAGE_ID", LOG_EVENT_AUDIT_CHAIN_BROKEN}, {NULL, NULL}};
    log_write(LOG_LEVEL_ERROR, fields, "the audit trail is broken: %s:%" PRIu64 ": %s", file, line,
              what);
    int n = snprintf(data, sizeof(data), "{\"file\":\"%s\",\"line\":%" PRIu64 ",\"what\":\"%s\"}",
                     file, line, what);
    audit_write_critical(a, "audit.broken", (struct str){data, (size_t)n});
}

static void verify(struct audit *a)
{
    const struct trail_verify_config c = {.folder = a->folder,
                                          .head_path = a->head_path,
                                          .key = a->key,
                                          .is_stopping = &a->is_stopping};
    struct trail_verify_report report;
    int r = trail_verify_all(&c, &report);
    if (r < 0)
        log_warning("the audit trail could not be verified: %s, ignoring", strerror(-r));
    else if (r == TRAIL_VERIFY_BROKEN)
        report_break(a, report.file, report.line, report.what);
}

/* On the disk before the file goes. */
static bool announce(void *arg, struct str data)
{
    struct audit *a = arg;
    const struct audit_item item = item_of("audit.pruned", data, true);
    uint64_t number = enqueue(a, &item);
    usec_t until = clock_now() + ANNOUNCE_WAIT;
    pthread_mutex_lock(&a->lock);
    while (number > 0 && a->n_synced < number && clock_now() < until &&
           !atomic_load(&a->is_stopping))
        wait_on(a, &a->is_synced, ANNOUNCE_WAIT);
    bool is_written = number > 0 && a->n_synced >= number;
    pthread_mutex_unlock(&a->lock);
    return is_written;
}

static void prune(struct audit *a)
{
    pthread_mutex_lock(&a->lock);
    struct trail_prune p = {.folder = a->folder,
                            .wall = clock_wall(),
                            .compress_days = a->compress_days,
                            .retention_days = a->retention_days,
                            .is_stopping = &a->is_stopping,
                            .announce = announce,
                            .arg = a};
    a->is_prune_due = false;
    pthread_mutex_unlock(&a->lock);
    int r = trail_prune_run(&p);
    if (r < 0 && r != -ECANCELED)
        log_warning("%s of the audit trail could not be packed or deleted: %s, retrying in an hour",
                    p.failed, strerror(-r));
    if (p.n_packed + p.n_deleted > 0)
        log_info("audit trail: %u files packed, %u deleted", p.n_packed, p.n_deleted);
}

static void *keep_trail(void *arg)
{
    struct audit *a = arg;
    verify(a);
    while (!atomic_load(&a->is_stopping)) {
        prune(a);
        pthread_mutex_lock(&a->lock);
        if (!a->is_prune_due && !atomic_load(&a->is_stopping))
            wait_on(a, &a->is_due, PRUNE_INTERVAL);
        pthread_mutex_unlock(&a->lock);
    }
    return NULL;
}

/* ---- start and stop ---- */

static void free_audit(struct audit **a)
{
    if (!*a)
        return;
    trail_write_close(&(*a)->trail);
    audit_queue_done(&(*a)->queue);
    buf_done(&(*a)->taken);
    pthread_cond_destroy(&(*a)->is_changed);
    pthread_cond_destroy(&(*a)->is_synced);
    pthread_cond_destroy(&(*a)->is_due);
    pthread_cond_destroy(&(*a)->is_leaving);
    pthread_mutex_destroy(&(*a)->lock);
    explicit_bzero((*a)->key, sizeof((*a)->key));
    free(*a);
    *a = NULL;
}

static int open_trail(struct audit *a, char *reterr, size_t reterr_size)
{
    struct trail_write_resumed resumed;
    int r = trail_write_open(a->folder, a->head_path, a->key, &a->trail, &resumed);
    if (r < 0) {
        snprintf(reterr, reterr_size, "the audit trail in %s: %s", a->folder,
                 r == -EWOULDBLOCK ? "another process writes to it" : strerror(-r));
        return r;
    }
    if (resumed.torn_bytes > 0) {
        char data[64];
        int n = snprintf(data, sizeof(data), "{\"bytes\":%" PRIu64 "}", resumed.torn_bytes);
        log_warning("%" PRIu64 " bytes of an audit record that was cut short are taken off",
                    resumed.torn_bytes);
        audit_write_critical(a, "audit.torn", (struct str){data, (size_t)n});
    }
    if (resumed.broken[0])
        report_break(a, "", 0, resumed.broken);
    return 0;
}

static void init_locks(struct audit *a)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->is_changed, &attributes);
    pthread_cond_init(&a->is_synced, &attributes);
    pthread_cond_init(&a->is_due, &attributes);
    pthread_cond_init(&a->is_leaving, &attributes);
    pthread_condattr_destroy(&attributes);
}

int audit_start(const struct audit_config *c, struct audit **ret, char *reterr, size_t reterr_size)
{
    char key_path[PATH_MAX];
    CLEANUP(free_audit) struct audit *a = calloc(1, sizeof(*a));
    assert(a);
    init_locks(a);
    audit_queue_init(&a->queue);
    buf_init(&a->taken, AUDIT_QUEUE_MAX_BYTES);
    a->shard = c->shard;
    a->compress_days = c->compress_days;
    a->retention_days = c->retention_days;
    snprintf(a->folder, sizeof(a->folder), "%s/audit", c->logs_dir);
    snprintf(a->head_path, sizeof(a->head_path), "%s/audit.head", c->state_dir);

    snprintf(key_path, sizeof(key_path), "%s/audit.key", c->state_dir);

    int r = trail_key_load(key_path, a->key, reterr, reterr_size);
    if (r == 0)
        r = open_trail(a, reterr, reterr_size);
    if (r < 0)
        return r;
    r = thread_start(&a->writer, "audit", 0, write_trail, a);
    a->has_writer = r == 0;
    if (r == 0) {
        r = thread_start(&a->keeper, "audit-keeper", 0, keep_trail, a);
        a->has_keeper = r == 0;
    }
    struct audit *started = TAKE(a);
    if (r < 0) {
        snprintf(reterr, reterr_size, "cannot start the audit trail: %s", strerror(-r));
        audit_stop(&started);
        return r;
    }
    *ret = started;
    return 0;
}

void audit_stop(struct audit **a)
{
    if (!*a)
        return;
    pthread_mutex_lock(&(*a)->lock);
    atomic_store(&(*a)->is_stopping, true);
    pthread_cond_broadcast(&(*a)->is_changed);
    pthread_cond_broadcast(&(*a)->is_synced);
    pthread_cond_broadcast(&(*a)->is_due);
    pthread_cond_broadcast(&(*a)->is_leaving);
    pthread_mutex_unlock(&(*a)->lock);
    if ((*a)->has_keeper)
        pthread_join((*a)->keeper, NULL);
    if ((*a)->has_writer)
        pthread_join((*a)->writer, NULL);
    free_audit(a);
}
