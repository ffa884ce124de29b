#include "memo.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define WAYS  8
#define LOCKS 64
#define LINE  64 /* of the processor's cache */

/* In a set they stand by use, the last used first, and the free ones last. */
struct entry {
    struct fingerprint of; /* all zero: free */
    char value[MEMO_MAX_VALUE];
};

struct memo {
    struct fingerprint_key key;
    size_t n_sets; /* a power of two */
    size_t value_size, entry_size;
    atomic_uint_least64_t entries, hits, misses;
    pthread_mutex_t lock[LOCKS]; /* each of every LOCKS-th set */
    void *room;
    char *sets; /* in `room` */
};

struct memo *memo_new(size_t max_entries, size_t value_size)
{
    struct memo *m = calloc(1, sizeof(*m));

    assert(value_size <= MEMO_MAX_VALUE);
    if (!m)
        abort();
    fingerprint_make_key(&m->key);
    m->value_size = value_size;
    m->entry_size = (offsetof(struct entry, value) + value_size + 7) & ~(size_t)7;
    for (m->n_sets = LOCKS; m->n_sets * WAYS * 2 <= max_entries;)
        m->n_sets *= 2;
    m->room = calloc(m->n_sets * WAYS * m->entry_size + LINE, 1);
    if (!m->room)
        abort();
    m->sets = (char *)m->room + (LINE - (uintptr_t)m->room % LINE);
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
    free((*m)->room);
    free(*m);
    *m = NULL;
}

static bool is_same(const struct fingerprint *a, const struct fingerprint *b)
{
    return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

static bool is_free(const struct entry *e)
{
    return e->of.half[0] == 0 && e->of.half[1] == 0;
}

static struct entry *entry_at(const struct memo *m, char *set, size_t i)
{
    return (struct entry *)(void *)(set + i * m->entry_size);
}

static char *lock_set(struct memo *m, const struct fingerprint *of)
{
    size_t set = of->half[0] & (m->n_sets - 1);

    pthread_mutex_lock(&m->lock[set % LOCKS]);
    return m->sets + set * WAYS * m->entry_size;
}

static void unlock_set(struct memo *m, const struct fingerprint *of)
{
    pthread_mutex_unlock(&m->lock[(of->half[0] & (m->n_sets - 1)) % LOCKS]);
}

/* In the place of the `i`-th, behind which those before it close up. */
static void put_first(const struct memo *m, char *set, size_t i, const struct entry *e)
{
    memmove(set + m->entry_size, set, i * m->entry_size);
    memcpy(set, e, m->entry_size);
}

static bool find(void *arg, uint64_t domain, struct str text, struct fingerprint *ret_of,
                 void *ret_value)
{
    struct memo *m = arg;
    size_t i = 0;

    *ret_of = fingerprint_of(&m->key, domain, text);
    char *set = lock_set(m, ret_of);
    while (i < WAYS && !is_same(&entry_at(m, set, i)->of, ret_of))
        i++;
    if (i < WAYS) {
        struct entry e;
        memcpy(&e, entry_at(m, set, i), m->entry_size);
        memcpy(ret_value, e.value, m->value_size);
        if (i > 0)
            put_first(m, set, i, &e);
    }
    unlock_set(m, ret_of);
    atomic_fetch_add_explicit(i < WAYS ? &m->hits : &m->misses, 1, memory_order_relaxed);
    return i < WAYS;
}

static void keep(void *arg, const struct fingerprint *of, const void *value)
{
    struct memo *m = arg;
    struct entry e = {.of = *of};
    size_t i = 0;

    memcpy(e.value, value, m->value_size);
    char *set = lock_set(m, of);
    while (i < WAYS - 1 && !is_free(entry_at(m, set, i)) && !is_same(&entry_at(m, set, i)->of, of))
        i++;
    if (is_free(entry_at(m, set, i)))
        atomic_fetch_add_explicit(&m->entries, 1, memory_order_relaxed);
    put_first(m, set, i, &e);
    unlock_set(m, of);
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
