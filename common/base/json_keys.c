#include "base/json_keys.h"

#include "base/digest.h"
#include "base/map.h"

#include <stdlib.h>

#define FEW 16 /* compared pair by pair: cheaper than hashing up to here */

static const struct json_value *compare_pairs(const struct json_value *object)
{
    for (const struct json_value *m = object->child; m; m = m->next) {
        for (const struct json_value *earlier = object->child; earlier != m;
             earlier = earlier->next) {
            if (str_equal(earlier->key, m->key))
                return m;
        }
    }
    return NULL;
}

struct slot {
    uint64_t hash;
    const struct json_value *member; /* NULL: free */
};

static void free_slots(struct slot **slots)
{
    free(*slots);
}

static const struct json_value *compare_hashes(const struct json_value *object)
{
    uint64_t seed[2];
    size_t size = 4 * FEW;

    while (size < 2 * (size_t)object->n_children)
        size *= 2;
    CLEANUP(free_slots) struct slot *slots = calloc(size, sizeof(*slots));
    if (!slots)
        abort();
    digest_random(seed, sizeof(seed));

    for (const struct json_value *m = object->child; m; m = m->next) {
        uint64_t hash = map_hash(seed, m->key);
        size_t i = hash & (size - 1);
        for (; slots[i].member; i = (i + 1) & (size - 1)) {
            if (slots[i].hash == hash && str_equal(slots[i].member->key, m->key))
                return m;
        }
        slots[i] = (struct slot){hash, m};
    }
    return NULL;
}

const struct json_value *json_keys_find_repeated(const struct json_value *object)
{
    return object->n_children <= FEW ? compare_pairs(object) : compare_hashes(object);
}
