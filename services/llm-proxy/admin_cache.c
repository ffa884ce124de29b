#include "admin.h"
#include "io/http_answer.h"
#include "proxy.h"
#include "proxy_metrics.h"

#define MAX_ANSWER 4096

static double counted(const struct proxy *p, unsigned family, const char *layer)
{
    const char *labels[] = {layer};

    return metrics_value(p->metrics, family, layer ? labels : NULL);
}

static void write_number(struct json_write *w, const char *key, double value)
{
    json_write_member_u64(w, key, (uint64_t)value);
}

static void write_layer(struct json_write *w, const struct proxy *p, enum cache_layer layer)
{
    static const char *const labels[CACHE_LAYERS] = {"L1", "L2"};
    const struct settings *s = p->snapshot->settings;
    struct cache_stats c = cache_look(p->cache, layer);

    json_write_begin(w, '{');
    json_write_member(w, "layer", cache_layer_text(layer));
    json_write_member_bool(w, "available", c.is_available);
    json_write_member_u64(w, "entries", c.entries);
    json_write_member_u64(w, "bytes", c.bytes);
    json_write_member_u64(w, "max_bytes", layer == CACHE_L1 ? s->cache.l1_max : s->cache.l2_max);
    write_number(w, "hits", counted(p, METRIC_tiered_cache_hits_total, labels[layer]));
    write_number(w, "misses", counted(p, METRIC_tiered_cache_misses_total, labels[layer]));
    json_write_member_u64(w, "evictions", c.evictions);
    json_write_end(w, '}');
}

void admin_cache_show(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    struct json_write w;
    struct buf out;

    (void)tail;
    buf_init(&out, MAX_ANSWER);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    write_number(&w, "hits", counted(p, METRIC_cache_hits_total, NULL));
    write_number(&w, "misses", counted(p, METRIC_cache_misses_total, NULL));
    json_write_key(&w, "savings_usd");
    json_write_double(&w, counted(p, METRIC_cache_cost_savings_total, NULL));
    json_write_member_u64(&w, "waiting", cache_flight_waiting(cache_flights(p->cache)));
    json_write_key(&w, "layers");
    json_write_begin(&w, '[');
    for (enum cache_layer l = CACHE_L1; l < CACHE_LAYERS; l++)
        write_layer(&w, p, l);
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    http_answer_written(r, 200, &w);
}

void admin_cache_clear(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    uint64_t n[CACHE_LAYERS];
    struct json_write w;
    struct buf out;

    (void)tail;
    for (enum cache_layer l = CACHE_L1; l < CACHE_LAYERS; l++)
        n[l] = cache_look(p->cache, l).entries;
    cache_clear(p->cache, loop_wall(p->loop));
    buf_init(&out, MAX_ANSWER);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    for (enum cache_layer l = CACHE_L1; l < CACHE_LAYERS; l++)
        json_write_member_u64(&w, cache_layer_text(l), n[l]);
    json_write_end(&w, '}');
    http_answer_written(r, 200, &w);
}
