/* memo.h -- what was found of this message the last time?
 *
 * A conversation that grows costs only what is new of it. Of fixed size: what was used longest ago
 * of eight neighbours makes room. Shared by threads.
 */
#pragma once

#include "tokens/counter.h"

#include <stddef.h>
#include <stdint.h>

#define MEMO_MAX_VALUE 64 /* bytes */

struct memo;

struct memo_stats {
    uint64_t entries, hits, misses;
};

/* `value_size` bytes are kept of each message. */
struct memo *memo_new(size_t max_entries, size_t value_size);
void memo_free(struct memo **m);

/* For counters: borrows `m`. */
struct counter_memory memo_for_counters(struct memo *m);

struct memo_stats memo_look(const struct memo *m);
