#include "cache_memory.h"

#include "base/heap.h"
#include "base/map.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

struct entry {
    struct cache_key key;
    struct cache_answer *answer;
    uint64_t uses;
    size_t bytes;
    struct heap_node by_worth, by_end; /* the rank of the latter is when it expires */
};

struct shard {
    _Alignas(64) pthread_mutex_t mutex;
    struct map entries;
    struct heap by_worth, by_end;
    uint64_t bytes, max_bytes, evictions;
    double floor; /* rank of what was thrown out last */
};

struct cache_memory {
    struct shard shards[CACHE_MEMORY_SHARDS];
};

static struct entry *by_worth_entry(struct heap_node *node)
{
    return (struct entry *)((char *)node - offsetof(struct entry, by_worth));
}

static struct entry *by_end_entry(struct heap_node *node)
{
    return (struct entry *)((char *)node - offsetof(struct entry, by_end));
}

static struct str text_of(const struct cache_key *key)
{
    return (struct str){(const char *)key->bytes, sizeof(key->bytes)};
}

static struct shard *shard_of(struct cache_memory *m, const struct cache_key *key)
{
    return &m->shards[key->bytes[0] % CACHE_MEMORY_SHARDS];
}

struct cache_memory *cache_memory_new(uint64_t max_bytes)
{
    struct cache_memory *m = aligned_alloc(64, sizeof(*m));

    if (!m)
        abort();
    for (size_t i = 0; i < CACHE_MEMORY_SHARDS; i++) {
        m->shards[i] = (struct shard){.max_bytes = max_bytes / CACHE_MEMORY_SHARDS};
        pthread_mutex_init(&m->shards[i].mutex, NULL);
        map_init(&m->shards[i].entries);
        heap_init(&m->shards[i].by_worth);
        heap_init(&m->shards[i].by_end);
    }
    return m;
}

static void drop(struct shard *s, struct entry *e)
{
    map_take(&s->entries, text_of(&e->key));
    heap_remove(&s->by_worth, &e->by_worth);
    heap_remove(&s->by_end, &e->by_end);
    s->bytes -= e->bytes;
    cache_answer_unref(&e->answer);
    free(e);
}

static void drop_all(struct shard *s)
{
    struct heap_node *node;

    while ((node = heap_find_least(&s->by_end)))
        drop(s, by_end_entry(node));
}

void cache_memory_free(struct cache_memory **m)
{
    struct cache_memory *old = TAKE(*m);

    for (size_t i = 0; old && i < CACHE_MEMORY_SHARDS; i++) {
        struct shard *s = &old->shards[i];
        drop_all(s);
        heap_done(&s->by_worth);
        heap_done(&s->by_end);
        map_done(&s->entries);
        pthread_mutex_destroy(&s->mutex);
    }
    free(old);
}

struct cache_answer *cache_memory_find(struct cache_memory *m, const struct cache_key *key,
                                       usec_t now)
{
    struct shard *s = shard_of(m, key);
    struct cache_answer *found = NULL;

    pthread_mutex_lock(&s->mutex);
    struct entry *e = map_find(&s->entries, text_of(key));
    if (e && e->by_end.rank <= (double)now) {
        drop(s, e);
    } else if (e) {
        e->uses++;
        heap_move(&s->by_worth, &e->by_worth,
                  s->floor + cache_answer_worth(e->answer, e->uses, e->bytes));
        found = cache_answer_ref(e->answer);
    }
    pthread_mutex_unlock(&s->mutex);
    return found;
}

static void make_room(struct shard *s, uint64_t bytes, usec_t now)
{
    struct heap_node *node;

    while ((node = heap_find_least(&s->by_end)) && node->rank <= (double)now)
        drop(s, by_end_entry(node));
    while (s->bytes + bytes > s->max_bytes && (node = heap_find_least(&s->by_worth))) {
        s->floor = node->rank;
        s->evictions++;
        drop(s, by_worth_entry(node));
    }
}

static void add(struct shard *s, const struct cache_key *key, struct cache_answer *a, usec_t until)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (!e)
        abort();
    *e = (struct entry){.key = *key, .answer = cache_answer_ref(a), .uses = 1};
    e->bytes = a->len + CACHE_MEMORY_OVERHEAD;
    map_add(&s->entries, text_of(key), e);
    heap_add(&s->by_worth, &e->by_worth, s->floor + cache_answer_worth(a, 1, e->bytes));
    heap_add(&s->by_end, &e->by_end, (double)until);
    s->bytes += e->bytes;
}

bool cache_memory_put(struct cache_memory *m, const struct cache_key *key, struct cache_answer *a,
                      usec_t until, usec_t now)
{
    struct shard *s = shard_of(m, key);
    size_t bytes = a->len + CACHE_MEMORY_OVERHEAD;

    if (until > a->expires_at)
        until = a->expires_at;
    pthread_mutex_lock(&s->mutex);
    struct entry *before = map_find(&s->entries, text_of(key));
    if (before)
        drop(s, before);
    bool fits = bytes <= s->max_bytes;
    if (fits && until > now) {
        make_room(s, bytes, now);
        add(s, key, a, until);
    }
    pthread_mutex_unlock(&s->mutex);
    return fits;
}

void cache_memory_set_max(struct cache_memory *m, uint64_t max_bytes, usec_t now)
{
    for (size_t i = 0; i < CACHE_MEMORY_SHARDS; i++) {
        struct shard *s = &m->shards[i];
        pthread_mutex_lock(&s->mutex);
        s->max_bytes = max_bytes / CACHE_MEMORY_SHARDS;
        make_room(s, 0, now);
        pthread_mutex_unlock(&s->mutex);
    }
}

uint64_t cache_memory_clear(struct cache_memory *m)
{
    uint64_t n = 0;

    for (size_t i = 0; i < CACHE_MEMORY_SHARDS; i++) {
        struct shard *s = &m->shards[i];
        pthread_mutex_lock(&s->mutex);
        n += s->entries.n;
        drop_all(s);
        pthread_mutex_unlock(&s->mutex);
    }
    return n;
}

struct cache_memory_stats cache_memory_look(struct cache_memory *m)
{
    struct cache_memory_stats stats = {0};

    for (size_t i = 0; i < CACHE_MEMORY_SHARDS; i++) {
        struct shard *s = &m->shards[i];
        pthread_mutex_lock(&s->mutex);
        stats.entries += s->entries.n;
        stats.bytes += s->bytes;
        stats.evictions += s->evictions;
        pthread_mutex_unlock(&s->mutex);
    }
    return stats;
}
