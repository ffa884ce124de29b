#include "base/map.h"

#include "base/digest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Open addressing, linear probing, at most three quarters full; `cap` is a power of two. */
struct map_slot {
    char *key; /* owned; NULL: the slot is free */
    size_t len;
    uint64_t hash;
    void *value;
};

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

/* SipHash-2-4 of Aumasson and Bernstein. */
uint64_t map_hash(const uint64_t seed[2], struct str key)
{
    uint64_t v[4] = {
        seed[0] ^ UINT64_C(0x736f6d6570736575),
        seed[1] ^ UINT64_C(0x646f72616e646f6d),
        seed[0] ^ UINT64_C(0x6c7967656e657261),
        seed[1] ^ UINT64_C(0x7465646279746573),
    };
    uint64_t last = (uint64_t)key.len << 56;
    size_t at = 0;

    for (; key.len - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, key.data + at, 8);
        sip_word(v, word);
    }
    for (unsigned i = 0; i < (key.len & 7); i++)
        last |= (uint64_t)(unsigned char)key.data[at + i] << (8 * i);
    sip_word(v, last);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m)
{
    *m = (struct map){0};
    digest_random(m->seed, sizeof(m->seed));
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        free(m->slots[i].key);
    free(m->slots);
    *m = (struct map){0};
}

/* The slot that holds `key`, or the free one where it belongs. */
static struct map_slot *find_slot(const struct map *m, struct str key, uint64_t hash)
{
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *slot = &m->slots[i];
        if (!slot->key)
            return slot;
        if (slot->hash == hash && str_equal((struct str){slot->key, slot->len}, key))
            return slot;
    }
}

static void grow(struct map *m)
{
    struct map bigger = *m;

    bigger.cap = m->cap ? m->cap * 2 : 16;
    bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
    if (!bigger.slots)
        abort();
    for (size_t i = 0; i < m->cap; i++) {
        struct map_slot *slot = &m->slots[i];
        if (slot->key)
            *find_slot(&bigger, (struct str){slot->key, slot->len}, slot->hash) = *slot;
    }
    free(m->slots);
    *m = bigger;
}

void *map_add_hashed(struct map *m, struct str key, uint64_t hash, void *value)
{
    assert(value);
    if (m->n >= m->cap / 4 * 3)
        grow(m);

    struct map_slot *slot = find_slot(m, key, hash);
    if (slot->key)
        return slot->value;

    char *copy = malloc(key.len + 1);
    if (!copy)
        abort();
    if (key.len > 0)
        memcpy(copy, key.data, key.len);
    copy[key.len] = '\0';
    *slot = (struct map_slot){.key = copy, .len = key.len, .hash = hash, .value = value};
    m->n++;
    return value;
}

void *map_add(struct map *m, struct str key, void *value)
{
    return map_add_hashed(m, key, map_hash(m->seed, key), value);
}

void *map_find_hashed(const struct map *m, struct str key, uint64_t hash)
{
    return m->n > 0 ? find_slot(m, key, hash)->value : NULL;
}

void *map_find(const struct map *m, struct str key)
{
    return map_find_hashed(m, key, map_hash(m->seed, key));
}

/* Move later entries of the same run into the hole, so that no search ends early at it. */
static void close_hole(struct map *m, size_t hole)
{
    size_t mask = m->cap - 1;

    for (size_t i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue; /* it would land before its home */
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct map_slot){0};
}

void *map_take(struct map *m, struct str key)
{
    if (m->n == 0)
        return NULL;

    struct map_slot *slot = find_slot(m, key, map_hash(m->seed, key));
    if (!slot->key)
        return NULL;
    void *value = slot->value;
    free(slot->key);
    close_hole(m, (size_t)(slot - m->slots));
    m->n--;
    return value;
}

bool map_next(const struct map *m, size_t *cursor, struct str *ret_key, void **ret_value)
{
    while (*cursor < m->cap) {
        const struct map_slot *slot = &m->slots[(*cursor)++];
        if (slot->key) {
            *ret_key = (struct str){slot->key, slot->len};
            *ret_value = slot->value;
            return true;
        }
    }
    return false;
}
