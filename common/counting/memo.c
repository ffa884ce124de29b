#include "memo.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define WAYS  8
#define LOCKS 64

struct entry {
    struct fingerprint of; /* all zero: free */
    uint32_t tokens, doubt;
    uint32_t used;
    uint32_t parts;
};

struct memo {
    struct fingerprint_key key;
    size_t n_sets; /* a power of two */
    atomic_uint clock;
    atomic_uint generation; /* counts of another are not found */
    atomic_uint_least64_t entries, hits, misses;
    pthread_mutex_t lock[LOCKS]; /* each of every LOCKS-th set */
    struct entry *set;
};

struct memo *memo_new(size_t max_entries)
{
    struct memo *m = calloc(1, sizeof(*m));

    if (!m)
        abort();
    fingerprint_make_key(&m->key);
    for (m->n_sets = LOCKS; m->n_sets * WAYS * 2 <= max_entries;)
        m->n_sets *= 2;
    m->set = calloc(m->n_sets * WAYS, sizeof(*m->set));
    if (!m->set)
        abort();
    for (size_t i = 0; i < LOCKS; i++)
        if (pthread_mutex_init(&m->lock[i], NULL) != 0)
            abort();
    return m;
}

void memo_free(struct memo **m)
{
    if (!*m)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&(*m)->lock[i]);
    free((*m)->set);
    free(*m);
    *m = NULL;
}

void memo_renew(struct memo *m)
{
    atomic_fetch_add_explicit(&m->generation, 1, memory_order_relaxed);
}

static bool is_same(const struct fingerprint *a, const struct fingerprint *b)
{
    return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

static bool is_free(const struct entry *e)
{
    return e->of.half[0] == 0 && e->of.half[1] == 0;
}

/* The first of its set, locked. */
static struct entry *lock_set(struct memo *m, const struct fingerprint *of)
{
    size_t set = of->half[0] & (m->n_sets - 1);

    pthread_mutex_lock(&m->lock[set % LOCKS]);
    return &m->set[set * WAYS];
}

static void unlock_set(struct memo *m, const struct fingerprint *of)
{
    pthread_mutex_unlock(&m->lock[(of->half[0] & (m->n_sets - 1)) % LOCKS]);
}

static bool find(void *arg, const struct counting_rule *rule, struct str text,
                 struct counter_known *ret)
{
    struct memo *m = arg;
    uint64_t generation = atomic_load_explicit(&m->generation, memory_order_relaxed);
    bool is_found = false;

    ret->of = fingerprint_of(&m->key, (uint64_t)(uintptr_t)rule ^ generation << 48, text);
    struct entry *set = lock_set(m, &ret->of);
    for (size_t i = 0; i < WAYS && !is_found; i++) {
        if (!is_same(&set[i].of, &ret->of))
            continue;
        is_found = true;
        set[i].used = atomic_fetch_add_explicit(&m->clock, 1, memory_order_relaxed);
        ret->tokens = set[i].tokens;
        ret->doubt = set[i].doubt;
        ret->parts = set[i].parts;
    }
    unlock_set(m, &ret->of);
    atomic_fetch_add_explicit(is_found ? &m->hits : &m->misses, 1, memory_order_relaxed);
    return is_found;
}

static void keep(void *arg, const struct counter_known *known)
{
    struct memo *m = arg;
    unsigned now = atomic_fetch_add_explicit(&m->clock, 1, memory_order_relaxed);

    if (known->tokens > UINT32_MAX || known->doubt > UINT32_MAX)
        return;
    struct entry *set = lock_set(m, &known->of), *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (is_free(&set[i]) || is_same(&set[i].of, &known->of)) {
            oldest = &set[i];
            break;
        }
        if (now - set[i].used > now - oldest->used)
            oldest = &set[i];
    }
    if (is_free(oldest))
        atomic_fetch_add_explicit(&m->entries, 1, memory_order_relaxed);
    *oldest = (struct entry){.of = known->of,
                             .tokens = (uint32_t)known->tokens,
                             .doubt = (uint32_t)known->doubt,
                             .used = now,
                             .parts = known->parts};
    unlock_set(m, &known->of);
}

struct counter_memory memo_for_counters(struct memo *m)
{
    return (struct counter_memory){.find = find, .keep = keep, .arg = m};
}

struct memo_stats memo_look(const struct memo *m)
{
    return (struct memo_stats){
        .entries = atomic_load_explicit(&m->entries, memory_order_relaxed),
        .hits = atomic_load_explicit(&m->hits, memory_order_relaxed),
        .misses = atomic_load_explicit(&m->misses, memory_order_relaxed),
    };
}
