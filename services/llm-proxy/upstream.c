#include "upstream.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define EWMA_WEIGHT 0.2

struct upstream_waiter {
    struct upstream *upstream;
    struct upstream_waiter *next, *previous;
    struct loop *loop;
    struct loop_task task;
    upstream_place_fn fn; /* NULL: the waiter left after a place was already on its way */
    void *arg;
    bool is_queued;
};

struct upstream {
    char *name;
    pthread_mutex_t mutex;
    struct breaker breaker;
    struct breaker_config breaker_config;
    uint64_t transitions[3];
    uint32_t max_parallel, max_waiting;
    uint32_t in_flight, waiting;
    struct upstream_waiter *first, *last;
    enum health_state health;
    usec_t health_at;
    double latency;
};

struct upstream *upstream_new(const char *name)
{
    struct upstream *u = calloc(1, sizeof(*u));

    if (!u || !(u->name = strdup(name)))
        abort();
    pthread_mutex_init(&u->mutex, NULL);
    return u;
}

void upstream_free(struct upstream **u)
{
    if (!*u)
        return;
    assert(!(*u)->first);
    pthread_mutex_destroy(&(*u)->mutex);
    free((*u)->name);
    free(*u);
    *u = NULL;
}

const char *upstream_name(const struct upstream *u)
{
    return u->name;
}

static bool is_down(const struct upstream *u, usec_t now)
{
    return u->health == HEALTH_DOWN && now - u->health_at < UPSTREAM_HEALTH_MAX_AGE;
}

static void note_transition(struct upstream *u, enum breaker_state before)
{
    if (u->breaker.state != before)
        u->transitions[u->breaker.state]++;
}

static void take_place(struct upstream *u)
{
    u->in_flight++;
}

static void enqueue(struct upstream *u, struct upstream_waiter *w)
{
    w->previous = u->last;
    if (u->last)
        u->last->next = w;
    else
        u->first = w;
    u->last = w;
    w->is_queued = true;
    u->waiting++;
}

static void unlink_waiter(struct upstream *u, struct upstream_waiter *w)
{
    if (w->previous)
        w->previous->next = w->next;
    else
        u->first = w->next;
    if (w->next)
        w->next->previous = w->previous;
    else
        u->last = w->previous;
    w->is_queued = false;
    u->waiting--;
}

/* Give free places to those who wait, in order. */
static void serve_queue(struct upstream *u)
{
    while (u->first && u->in_flight < u->max_parallel) {
        struct upstream_waiter *w = u->first;
        unlink_waiter(u, w);
        take_place(u);
        loop_post(w->loop, &w->task);
    }
}

void upstream_configure(struct upstream *u, const struct settings_provider *p)
{
    pthread_mutex_lock(&u->mutex);
    u->breaker_config = p->breaker;
    u->max_parallel = p->max_parallel;
    u->max_waiting = p->queue.max;
    serve_queue(u); /* there may be more places now */
    pthread_mutex_unlock(&u->mutex);
}

enum upstream_result upstream_take(struct upstream *u, usec_t now)
{
    enum upstream_result r = UPSTREAM_OK;

    pthread_mutex_lock(&u->mutex);
    enum breaker_state before = u->breaker.state;
    if (is_down(u, now)) {
        r = UPSTREAM_UNAVAILABLE;
    } else if (u->in_flight >= u->max_parallel) {
        r = breaker_is_available(&u->breaker, &u->breaker_config, now) ? UPSTREAM_BUSY
                                                                       : UPSTREAM_UNAVAILABLE;
    } else if (!breaker_take(&u->breaker, &u->breaker_config, now)) {
        r = UPSTREAM_UNAVAILABLE;
    } else {
        take_place(u);
    }
    note_transition(u, before);
    pthread_mutex_unlock(&u->mutex);
    return r;
}

static void leave_place(struct upstream *u)
{
    assert(u->in_flight > 0);
    u->in_flight--;
    serve_queue(u);
}

static void learn_latency(struct upstream *u, usec_t duration)
{
    double seconds = (double)duration / (double)USEC_PER_SEC;

    if (u->latency <= 0 || seconds > u->latency)
        u->latency = seconds; /* a peak counts at once, recovery is gradual */
    else
        u->latency += EWMA_WEIGHT * (seconds - u->latency);
}

void upstream_release(struct upstream *u, enum upstream_report report, usec_t duration, usec_t now)
{
    pthread_mutex_lock(&u->mutex);
    enum breaker_state before = u->breaker.state;
    switch (report) {
    case UPSTREAM_SUCCEEDED:
        breaker_success(&u->breaker, &u->breaker_config, now);
        learn_latency(u, duration);
        break;
    case UPSTREAM_FAILED:
        breaker_failure(&u->breaker, &u->breaker_config, now);
        break;
    case UPSTREAM_SAID_NOTHING:
        breaker_abandon(&u->breaker);
        break;
    }
    note_transition(u, before);
    leave_place(u);
    pthread_mutex_unlock(&u->mutex);
}

/* On the waiter's own thread: a place is held for it. */
static void on_place(void *arg)
{
    struct upstream_waiter *w = arg;
    struct upstream *u = w->upstream;

    pthread_mutex_lock(&u->mutex);
    enum breaker_state before = u->breaker.state;
    bool is_usable = w->fn && breaker_take(&u->breaker, &u->breaker_config, loop_now(w->loop));
    note_transition(u, before);
    if (!is_usable)
        leave_place(u);
    pthread_mutex_unlock(&u->mutex);

    upstream_place_fn fn = w->fn;
    void *fn_arg = w->arg;
    free(w);
    if (fn)
        fn(fn_arg, is_usable ? UPSTREAM_OK : UPSTREAM_UNAVAILABLE);
}

struct upstream_waiter *upstream_wait(struct upstream *u, struct loop *l, upstream_place_fn fn,
                                      void *arg)
{
    struct upstream_waiter *w = calloc(1, sizeof(*w));

    if (!w)
        abort();
    *w = (struct upstream_waiter){.upstream = u, .loop = l, .fn = fn, .arg = arg};
    w->task = (struct loop_task){.fn = on_place, .arg = w};

    pthread_mutex_lock(&u->mutex);
    if (u->waiting >= u->max_waiting) {
        pthread_mutex_unlock(&u->mutex);
        free(w);
        return NULL;
    }
    enqueue(u, w);
    serve_queue(u); /* a place may have become free since the caller was told to wait */
    pthread_mutex_unlock(&u->mutex);
    return w;
}

void upstream_wait_cancel(struct upstream_waiter **w)
{
    struct upstream_waiter *waiter = TAKE(*w);

    if (!waiter)
        return;
    struct upstream *u = waiter->upstream;
    pthread_mutex_lock(&u->mutex);
    bool was_queued = waiter->is_queued;
    if (was_queued)
        unlink_waiter(u, waiter);
    pthread_mutex_unlock(&u->mutex);

    if (was_queued)
        free(waiter);
    else
        waiter->fn = NULL; /* its task is on the way and gives the place back */
}

void upstream_set_health(struct upstream *u, enum health_state state, usec_t now)
{
    pthread_mutex_lock(&u->mutex);
    u->health = state;
    u->health_at = now;
    pthread_mutex_unlock(&u->mutex);
}

struct upstream_view upstream_look(struct upstream *u, usec_t now)
{
    pthread_mutex_lock(&u->mutex);
    struct upstream_view v = {
        .is_available =
            !is_down(u, now) && breaker_is_available(&u->breaker, &u->breaker_config, now),
        .breaker = u->breaker.state,
        .health = now - u->health_at < UPSTREAM_HEALTH_MAX_AGE ? u->health : HEALTH_UNKNOWN,
        .in_flight = u->in_flight,
        .waiting = u->waiting,
        .latency = u->latency,
    };
    memcpy(v.transitions, u->transitions, sizeof(v.transitions));
    pthread_mutex_unlock(&u->mutex);
    return v;
}
