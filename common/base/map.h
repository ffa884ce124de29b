/* map.h -- which pointer is filed under this name? A hash map from text to borrowed pointers.
 *
 * SipHash with a random key, so that no peer can choose collisions. Keys are copied.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot;

struct map {
    struct map_slot *slots;
    size_t n, cap;
    uint64_t seed[2];
};

void map_init(struct map *m);
void map_done(struct map *m);

/* Returns the value now filed under `key`: `value`, or the earlier one (nothing is replaced).
 * `value` is not NULL. */
void *map_add(struct map *m, struct str key, void *value);
void *map_find(const struct map *m, struct str key); /* NULL when absent */
void *map_take(struct map *m, struct str key);       /* removes; NULL when absent */

/* Walk in no particular order: start with *cursor = 0; false at the end. Do not change the map. */
bool map_next(const struct map *m, size_t *cursor, struct str *ret_key, void **ret_value);

/* SipHash-2-4. */
uint64_t map_hash(const uint64_t seed[2], struct str key);

/* For keys that no peer chooses: with a cheaper hash of the caller's, in all calls on this map. */
void *map_add_hashed(struct map *m, struct str key, uint64_t hash, void *value);
void *map_find_hashed(const struct map *m, struct str key, uint64_t hash);
