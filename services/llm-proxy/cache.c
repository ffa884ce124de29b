#include "cache.h"

#include <stdatomic.h>
#include <stdlib.h>

struct cache {
    struct cache_memory *memory; /* NULL: off, likewise below */
    struct cache_disk *disk;
    struct cache_flight *flights;
    _Atomic usec_t l1_ttl, l2_ttl;
    _Atomic usec_t cleared_at; /* what was asked before is not given again */
};

struct cache_question {
    struct cache *cache;
    struct cache_key key;
    struct cache_disk_question *disk;
    struct loop *loop;
    cache_fn fn;
    void *arg;
};

int cache_new(const struct settings *s, struct cache **ret)
{
    struct cache *c = calloc(1, sizeof(*c));
    int r = 0;

    if (!c)
        abort();
    c->flights = cache_flight_new();
    if (s->cache.l1_max > 0)
        c->memory = cache_memory_new(s->cache.l1_max);
    if (s->cache.l2_max > 0)
        r = cache_disk_start(s->paths.state, s->cache.l2_max, &c->disk);
    cache_configure(c, s, 0);
    if (r < 0)
        cache_free(&c);
    else
        *ret = c;
    return r;
}

void cache_stop(struct cache *c)
{
    if (c)
        cache_disk_stop(c->disk);
}

void cache_free(struct cache **c)
{
    struct cache *old = TAKE(*c);

    if (!old)
        return;
    cache_memory_free(&old->memory);
    cache_disk_free(&old->disk);
    cache_flight_free(&old->flights);
    free(old);
}

void cache_configure(struct cache *c, const struct settings *s, usec_t now)
{
    atomic_store(&c->l1_ttl, s->cache.l1_ttl);
    atomic_store(&c->l2_ttl, s->cache.l2_ttl);
    if (c->memory)
        cache_memory_set_max(c->memory, s->cache.l1_max, now);
    if (c->disk)
        cache_disk_set_max(c->disk, s->cache.l2_max);
}

bool cache_is_on(const struct cache *c)
{
    return c->memory || c->disk;
}

bool cache_has_layer(const struct cache *c, enum cache_layer layer)
{
    return layer == CACHE_L1 ? c->memory != NULL : c->disk != NULL;
}

static struct cache_answer *unless_cleared(struct cache *c, struct cache_answer *a)
{
    if (a && a->asked_at <= atomic_load_explicit(&c->cleared_at, memory_order_relaxed))
        cache_answer_unref(&a);
    return a;
}

struct cache_answer *cache_find(struct cache *c, const struct cache_key *key, usec_t now)
{
    return c->memory ? unless_cleared(c, cache_memory_find(c->memory, key, now)) : NULL;
}

static usec_t after(usec_t now, usec_t ttl)
{
    return ttl < USEC_INFINITY - now ? now + ttl : USEC_INFINITY;
}

static void on_disk_answer(void *arg, struct cache_answer *a)
{
    struct cache_question *q = arg;
    struct cache *c = q->cache;
    cache_fn fn = q->fn;
    void *fn_arg = q->arg;
    usec_t now = loop_wall(q->loop);

    a = unless_cleared(c, a);
    if (a && c->memory)
        cache_memory_put(c->memory, &q->key, a, after(now, atomic_load(&c->l1_ttl)), now);
    free(q);
    fn(fn_arg, CACHE_L2, a);
}

struct cache_question *cache_ask(struct cache *c, const struct cache_key *key, struct loop *l,
                                 cache_fn fn, void *arg)
{
    if (!c->disk)
        return NULL;
    struct cache_question *q = calloc(1, sizeof(*q));
    if (!q)
        abort();
    *q = (struct cache_question){.cache = c, .key = *key, .loop = l, .fn = fn, .arg = arg};
    q->disk = cache_disk_ask(c->disk, key, l, on_disk_answer, q);
    if (!q->disk)
        free(TAKE(q));
    return q;
}

void cache_cancel(struct cache_question **q)
{
    struct cache_question *old = TAKE(*q);

    if (!old)
        return;
    cache_disk_cancel(&old->disk);
    free(old);
}

void cache_put(struct cache *c, const struct cache_key *key, struct cache_answer *a, usec_t now)
{
    if (c->memory)
        cache_memory_put(c->memory, key, a,
                         c->disk ? after(now, atomic_load(&c->l1_ttl)) : a->expires_at, now);
    if (c->disk && a->expires_at > now)
        cache_disk_put(c->disk, key, a);
}

usec_t cache_end_of(const struct cache *c, usec_t ttl, usec_t now)
{
    if (ttl == 0)
        ttl = atomic_load(c->disk ? &c->l2_ttl : &c->l1_ttl);
    return after(now, ttl);
}

struct cache_flight *cache_flights(struct cache *c)
{
    return c->flights;
}

void cache_clear(struct cache *c, usec_t now)
{
    atomic_store(&c->cleared_at, now);
    if (c->memory)
        cache_memory_clear(c->memory);
    if (c->disk)
        cache_disk_clear(c->disk);
}

struct cache_stats cache_look(const struct cache *c, enum cache_layer layer)
{
    if (layer == CACHE_L1 && c->memory) {
        struct cache_memory_stats m = cache_memory_look(c->memory);
        return (struct cache_stats){m.entries, m.bytes, m.evictions, true};
    }
    if (layer == CACHE_L2 && c->disk) {
        struct cache_disk_stats d = cache_disk_look(c->disk);
        return (struct cache_stats){d.entries, d.bytes, d.evictions, d.is_available};
    }
    return (struct cache_stats){0};
}

const char *cache_layer_text(enum cache_layer layer)
{
    static const char *const texts[CACHE_LAYERS] = {"l1", "l2"};

    return texts[layer];
}
