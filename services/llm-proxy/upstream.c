#include "upstream.h"

#include "retry_budget.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct upstream_waiter {
    struct upstream_target *target;
    struct upstream_waiter *next, *previous;
    struct loop *loop;
    struct loop_task task;
    upstream_place_fn fn; /* NULL: the waiter left after its task was already on its way */
    void *arg;
    bool is_queued;
    bool holds_place;
};

struct upstream_target {
    struct upstream *upstream;
    struct upstream_target *next;
    char *model;
    struct standing standing;
};

struct upstream {
    char *name;
    pthread_mutex_t mutex;
    struct standing_provider standing;
    enum upstream_worker worker;
    bool is_wanted; /* while it is cold */
    struct upstream_target *targets;
    struct retry_budget budget;
    double budget_share;
    uint32_t max_parallel, max_waiting;
    uint32_t in_flight, waiting;
    struct {
        uint64_t at_ms;
        usec_t heard_at; /* 0: never */
        uint32_t elsewhere;
        double kv_cache_usage;
    } load;
    struct upstream_waiter *first, *last;
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
    while ((*u)->targets) {
        struct upstream_target *t = (*u)->targets;
        (*u)->targets = t->next;
        free(t->model);
        free(t);
    }
    pthread_mutex_destroy(&(*u)->mutex);
    free((*u)->name);
    free(*u);
    *u = NULL;
}

const char *upstream_name(const struct upstream *u)
{
    return u->name;
}

struct upstream *upstream_of(const struct upstream_target *t)
{
    return t->upstream;
}

static struct upstream_target *find_target(struct upstream *u, const char *model)
{
    for (struct upstream_target *t = u->targets; t; t = t->next)
        if (strcmp(t->model, model) == 0)
            return t;
    return NULL;
}

static struct upstream_target *add_target(struct upstream *u, const char *model)
{
    struct upstream_target *t = calloc(1, sizeof(*t));

    if (!t || !(t->model = strdup(model)))
        abort();
    t->upstream = u;
    t->standing.provider = &u->standing;
    t->next = u->targets;
    u->targets = t;
    return t;
}

struct upstream_target *upstream_target(struct upstream *u, const char *model)
{
    pthread_mutex_lock(&u->mutex);
    struct upstream_target *t = find_target(u, model);
    if (!t)
        t = add_target(u, model);
    pthread_mutex_unlock(&u->mutex);
    return t;
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
    while (u->first && u->worker != UPSTREAM_WORKER_COLD && u->in_flight < u->max_parallel) {
        struct upstream_waiter *w = u->first;
        unlink_waiter(u, w);
        take_place(u);
        w->holds_place = true;
        loop_post(w->loop, &w->task);
    }
}

/* Nobody stands in line for what cannot be tried: there may be another target. */
static void turn_away(struct upstream *u, usec_t now)
{
    struct upstream_waiter *next;

    if (u->worker == UPSTREAM_WORKER_COLD)
        return; /* they wait for it to come back */
    for (struct upstream_waiter *w = u->first; w; w = next) {
        next = w->next;
        if (standing_look(&w->target->standing, now, NULL) == STANDING_CLEAR)
            continue;
        unlink_waiter(u, w);
        loop_post(w->loop, &w->task);
    }
}

void upstream_configure(struct upstream *u, const struct settings_provider *p)
{
    pthread_mutex_lock(&u->mutex);
    standing_configure(&u->standing, &p->breaker, p->park);
    for (struct upstream_target *t = u->targets; t; t = t->next)
        t->standing.permission = (struct breaker){.state = BREAKER_CLOSED};
    u->budget_share = p->retry.budget;
    u->max_parallel = p->max_parallel;
    u->max_waiting = p->queue.max;
    serve_queue(u); /* there may be more places now */
    pthread_mutex_unlock(&u->mutex);
}

enum upstream_result upstream_take(struct upstream_target *t, bool is_repeat, usec_t now)
{
    struct upstream *u = t->upstream;
    enum upstream_result r = UPSTREAM_OK;

    pthread_mutex_lock(&u->mutex);
    if (u->worker == UPSTREAM_WORKER_COLD) {
        u->is_wanted = true;
        r = UPSTREAM_BUSY;
    } else if (standing_look(&t->standing, now, NULL) != STANDING_CLEAR)
        r = UPSTREAM_UNAVAILABLE;
    else if (u->in_flight >= u->max_parallel)
        r = UPSTREAM_BUSY;
    else if (!standing_take(&t->standing, now))
        r = UPSTREAM_UNAVAILABLE;
    if (r == UPSTREAM_OK)
        take_place(u);
    if (r != UPSTREAM_UNAVAILABLE && !is_repeat)
        retry_budget_note(&u->budget, now);
    pthread_mutex_unlock(&u->mutex);
    return r;
}

static void leave_place(struct upstream *u)
{
    assert(u->in_flight > 0);
    u->in_flight--;
    serve_queue(u);
}

enum standing_obstacle upstream_release(struct upstream_target *t, const struct failure *f,
                                        usec_t latency, usec_t now)
{
    struct upstream *u = t->upstream;

    pthread_mutex_lock(&u->mutex);
    enum standing_obstacle arisen = standing_report(&t->standing, f, now);
    if (f->blame == FAILURE_NONE)
        peak_ewma_add(&t->standing.latency, latency, now);
    else if (u->first)
        turn_away(u, now);
    leave_place(u);
    pthread_mutex_unlock(&u->mutex);
    return arisen;
}

/* On the waiter's own thread. */
static void on_place(void *arg)
{
    struct upstream_waiter *w = arg;
    struct upstream *u = w->target->upstream;
    usec_t now = loop_now(w->loop);

    pthread_mutex_lock(&u->mutex);
    bool is_usable = w->fn && w->holds_place && standing_take(&w->target->standing, now);
    if (!is_usable && w->holds_place)
        leave_place(u);
    pthread_mutex_unlock(&u->mutex);

    upstream_place_fn fn = w->fn;
    void *fn_arg = w->arg;
    free(w);
    if (fn)
        fn(fn_arg, is_usable ? UPSTREAM_OK : UPSTREAM_UNAVAILABLE);
}

struct upstream_waiter *upstream_wait(struct upstream_target *t, struct loop *l,
                                      upstream_place_fn fn, void *arg)
{
    struct upstream *u = t->upstream;
    struct upstream_waiter *w = calloc(1, sizeof(*w));

    if (!w)
        abort();
    *w = (struct upstream_waiter){.target = t, .loop = l, .fn = fn, .arg = arg};
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
    struct upstream *u = waiter->target->upstream;
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

bool upstream_begin_repeat(struct upstream *u, usec_t now)
{
    pthread_mutex_lock(&u->mutex);
    bool is_allowed = retry_budget_take(&u->budget, u->budget_share, u->in_flight, now);
    pthread_mutex_unlock(&u->mutex);
    return is_allowed;
}

void upstream_end_repeat(struct upstream *u)
{
    pthread_mutex_lock(&u->mutex);
    retry_budget_release(&u->budget);
    pthread_mutex_unlock(&u->mutex);
}

void upstream_set_health(struct upstream *u, enum health_state state, usec_t now)
{
    pthread_mutex_lock(&u->mutex);
    u->standing.health = state;
    u->standing.health_at = now;
    if (state == HEALTH_DOWN && u->first)
        turn_away(u, now);
    pthread_mutex_unlock(&u->mutex);
}

const char *upstream_worker_text(enum upstream_worker w)
{
    static const char *const texts[] = {
        [UPSTREAM_NO_WORKER] = NULL,
        [UPSTREAM_WORKER_AWAY] = "away",
        [UPSTREAM_WORKER_COLD] = "cold",
        [UPSTREAM_WORKER_READY] = "ready",
    };

    return texts[w];
}

void upstream_set_worker(struct upstream *u, enum upstream_worker w, usec_t now)
{
    pthread_mutex_lock(&u->mutex);
    bool is_news = u->worker != w;
    u->worker = w;
    u->standing.has_worker = w != UPSTREAM_NO_WORKER;
    u->standing.is_away = w == UPSTREAM_WORKER_AWAY;
    if (is_news && w == UPSTREAM_WORKER_READY)
        for (struct upstream_target *t = u->targets; t; t = t->next)
            standing_forgive(&t->standing);
    if (is_news && w == UPSTREAM_WORKER_AWAY)
        turn_away(u, now);
    if (is_news)
        serve_queue(u);
    pthread_mutex_unlock(&u->mutex);
}

void upstream_want(struct upstream *u)
{
    pthread_mutex_lock(&u->mutex);
    u->is_wanted = true;
    pthread_mutex_unlock(&u->mutex);
}

bool upstream_take_want(struct upstream *u)
{
    pthread_mutex_lock(&u->mutex);
    bool is_wanted = u->worker == UPSTREAM_WORKER_COLD && (u->is_wanted || u->first != NULL);
    u->is_wanted = false;
    pthread_mutex_unlock(&u->mutex);
    return is_wanted;
}

static void see(enum breaker_state *worst, const struct breaker *b)
{
    if (b->state > *worst)
        *worst = b->state;
}

static void look_at_targets(struct upstream *u, struct upstream_view *v, usec_t now)
{
    see(&v->breaker, &u->standing.connection);
    see(&v->breaker, &u->standing.credential);
    for (const struct upstream_target *t = u->targets; t; t = t->next) {
        see(&v->breaker, &t->standing.permission);
        see(&v->breaker, &t->standing.answers);
        double latency = peak_ewma_seconds(&t->standing.latency, now);
        if (latency > v->latency)
            v->latency = latency;
    }
}

static uint32_t beyond(double requests, uint32_t ours)
{
    double more = requests - ours;

    if (!(more > 0)) /* NAN, too */
        return 0;
    return more < UINT32_MAX ? (uint32_t)more : UINT32_MAX;
}

void upstream_set_load(struct upstream *u, const struct upstream_load *load, usec_t now)
{
    pthread_mutex_lock(&u->mutex);
    if (load->at_ms != u->load.at_ms) {
        u->load.at_ms = load->at_ms;
        u->load.elsewhere = beyond(load->requests, u->in_flight);
        u->load.kv_cache_usage = load->kv_cache_usage;
        u->load.heard_at = now;
    }
    pthread_mutex_unlock(&u->mutex);
}

static bool has_load(const struct upstream *u, usec_t now)
{
    return u->load.at_ms > 0 && now - u->load.heard_at < STANDING_HEALTH_MAX_AGE;
}

struct upstream_view upstream_look(struct upstream *u, usec_t now)
{
    pthread_mutex_lock(&u->mutex);
    const struct standing_provider *s = &u->standing;
    struct upstream_view v = {
        .worker = u->worker,
        .is_available = standing_look_provider(s, now) == STANDING_CLEAR,
        .health = now - s->health_at < STANDING_HEALTH_MAX_AGE ? s->health : HEALTH_UNKNOWN,
        .in_flight = u->in_flight,
        .waiting = u->waiting,
        .elsewhere = has_load(u, now) ? u->load.elsewhere : 0,
        .repeats_refused = u->budget.refused,
    };
    look_at_targets(u, &v, now);
    memcpy(v.transitions, s->transitions, sizeof(v.transitions));
    pthread_mutex_unlock(&u->mutex);
    return v;
}

struct upstream_target_view upstream_look_target(struct upstream_target *t, usec_t now)
{
    struct upstream *u = t->upstream;

    pthread_mutex_lock(&u->mutex);
    struct upstream_target_view v = {
        .is_cold = u->worker == UPSTREAM_WORKER_COLD,
        .is_full = u->worker == UPSTREAM_WORKER_COLD || u->in_flight >= u->max_parallel,
        .in_flight = u->in_flight,
        .elsewhere = has_load(u, now) ? u->load.elsewhere : 0,
        .kv_cache_usage = has_load(u, now) ? u->load.kv_cache_usage : NAN,
        .latency = peak_ewma_seconds(&t->standing.latency, now),
    };
    v.obstacle = v.is_cold ? STANDING_CLEAR : standing_look(&t->standing, now, &v.wait);
    pthread_mutex_unlock(&u->mutex);
    return v;
}
