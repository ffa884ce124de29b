#include "worker.h"

#include "api.h"
#include "count_tokens.h"
#include "io/bus_metrics.h"
#include "proxy_metrics.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SCRATCH (256u << 20)
#define MAX_LINE    (8u << 20) /* a frame of 1 MiB, every byte escaped */
#define DRAIN_TICK  (50 * USEC_PER_MSEC)
#define STOP_TICK   USEC_PER_MSEC

/* Work handed to the worker's thread by the control thread. */
struct order {
    struct loop_task task;
    struct worker *worker;
    void (*fn)(struct worker *w, void *object);
    void *object;
};

static void run_order(void *arg)
{
    struct order *o = arg;

    o->fn(o->worker, o->object);
    free(o);
}

static void give_order(struct worker *w, void (*fn)(struct worker *w, void *object), void *object)
{
    struct order *o = calloc(1, sizeof(*o));

    if (!o)
        abort();
    *o = (struct order){.worker = w, .fn = fn, .object = object};
    o->task = (struct loop_task){.fn = run_order, .arg = o};
    loop_post(w->loop, &o->task);
}

uint64_t worker_random(struct worker *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

static struct http_server_config server_config(const struct settings *s, unsigned n_workers)
{
    return (struct http_server_config){
        .max_header = s->proxy.max_header,
        .max_body = s->proxy.max_body,
        .max_fields = 100,
        .max_connections = (s->proxy.max_connections + n_workers - 1) / n_workers,
        .header_timeout = s->proxy.header_timeout,
        .body_timeout = s->proxy.body_timeout,
        .idle_timeout = s->proxy.idle_timeout,
        .write_timeout = s->proxy.body_timeout,
        .high_water = 32u << 10,
    };
}

static int listen_on(struct worker *w, const struct worker_config *c)
{
    struct http_tls *tls = c->snapshot->tls;
    int r = 0;

    http_server_set_tls(w->server, tls);
    for (size_t i = 0; r == 0 && i < c->n_listeners; i++)
        r = tls ? http_server_listen_tls(w->server, c->listeners[i], 0)
                : http_server_listen(w->server, c->listeners[i], 0);
    return r;
}

static int open_sockets(struct worker *w, const struct worker_config *c)
{
    const struct settings *s = c->snapshot->settings;
    struct http_server_config config = server_config(s, c->n_workers);
    char endpoint[512];

    int r = http_server_new(w->loop, &config, &api_handler, w, &w->server);
    if (r < 0)
        return r;
    if ((r = fetch_pool_new(w->loop, &w->fetches)) < 0)
        return r;
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/context.sock", s->paths.runtime);
    if ((r = context_client_new(c->bus, w->loop, endpoint, &w->context)) < 0)
        return r;
    w->bills = bills_new(w->loop, w->context);
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/outcomes.sock", s->paths.runtime);
    if ((r = outcomes_new(c->bus, w->loop, endpoint, &w->outcomes)) < 0)
        return r;
    return listen_on(w, c);
}

static void observe_loop(struct worker *w)
{
    char name[32];

    snprintf(name, sizeof(name), "worker%u", w->index);
    const char *labels[] = {name};
    loop_set_lag_fn(w->loop, metrics_page_observe_lag,
                    metrics_find(w->shard, COMMON_eventloop_lag_seconds, labels));
}

static void show_bus(struct worker *w)
{
    bus_metrics_count(w->shard, "outcomes", outcomes_stats(w->outcomes), &w->counted.outcomes);
    bus_metrics_count(w->shard, "context", context_client_stats(w->context), &w->counted.context);
}

static void on_tick(void *arg)
{
    struct worker *w = arg;

    metrics_page_count_server(w->shard, w->server);
    show_bus(w);
    if (w->is_draining)
        atomic_store(&w->is_idle, !w->exchanges && http_server_is_idle(w->server));
    loop_timer_start(&w->tick, w->is_draining ? DRAIN_TICK : USEC_PER_SEC);
}

static void *run(void *arg)
{
    struct worker *w = arg;

    loop_run(w->loop);
    return NULL;
}

static void free_worker(struct worker *w)
{
    if (w->tick.loop)
        loop_timer_stop(&w->tick);
    while (w->spare) {
        struct exchange *x = w->spare;
        w->spare = x->next;
        exchange_free(&x);
    }
    http_server_free(&w->server);
    fetch_pool_free(&w->fetches);
    bills_free(&w->bills);
    context_client_free(&w->context);
    outcomes_free(&w->outcomes);
    offload_free(&w->errands);
    snapshot_unref(&w->snapshot);
    keyring_unref(&w->keyring);
    arena_done(&w->scratch);
    buf_done(&w->line);
    loop_free(&w->loop);
    free(w);
}

int worker_start(const struct worker_config *c, struct worker **ret)
{
    struct worker *w = calloc(1, sizeof(*w));

    if (!w)
        abort();
    w->index = c->index;
    w->ledger = c->ledger;
    w->audit = c->audit;
    w->spool = c->spool;
    w->cache = c->cache;
    w->tables = c->tables;
    w->metrics = c->metrics;
    w->shard = metrics_add_shard(c->metrics);
    w->snapshot = snapshot_ref(c->snapshot);
    w->keyring = keyring_ref(c->keyring);
    w->guesses = c->guesses;
    w->random = c->seed | 1;
    arena_init(&w->scratch, MAX_SCRATCH);
    buf_init(&w->line, MAX_LINE);

    int r = loop_new(&w->loop);
    if (r == 0)
        r = open_sockets(w, c);
    if (r < 0) {
        free_worker(w);
        return r;
    }
    observe_loop(w);
    loop_timer_init(&w->tick, w->loop, on_tick, w);
    on_tick(w);
    r = -pthread_create(&w->thread, NULL, run, w);
    if (r < 0) {
        free_worker(w);
        return r;
    }
    *ret = w;
    return 0;
}

static void take_snapshot(struct worker *w, void *object)
{
    struct snapshot *s = object;

    http_server_set_tls(w->server, s->tls); /* a renewed certificate serves new connections */
    snapshot_unref(&w->snapshot);
    w->snapshot = s;
}

static void take_keyring(struct worker *w, void *object)
{
    keyring_unref(&w->keyring);
    w->keyring = object;
    for (struct exchange *x = w->exchanges, *next; x; x = next) {
        next = x->next;
        if (x->key && atomic_load(&x->key->usage->is_cut))
            exchange_revoke(x);
    }
}

void worker_set_snapshot(struct worker *w, struct snapshot *s)
{
    give_order(w, take_snapshot, snapshot_ref(s));
}

void worker_set_keyring(struct worker *w, struct keyring *k)
{
    give_order(w, take_keyring, keyring_ref(k));
}

static void start_draining(struct worker *w, void *object)
{
    (void)object;
    w->is_draining = true;
    http_server_drain(w->server);
    loop_timer_start(&w->tick, DRAIN_TICK); /* who was let in last has yet to ask */
}

void worker_drain(struct worker *w)
{
    give_order(w, start_draining, NULL);
}

/* At the end of a turn those who could be abandoned in it are gone; an errand that has begun must
 * be awaited. */
static void abandon_all(void *arg)
{
    struct worker *w = arg;

    if (!w->exchanges && w->n_errands == 0) {
        loop_stop(w->loop);
        return;
    }
    for (struct exchange *x = w->exchanges, *next; x; x = next) {
        next = x->next;
        exchange_abandon(x);
    }
    count_tokens_abandon(w);
    loop_timer_start(&w->stop, STOP_TICK);
}

static void start_stopping(struct worker *w, void *object)
{
    (void)object;
    loop_timer_init(&w->stop, w->loop, abandon_all, w);
    abandon_all(w);
}

void worker_stop(struct worker **w)
{
    struct worker *old = TAKE(*w);

    if (!old)
        return;
    give_order(old, start_stopping, NULL);
    pthread_join(old->thread, NULL);
    assert(!old->exchanges);
    free_worker(old);
}
