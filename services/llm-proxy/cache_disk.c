#include "cache_disk.h"

#include "cache_rows.h"
#include "io/log.h"
#include "io/thread.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_BATCH      64
#define MAX_USES       256
#define RETRY_INTERVAL (10 * USEC_PER_SEC) /* to open a file that could not be opened */

struct cache_disk_question {
    struct cache_disk_question *next;
    struct cache_key key;
    struct loop *loop;
    struct loop_task task;
    cache_disk_fn fn; /* NULL: nobody waits any more; the asker's thread's */
    void *arg;
    struct cache_answer *answer;
};

/* An answer to be written. */
struct item {
    struct item *next;
    struct cache_key key;
    struct cache_answer *answer;
};

struct cache_disk {
    char path[PATH_MAX];
    pthread_t thread;

    pthread_mutex_t mutex; /* of what follows; never held across I/O */
    pthread_cond_t is_changed;
    struct cache_disk_question *asked, **last_asked;
    unsigned n_asked;
    struct item *items, **last_item;
    size_t item_bytes;
    uint64_t max_bytes;
    bool is_stopping, is_cleared;

    _Atomic uint64_t entries, bytes, evictions, unwritten;
    _Atomic bool is_available;

    /* the thread's own */
    struct cache_rows *rows; /* NULL: cannot be opened */
    usec_t retry_at;
    bool is_failing;
    struct cache_key uses[MAX_USES]; /* found since the last batch */
    unsigned n_uses;
    uint64_t evicted_before; /* from files that were set aside */
};

/* ---- the asker's side ---- */

static void on_answer(void *arg)
{
    struct cache_disk_question *q = arg;
    cache_disk_fn fn = q->fn;
    void *fn_arg = q->arg;
    struct cache_answer *answer = q->answer;

    free(q);
    if (fn)
        fn(fn_arg, answer);
    else
        cache_answer_unref(&answer);
}

struct cache_disk_question *cache_disk_ask(struct cache_disk *d, const struct cache_key *key,
                                           struct loop *l, cache_disk_fn fn, void *arg)
{
    if (!atomic_load_explicit(&d->is_available, memory_order_relaxed))
        return NULL;
    struct cache_disk_question *q = calloc(1, sizeof(*q));
    if (!q)
        abort();
    *q = (struct cache_disk_question){.key = *key, .loop = l, .fn = fn, .arg = arg};
    q->task = (struct loop_task){.fn = on_answer, .arg = q};

    pthread_mutex_lock(&d->mutex);
    bool is_room = d->n_asked < CACHE_DISK_MAX_ASKED && !d->is_stopping;
    if (is_room) {
        *d->last_asked = q;
        d->last_asked = &q->next;
        d->n_asked++;
        pthread_cond_signal(&d->is_changed);
    }
    pthread_mutex_unlock(&d->mutex);
    if (!is_room)
        free(q);
    return is_room ? q : NULL;
}

/* The thread answers in any case, so the question is freed when its task runs. */
void cache_disk_cancel(struct cache_disk_question **q)
{
    struct cache_disk_question *old = TAKE(*q);

    if (old)
        old->fn = NULL;
}

void cache_disk_put(struct cache_disk *d, const struct cache_key *key, struct cache_answer *a)
{
    size_t bytes = a->len + sizeof(*a);
    struct item *i = calloc(1, sizeof(*i));

    if (!i)
        abort();
    *i = (struct item){.key = *key, .answer = cache_answer_ref(a)};
    pthread_mutex_lock(&d->mutex);
    bool is_room = d->item_bytes + bytes <= CACHE_DISK_MAX_QUEUE && !d->is_stopping;
    if (is_room) {
        *d->last_item = i;
        d->last_item = &i->next;
        d->item_bytes += bytes;
        pthread_cond_signal(&d->is_changed);
    }
    pthread_mutex_unlock(&d->mutex);
    if (is_room)
        return;
    cache_answer_unref(&i->answer);
    free(i);
    atomic_fetch_add(&d->unwritten, 1);
}

void cache_disk_set_max(struct cache_disk *d, uint64_t max_bytes)
{
    pthread_mutex_lock(&d->mutex);
    d->max_bytes = max_bytes;
    pthread_cond_signal(&d->is_changed);
    pthread_mutex_unlock(&d->mutex);
}

void cache_disk_clear(struct cache_disk *d)
{
    pthread_mutex_lock(&d->mutex);
    d->is_cleared = true;
    pthread_cond_signal(&d->is_changed);
    pthread_mutex_unlock(&d->mutex);
}

struct cache_disk_stats cache_disk_look(const struct cache_disk *d)
{
    return (struct cache_disk_stats){
        .entries = atomic_load(&d->entries),
        .bytes = atomic_load(&d->bytes),
        .evictions = atomic_load(&d->evictions),
        .unwritten = atomic_load(&d->unwritten),
        .is_available = atomic_load(&d->is_available),
    };
}

/* ---- the thread ---- */

static void show(struct cache_disk *d)
{
    struct cache_rows_stats s = {0};

    if (d->rows)
        s = cache_rows_look(d->rows);
    atomic_store(&d->entries, s.entries);
    atomic_store(&d->bytes, s.bytes);
    atomic_store(&d->evictions, d->evicted_before + s.evictions);
    atomic_store(&d->is_available, d->rows != NULL);
}

static void set_aside(struct cache_disk *d, const char *why)
{
    if (d->rows)
        d->evicted_before += cache_rows_look(d->rows).evictions;
    log_warning("%s is damaged (%s), setting it aside as cache.db.damaged and beginning anew",
                d->path, why);
    cache_rows_close(&d->rows);
    db_set_aside(d->path);
}

static void open_rows(struct cache_disk *d)
{
    char why[256];
    enum db_result r = cache_rows_open(d->path, &d->rows, why, sizeof(why));

    if (db_is_damage(r)) {
        set_aside(d, why);
        r = cache_rows_open(d->path, &d->rows, why, sizeof(why));
    }
    d->retry_at = clock_now() + RETRY_INTERVAL;
    if (r != DB_OK && !d->is_failing)
        log_warning("the cache on disk cannot be opened: %s; going on without, retrying", why);
    else if (r == DB_OK && d->is_failing)
        log_info("the cache on disk works again");
    d->is_failing = r != DB_OK;
}

/* What went wrong costs answers that could be given again, and nothing else. */
static void note_trouble(struct cache_disk *d, enum db_result r)
{
    if (r == DB_OK || r == DB_ROW) {
        if (d->is_failing)
            log_info("the cache on disk works again");
        d->is_failing = false;
        return;
    }
    if (db_is_damage(r)) {
        set_aside(d, cache_rows_error(d->rows));
        open_rows(d);
        return;
    }
    if (!d->is_failing)
        log_warning("the cache on disk fails: %s; answers are not kept there, ignoring",
                    cache_rows_error(d->rows));
    d->is_failing = true;
}

static void answer(struct cache_disk *d, struct cache_disk_question *q)
{
    if (d->rows) {
        enum db_result r = cache_rows_find(d->rows, &q->key, clock_wall(), &q->answer);
        if (r == DB_ROW && d->n_uses < MAX_USES)
            d->uses[d->n_uses++] = q->key;
        if (r != DB_OK && r != DB_ROW)
            note_trouble(d, r);
    }
    loop_post(q->loop, &q->task);
}

static void free_items(struct cache_disk *d, struct item *i, bool is_written)
{
    for (struct item *next; i; i = next) {
        next = i->next;
        cache_answer_unref(&i->answer);
        free(i);
        if (!is_written)
            atomic_fetch_add(&d->unwritten, 1);
    }
}

static enum db_result write_all(struct cache_disk *d, const struct item *items, uint64_t max_bytes)
{
    enum db_result r = cache_rows_begin(d->rows);

    if (r != DB_OK)
        return r;
    for (unsigned i = 0; i < d->n_uses && r == DB_OK; i++)
        r = cache_rows_use(d->rows, &d->uses[i]);
    for (const struct item *i = items; i && r == DB_OK; i = i->next)
        r = cache_rows_put(d->rows, &i->key, i->answer);
    if (r == DB_OK)
        r = cache_rows_trim(d->rows, max_bytes, clock_wall());
    return cache_rows_end(d->rows, r);
}

static void write_batch(struct cache_disk *d, struct item *items, uint64_t max_bytes)
{
    enum db_result r = DB_FAILED;

    if (d->rows) {
        r = write_all(d, items, max_bytes);
        note_trouble(d, r);
    }
    d->n_uses = 0;
    free_items(d, items, r == DB_OK);
}

struct orders {
    struct cache_disk_question *asked;
    struct item *items;
    uint64_t max_bytes;
    bool is_cleared, is_stopping;
};

/* At most a batch of them; the mutex is held. */
static struct item *take_items(struct cache_disk *d)
{
    struct item *first = d->items, *last = NULL;
    unsigned n = 0;

    for (struct item *i = first; i && n < MAX_BATCH; i = i->next, n++) {
        d->item_bytes -= i->answer->len + sizeof(*i->answer);
        last = i;
    }
    if (!last)
        return NULL;
    d->items = last->next;
    last->next = NULL;
    if (!d->items)
        d->last_item = &d->items;
    return first;
}

/* Returns when there is something to do. A file that cannot be opened is tried again when somebody
 * has something to write. */
static struct orders wait_for_orders(struct cache_disk *d, uint64_t bytes)
{
    struct orders o;

    pthread_mutex_lock(&d->mutex);
    while (!d->asked && !d->items && !d->is_cleared && !d->is_stopping && bytes <= d->max_bytes)
        pthread_cond_wait(&d->is_changed, &d->mutex);
    o.asked = TAKE(d->asked);
    d->last_asked = &d->asked;
    d->n_asked = 0;
    o.items = take_items(d);
    o.max_bytes = d->max_bytes;
    o.is_cleared = d->is_cleared;
    d->is_cleared = false;
    o.is_stopping = d->is_stopping;
    pthread_mutex_unlock(&d->mutex);
    return o;
}

static void *run(void *arg)
{
    struct cache_disk *d = arg;

    open_rows(d);
    show(d);
    for (;;) {
        uint64_t bytes = d->rows && !d->is_failing ? cache_rows_look(d->rows).bytes : 0;
        struct orders o = wait_for_orders(d, bytes);
        if (!d->rows && clock_now() >= d->retry_at)
            open_rows(d);
        for (struct cache_disk_question *q = o.asked, *next; q; q = next) {
            next = q->next;
            answer(d, q);
        }
        if (o.is_cleared && d->rows)
            note_trouble(d, cache_rows_clear(d->rows));
        if (o.items || d->n_uses > 0 || bytes > o.max_bytes)
            write_batch(d, o.items, o.max_bytes);
        show(d);
        if (o.is_stopping && !o.items)
            break;
    }
    cache_rows_close(&d->rows);
    return NULL;
}

int cache_disk_start(const char *state_dir, uint64_t max_bytes, struct cache_disk **ret)
{
    struct cache_disk *d = calloc(1, sizeof(*d));

    if (!d)
        abort();
    snprintf(d->path, sizeof(d->path), "%s/cache.db", state_dir);
    d->max_bytes = max_bytes;
    d->last_asked = &d->asked;
    d->last_item = &d->items;
    pthread_mutex_init(&d->mutex, NULL);
    pthread_cond_init(&d->is_changed, NULL);

    int r = thread_start(&d->thread, "cache", 0, run, d);
    if (r) {
        free(d);
        return r;
    }
    *ret = d;
    return 0;
}

void cache_disk_stop(struct cache_disk *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->mutex);
    d->is_stopping = true;
    pthread_cond_signal(&d->is_changed);
    pthread_mutex_unlock(&d->mutex);
    pthread_join(d->thread, NULL);
}

void cache_disk_free(struct cache_disk **d)
{
    struct cache_disk *old = TAKE(*d);

    if (!old)
        return;
    pthread_cond_destroy(&old->is_changed);
    pthread_mutex_destroy(&old->mutex);
    free(old);
}
