#include "gauges.h"

#include "io/bus_metrics.h"
#include "key_gauges.h"
#include "proxy.h"
#include "proxy_metrics.h"
#include "zero_series.h"

#include <stdlib.h>

#define RATE_SAMPLES  12
#define RATE_INTERVAL (5 * USEC_PER_SEC)
#define MAX_RATES     256

/* Output tokens of one model at one provider, at the last RATE_SAMPLES ticks. */
struct rate {
    const char *model, *provider; /* of the snapshot in force */
    double at[RATE_SAMPLES];
};

struct gauges {
    struct proxy *proxy;
    struct loop_timer timer, rate_timer;
    struct rate *rates;
    size_t n_rates;
    unsigned rate_generation;
    uint64_t tick;
    struct {
        struct bus_stats own, others;
    } counted; /* already in the metrics */
};

static void show_upstream(struct proxy *p, struct upstream *u)
{
    static const char *const state_text[] = {"closed", "half_open", "open"};
    struct upstream_view v = upstream_look(u, loop_now(p->loop));
    const char *name = upstream_name(u);

    metrics_gauge(p->shard, METRIC_circuit_breaker_state, v.breaker, name);
    metrics_gauge(p->shard, METRIC_worker_pool_queue_depth, v.waiting, name);
    metrics_gauge(p->shard, METRIC_worker_pool_active_workers, v.in_flight, name);
    for (unsigned to = 0; to < 3; to++)
        metrics_gauge(p->shard, METRIC_circuit_breaker_transitions_total, (double)v.transitions[to],
                      name, state_text[to]);
}

static void show_cache(struct proxy *p)
{
    static const char *const names[CACHE_LAYERS] = {"L1", "L2"};

    for (enum cache_layer l = CACHE_L1; l < CACHE_LAYERS; l++) {
        const char *labels[] = {names[l]}; /* there from the start, at zero */
        metrics_find(p->shard, METRIC_tiered_cache_hits_total, labels);
        metrics_find(p->shard, METRIC_tiered_cache_misses_total, labels);
        struct cache_stats c = cache_look(p->cache, l);
        metrics_gauge(p->shard, METRIC_tiered_cache_entries, (double)c.entries, names[l]);
        metrics_gauge(p->shard, METRIC_tiered_cache_size_bytes, (double)c.bytes, names[l]);
        metrics_gauge(p->shard, METRIC_tiered_cache_evictions_total, (double)c.evictions, names[l]);
    }
}

static void show_certificate(struct proxy *p)
{
    if (p->snapshot->tls)
        metrics_gauge(p->shard, METRIC_tls_certificate_expiry_timestamp_seconds,
                      (double)http_tls_expiry(p->snapshot->tls));
}

void gauges_refresh(struct gauges *g)
{
    struct proxy *p = g->proxy;
    size_t cursor = 0;
    struct str name;
    void *upstream;

    while (map_next(&p->upstreams, &cursor, &name, &upstream))
        show_upstream(p, upstream);
    key_gauges_refresh(p->shard, p->keyring, loop_wall(p->loop));
    show_cache(p);
    show_certificate(p);
    const struct nodes *nodes = health_view_nodes(p->health);
    bus_metrics_count(p->shard, "health", nodes_stats_own(nodes), &g->counted.own);
    bus_metrics_count(p->shard, "nodes", nodes_stats_others(nodes), &g->counted.others);
    usec_t heard_at = health_view_heard_at(p->health);
    if (heard_at > 0)
        metrics_gauge(p->shard, METRIC_health_view_age_seconds,
                      (double)(loop_now(p->loop) - heard_at) / (double)USEC_PER_SEC);
    metrics_page_count_server(p->shard, p->admin);
    metrics_page_refresh(p->metrics, p->shard);
}

static double output_tokens(struct proxy *p, const struct rate *r)
{
    const char *upstream[] = {r->provider, r->model, "output", "upstream"};
    const char *local[] = {r->provider, r->model, "output", "local"};

    return metrics_value(p->metrics, METRIC_llm_tokens_total, upstream) +
           metrics_value(p->metrics, METRIC_llm_tokens_total, local);
}

static void list_rates(struct gauges *g)
{
    const struct settings *s = g->proxy->snapshot->settings;

    zero_series_show(g->proxy->shard, s);
    g->n_rates = 0;
    for (size_t m = 0; m < s->n_models; m++)
        for (size_t t = 0; t < s->models[m].n_targets && g->n_rates < MAX_RATES; t++) {
            struct rate *r = &g->rates[g->n_rates++];
            *r = (struct rate){s->models[m].name, s->models[m].targets[t].provider, {0}};
            for (unsigned i = 0; i < RATE_SAMPLES; i++)
                r->at[i] = output_tokens(g->proxy, r);
            metrics_gauge(g->proxy->shard, METRIC_llm_tokens_per_second, 0, r->model, r->provider);
        }
    g->rate_generation = g->proxy->generation;
}

static void on_rate_tick(void *arg)
{
    struct gauges *g = arg;
    const double seconds = (double)(RATE_SAMPLES * RATE_INTERVAL) / (double)USEC_PER_SEC;

    if (g->rate_generation != g->proxy->generation)
        list_rates(g); /* the names belong to the snapshot */
    for (size_t i = 0; i < g->n_rates; i++) {
        struct rate *r = &g->rates[i];
        double *oldest = &r->at[g->tick % RATE_SAMPLES];
        double now = output_tokens(g->proxy, r);
        metrics_gauge(g->proxy->shard, METRIC_llm_tokens_per_second, (now - *oldest) / seconds,
                      r->model, r->provider);
        *oldest = now;
    }
    g->tick++;
    loop_timer_start(&g->rate_timer, RATE_INTERVAL);
}

static void on_tick(void *arg)
{
    struct gauges *g = arg;

    gauges_refresh(g);
    loop_timer_start(&g->timer, USEC_PER_SEC);
}

struct gauges *gauges_new(struct proxy *p)
{
    struct gauges *g = calloc(1, sizeof(*g));

    if (!g || !(g->rates = calloc(MAX_RATES, sizeof(g->rates[0]))))
        abort();
    g->proxy = p;
    list_rates(g);
    metrics_remove(metrics_find(p->shard, METRIC_health_view_age_seconds, NULL));
    metrics_remove(metrics_find(p->shard, METRIC_tls_certificate_expiry_timestamp_seconds, NULL));
    loop_timer_init(&g->timer, p->loop, on_tick, g);
    loop_timer_init(&g->rate_timer, p->loop, on_rate_tick, g);
    loop_timer_start(&g->timer, USEC_PER_SEC);
    loop_timer_start(&g->rate_timer, RATE_INTERVAL);
    return g;
}

void gauges_free(struct gauges **g)
{
    if (!*g)
        return;
    loop_timer_stop(&(*g)->timer);
    loop_timer_stop(&(*g)->rate_timer);
    free((*g)->rates);
    free(*g);
    *g = NULL;
}
