/* cache_answer.h -- what did a caller get, so that another can be given the same?
 *
 * Immutable and counted by references, so that a cache may drop it while it is being sent.
 */
#pragma once

#include "base/clock.h"
#include "base/money.h"
#include "base/str.h"
#include "cache_key.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_ANSWER_MAX_BODY (1u << 20) /* larger ones are not kept */

struct cache_answer {
    atomic_uint references;
    bool is_stream;    /* the body is the events, end mark included */
    uint32_t at_model; /* which entry of the plan gave it */
    usec_t asked_at;   /* wall clock */
    usec_t expires_at; /* wall clock: nobody gets it from then on, in any layer */
    usec_t took;       /* to give it the first time */
    int64_t cost_nano; /* likewise; MONEY_UNKNOWN */
    size_t len;
    char body[];
};

/* A copy of `facts` and the body, with one reference. */
struct cache_answer *cache_answer_new(const struct cache_answer *facts, struct str body);
struct cache_answer *cache_answer_ref(struct cache_answer *a);
void cache_answer_unref(struct cache_answer **a); /* the last one frees */
struct str cache_answer_body(const struct cache_answer *a);

/* How much it is worth to keep it after `uses`, for each of the `bytes` it takes: what it saves in
 * nano-dollars, a second of waiting counting like a thousandth of a dollar. A cache adds the rank
 * of what it threw out last, so that those who were once in demand age (GreedyDual-Size-Frequency,
 * Cherkasova 1998). */
double cache_answer_worth(const struct cache_answer *a, uint64_t uses, size_t bytes);

/* Over the key, the facts and the body: what was damaged on its way to the disk and back shows. */
void cache_answer_digest(const struct cache_answer *a, const struct cache_key *key,
                         uint8_t ret_digest[DIGEST_SIZE]);
