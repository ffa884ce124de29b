/* memo.h -- how many tokens had this message the last time?
 *
 * A conversation that grows costs only what is new of it. Of fixed size: what was used longest ago
 * of eight neighbours makes room. Shared by threads.
 */
#pragma once

#include "tokens/counter.h"

#include <stddef.h>
#include <stdint.h>

struct memo;

struct memo_stats {
    uint64_t entries, hits, misses;
};

struct memo *memo_new(size_t max_entries);
void memo_free(struct memo **m);

/* Forget all of it: other tables count differently. */
void memo_renew(struct memo *m);

/* For counters: borrows `m`. */
struct counter_memory memo_for_counters(struct memo *m);

struct memo_stats memo_look(const struct memo *m);
