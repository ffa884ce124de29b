#include "context_store.h"

#include "io/log.h"
#include "io/thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_ASKED      64
#define MAX_OP_BYTES   ((size_t)256 << 20)
#define PATIENCE       (2 * USEC_PER_SEC)
#define RETRY_INTERVAL (10 * USEC_PER_SEC) /* to open a file that could not be opened */
#define SWEEP_INTERVAL (30 * USEC_PER_SEC)

enum kind { FIND, KEEP, TAKE_BLOCK, FIND_SESSION, REMOVE_SESSION };

/* One question. All it points to is in its arena, so that it may outlive the one who asks. */
struct op {
    struct op *next;
    enum kind kind;
    struct arena arena;
    struct context_find find;
    struct context_keep keep;
    struct context_epoch epoch;
    struct context_address address;
    struct context_session session;
    struct str body;
    enum context_store_result result;
    bool is_done, is_abandoned; /* under the mutex */
};

struct context_store {
    char path[PATH_MAX];
    pthread_t thread;

    pthread_mutex_t mutex; /* of what follows; never held across I/O */
    pthread_cond_t is_asked, is_answered;
    struct op *first, **last;
    unsigned n_asked;
    struct context_limits limits;
    bool is_stopping, is_open; /* it has been tried, at least */

    _Atomic uint64_t sessions;

    /* the thread's own */
    struct context_rows *rows; /* NULL: cannot be opened */
    usec_t retry_at;
    bool is_failing;
};

/* ---- the asker's side ---- */

static struct op *new_op(enum kind kind)
{
    struct op *op = calloc(1, sizeof(*op));

    if (!op)
        abort();
    op->kind = kind;
    op->result = CONTEXT_STORE_UNAVAILABLE;
    arena_init(&op->arena, MAX_OP_BYTES);
    return op;
}

static void free_op(struct op **op)
{
    if (!*op)
        return;
    arena_done(&(*op)->arena);
    free(*op);
    *op = NULL;
}

static bool copy(struct arena *a, struct str *text)
{
    char *to = arena_copy(a, *text);

    text->data = to;
    return to != NULL;
}

static struct timespec in(usec_t wait)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(wait / USEC_PER_SEC);
    t.tv_nsec += (long)(wait % USEC_PER_SEC) * 1000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

/* True when the thread has answered; else the question is no longer ours. */
static bool wait_for(struct context_store *s, struct op *op)
{
    struct timespec end = in(PATIENCE);

    pthread_mutex_lock(&s->mutex);
    bool is_room = s->n_asked < MAX_ASKED && !s->is_stopping;
    if (is_room) {
        *s->last = op;
        s->last = &op->next;
        s->n_asked++;
        pthread_cond_signal(&s->is_asked);
        while (!op->is_done && pthread_cond_timedwait(&s->is_answered, &s->mutex, &end) == 0)
            ;
    }
    bool is_done = op->is_done;
    op->is_abandoned = is_room && !is_done;
    pthread_mutex_unlock(&s->mutex);
    if (!is_room)
        free_op(&op);
    return is_done;
}

/* NULL when there is no answer. Without a store the answer is in it: there is none to be had. */
static struct op *ask(struct context_store *s, struct op *op)
{
    return !s || wait_for(s, op) ? op : NULL;
}

static bool copy_scope(struct arena *a, struct context_scope *scope)
{
    return copy(a, &scope->tenant) && copy(a, &scope->session);
}

static bool copy_epoch(struct arena *a, struct context_epoch *e)
{
    return copy(a, &e->frozen) && copy(a, &e->stages) && copy(a, &e->summary);
}

enum context_store_result context_store_find(struct context_store *s, struct arena *a,
                                             const struct context_find *find,
                                             struct context_epoch *ret)
{
    struct str chain = {(const char *)find->chain, find->n * DIGEST_SIZE};
    struct str config = {(const char *)find->config, DIGEST_SIZE};
    CLEANUP(free_op) struct op *op = new_op(FIND);

    op->find.scope = find->scope;
    if (!copy(&op->arena, &chain) || !copy(&op->arena, &config) ||
        !copy_scope(&op->arena, &op->find.scope))
        return CONTEXT_STORE_UNAVAILABLE;
    op->find.chain = (const uint8_t *)chain.data;
    op->find.config = (const uint8_t *)config.data;
    op->find.n = find->n;
    op = ask(s, op);
    if (!op || op->result != CONTEXT_STORE_OK)
        return op ? op->result : CONTEXT_STORE_UNAVAILABLE;
    *ret = op->epoch;
    return copy_epoch(a, ret) ? CONTEXT_STORE_OK : CONTEXT_STORE_UNAVAILABLE;
}

static bool copy_blocks(struct arena *a, struct context_keep *keep)
{
    struct context_block *blocks = arena_alloc(a, (keep->n_blocks + 1) * sizeof(*blocks));

    for (size_t i = 0; blocks && i < keep->n_blocks; i++) {
        blocks[i] = keep->blocks[i];
        if (!copy(a, &blocks[i].key) || !copy(a, &blocks[i].body))
            return false;
    }
    keep->blocks = blocks;
    return blocks != NULL;
}

enum context_store_result context_store_keep(struct context_store *s, struct arena *a,
                                             const struct context_keep *keep)
{
    CLEANUP(free_op) struct op *op = new_op(KEEP);

    op->keep = *keep;
    if (!copy_scope(&op->arena, &op->keep.scope) || !copy_blocks(&op->arena, &op->keep))
        return CONTEXT_STORE_UNAVAILABLE;
    if (keep->epoch) {
        op->epoch = *keep->epoch;
        op->keep.epoch = &op->epoch;
        if (!copy_epoch(&op->arena, &op->epoch))
            return CONTEXT_STORE_UNAVAILABLE;
    }
    op = ask(s, op);
    if (!op || op->result != CONTEXT_STORE_OK || !keep->epoch)
        return op ? op->result : CONTEXT_STORE_UNAVAILABLE;
    *keep->epoch = op->epoch;
    return copy_epoch(a, keep->epoch) ? CONTEXT_STORE_OK : CONTEXT_STORE_UNAVAILABLE;
}

enum context_store_result context_store_take_block(struct context_store *s, struct arena *a,
                                                   const struct context_address *address,
                                                   struct str *ret)
{
    CLEANUP(free_op) struct op *op = new_op(TAKE_BLOCK);

    op->address = *address;
    if (!copy_scope(&op->arena, &op->address.scope) || !copy(&op->arena, &op->address.key))
        return CONTEXT_STORE_UNAVAILABLE;
    op = ask(s, op);
    if (!op || op->result != CONTEXT_STORE_OK)
        return op ? op->result : CONTEXT_STORE_UNAVAILABLE;
    *ret = op->body;
    return copy(a, ret) ? CONTEXT_STORE_OK : CONTEXT_STORE_UNAVAILABLE;
}

static enum context_store_result ask_about_session(struct context_store *s, enum kind kind,
                                                   const struct context_scope *scope,
                                                   struct context_session *ret)
{
    CLEANUP(free_op) struct op *op = new_op(kind);

    op->address.scope = *scope;
    if (!copy_scope(&op->arena, &op->address.scope))
        return CONTEXT_STORE_UNAVAILABLE;
    op = ask(s, op);
    if (!op)
        return CONTEXT_STORE_UNAVAILABLE;
    *ret = op->session;
    return op->result;
}

enum context_store_result context_store_find_session(struct context_store *s,
                                                     const struct context_scope *scope,
                                                     struct context_session *ret)
{
    return ask_about_session(s, FIND_SESSION, scope, ret);
}

enum context_store_result context_store_remove_session(struct context_store *s,
                                                       const struct context_scope *scope)
{
    struct context_session nothing;

    return ask_about_session(s, REMOVE_SESSION, scope, &nothing);
}

void context_store_set_limits(struct context_store *s, const struct context_limits *limits)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->mutex);
    s->limits = *limits;
    pthread_mutex_unlock(&s->mutex);
}

uint64_t context_store_sessions(const struct context_store *s)
{
    return s ? atomic_load(&s->sessions) : 0;
}

/* ---- the thread ---- */

static void set_aside(struct context_store *s, const char *why)
{
    log_warning("%s is damaged (%s), setting it aside as context.db.damaged and beginning anew",
                s->path, why);
    context_rows_close(&s->rows);
    db_set_aside(s->path);
}

static void open_rows(struct context_store *s)
{
    char why[256] = "";
    enum db_result r = context_rows_open(s->path, &s->rows, why, sizeof(why));

    if (db_is_damage(r)) {
        set_aside(s, why);
        r = context_rows_open(s->path, &s->rows, why, sizeof(why));
    }
    s->retry_at = clock_now() + RETRY_INTERVAL;
    if (r != DB_OK && !s->is_failing)
        log_warning("%s cannot be opened: %s; condensing without sessions, retrying", s->path, why);
    else if (r == DB_OK && s->is_failing)
        log_info("%s works again", s->path);
    s->is_failing = r != DB_OK;
}

static void note_trouble(struct context_store *s, enum db_result r)
{
    if (r == DB_OK || r == DB_ROW) {
        if (s->is_failing)
            log_info("%s works again", s->path);
        s->is_failing = false;
        return;
    }
    if (db_is_damage(r)) {
        set_aside(s, context_rows_error(s->rows));
        open_rows(s);
        return;
    }
    if (!s->is_failing)
        log_warning("%s fails: %s; condensing without sessions", s->path,
                    context_rows_error(s->rows));
    s->is_failing = true;
}

static struct context_when when_of(const struct context_limits *limits)
{
    usec_t now = clock_wall();

    return (struct context_when){now, now > limits->ttl ? now - limits->ttl : 0};
}

static enum db_result run_op(struct context_store *s, struct op *op,
                             const struct context_limits *limits)
{
    struct context_when when = when_of(limits);

    switch (op->kind) {
    case FIND:
        return context_rows_find(s->rows, &op->find, when, &op->arena, &op->epoch);
    case KEEP:
        return context_rows_keep(s->rows, &op->keep, limits, when.now, &op->arena);
    case TAKE_BLOCK:
        return context_rows_take_block(s->rows, &op->address, when, &op->arena, &op->body);
    case FIND_SESSION:
        return context_rows_find_session(s->rows, &op->address.scope, when, &op->session);
    case REMOVE_SESSION:
        return context_rows_remove_session(s->rows, &op->address.scope);
    }
    return DB_FAILED;
}

static enum context_store_result result_of(enum kind kind, enum db_result r)
{
    if (r == DB_ROW)
        return CONTEXT_STORE_OK;
    if (r == DB_OK)
        return kind == KEEP ? CONTEXT_STORE_OK : CONTEXT_STORE_NONE;
    return CONTEXT_STORE_UNAVAILABLE;
}

static void answer(struct context_store *s, struct op *op, const struct context_limits *limits)
{
    if (s->rows) {
        enum db_result r = run_op(s, op, limits);
        op->result = result_of(op->kind, r);
        note_trouble(s, r);
    }
    atomic_store(&s->sessions, s->rows ? context_rows_look(s->rows).sessions : 0);
    pthread_mutex_lock(&s->mutex);
    op->is_done = true;
    bool is_abandoned = op->is_abandoned;
    pthread_cond_broadcast(&s->is_answered);
    pthread_mutex_unlock(&s->mutex);
    if (is_abandoned)
        free_op(&op);
}

/* The next question; NULL when it is time to sweep or to stop. */
static struct op *next_op(struct context_store *s, struct context_limits *limits, bool *ret_stop)
{
    pthread_mutex_lock(&s->mutex);
    struct timespec end = in(s->limits.ttl < SWEEP_INTERVAL ? s->limits.ttl : SWEEP_INTERVAL);
    while (!s->first && !s->is_stopping &&
           pthread_cond_timedwait(&s->is_asked, &s->mutex, &end) == 0)
        ;
    struct op *op = s->first;
    if (op) {
        s->first = op->next;
        s->n_asked--;
        if (!s->first)
            s->last = &s->first;
    }
    *limits = s->limits;
    *ret_stop = !op && s->is_stopping;
    pthread_mutex_unlock(&s->mutex);
    return op;
}

static void sweep(struct context_store *s, const struct context_limits *limits)
{
    if (!s->rows)
        return;
    note_trouble(s, context_rows_expire(s->rows, when_of(limits).oldest));
    atomic_store(&s->sessions, s->rows ? context_rows_look(s->rows).sessions : 0);
}

static void *run(void *arg)
{
    struct context_store *s = arg;
    struct context_limits limits;
    bool is_over = false;

    open_rows(s);
    atomic_store(&s->sessions, s->rows ? context_rows_look(s->rows).sessions : 0);
    pthread_mutex_lock(&s->mutex);
    s->is_open = true;
    pthread_cond_broadcast(&s->is_answered);
    pthread_mutex_unlock(&s->mutex);
    while (!is_over) {
        struct op *op = next_op(s, &limits, &is_over);
        if (!s->rows && clock_now() >= s->retry_at)
            open_rows(s);
        if (op)
            answer(s, op, &limits);
        else if (!is_over)
            sweep(s, &limits);
    }
    context_rows_close(&s->rows);
    return NULL;
}

/* A large file is looked through while others are answered without it. */
static void wait_until_open(struct context_store *s)
{
    struct timespec end = in(PATIENCE);

    pthread_mutex_lock(&s->mutex);
    while (!s->is_open && pthread_cond_timedwait(&s->is_answered, &s->mutex, &end) == 0)
        ;
    pthread_mutex_unlock(&s->mutex);
}

static void init_conditions(struct context_store *s)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->is_asked, &attributes);
    pthread_cond_init(&s->is_answered, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&s->mutex, NULL);
}

static void free_store(struct context_store **s)
{
    struct context_store *old = TAKE(*s);

    pthread_cond_destroy(&old->is_asked);
    pthread_cond_destroy(&old->is_answered);
    pthread_mutex_destroy(&old->mutex);
    free(old);
}

int context_store_start(const char *state_dir, const struct context_limits *limits,
                        struct context_store **ret)
{
    struct context_store *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    snprintf(s->path, sizeof(s->path), "%s/context.db", state_dir);
    s->limits = *limits;
    s->last = &s->first;
    init_conditions(s);
    int r = thread_start(&s->thread, "store", 0, run, s);
    if (r) {
        free_store(&s);
        return r;
    }
    wait_until_open(s);
    *ret = s;
    return 0;
}

void context_store_stop(struct context_store **s)
{
    if (!*s)
        return;
    pthread_mutex_lock(&(*s)->mutex);
    (*s)->is_stopping = true;
    pthread_cond_signal(&(*s)->is_asked);
    pthread_mutex_unlock(&(*s)->mutex);
    pthread_join((*s)->thread, NULL);
    free_store(s);
}
