/* cache_memory.h -- the first layer: which answers are in memory?
 *
 * Sharded by key; a shard's mutex is held for a look-up or a change and never across I/O. Bounded
 * in bytes, what an entry costs beside its body included. Room is made by what has expired, then by
 * what is worth least (cache_answer.h).
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "cache_answer.h"
#include "cache_key.h"

#include <stdbool.h>
#include <stdint.h>

#define CACHE_MEMORY_SHARDS   8 /* no answer takes more than a shard's part */
#define CACHE_MEMORY_OVERHEAD 384

struct cache_memory_stats {
    uint64_t entries, bytes, evictions; /* evicted: for want of room, before their time */
};

struct cache_memory;

struct cache_memory *cache_memory_new(uint64_t max_bytes);
void cache_memory_free(struct cache_memory **m);

/* A reference for the caller, or NULL. `now` is the wall clock, here and below. */
struct cache_answer *cache_memory_find(struct cache_memory *m, const struct cache_key *key,
                                       usec_t now);
/* Keeps a reference until `until` or the answer's own end. False when it is too large. */
bool cache_memory_put(struct cache_memory *m, const struct cache_key *key, struct cache_answer *a,
                      usec_t until, usec_t now);
void cache_memory_set_max(struct cache_memory *m, uint64_t max_bytes, usec_t now);
uint64_t cache_memory_clear(struct cache_memory *m); /* how many there were */
struct cache_memory_stats cache_memory_look(struct cache_memory *m);
