/* cache_disk.h -- the second layer: which answers are on the disk?
 *
 * One thread owns cache.db: it answers questions first and writes in groups between them, so that
 * no loop waits for a disk. All it holds is bounded; what does not fit is not kept, what is not
 * answered in time is a miss. A damaged file is set aside as cache.db.damaged and begun anew: it is
 * only a cache.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "cache_answer.h"
#include "cache_key.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stdint.h>

#define CACHE_DISK_MAX_ASKED 1024        /* questions at a time */
#define CACHE_DISK_MAX_QUEUE (16u << 20) /* bytes of answers that wait to be written */

struct cache_disk_stats {
    uint64_t entries, bytes, evictions;
    uint64_t unwritten; /* answers that were not kept: too much at once, or the disk failed */
    bool is_available;
};

struct cache_disk;
struct cache_disk_question;

/* On the asker's loop: a reference, or NULL. The question is gone then. */
typedef void (*cache_disk_fn)(void *arg, struct cache_answer *answer);

MUST_USE int cache_disk_start(const char *state_dir, uint64_t max_bytes,
                              struct cache_disk **ret); /* -errno */
/* Writes what waits to be written and ends the thread. Every question has been answered then; later
 * ones are misses, and nothing is kept any more. Before the loops of the askers go. */
void cache_disk_stop(struct cache_disk *d);
void cache_disk_free(struct cache_disk **d); /* stopped */

/* NULL: not available, or too many ask; take it for a miss. */
struct cache_disk_question *cache_disk_ask(struct cache_disk *d, const struct cache_key *key,
                                           struct loop *l, cache_disk_fn fn, void *arg);
void cache_disk_cancel(struct cache_disk_question **q); /* `fn` is not called any more */

void cache_disk_put(struct cache_disk *d, const struct cache_key *key, struct cache_answer *a);
void cache_disk_set_max(struct cache_disk *d, uint64_t max_bytes);
void cache_disk_clear(struct cache_disk *d); /* soon */
struct cache_disk_stats cache_disk_look(const struct cache_disk *d);
