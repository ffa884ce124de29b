/* metrics_series.h -- how does the registry hold its numbers? For metrics.c and metrics_render.c.
 *
 * A family lists its series in order of creation; a series lists its shares, one a shard, each
 * written by one thread only. Both lists grow at one end under the mutex and never shrink, so a
 * scrape walks them without it.
 */
#pragma once

#include "base/map.h"
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* A gauge without a reading; no arithmetic gives this NaN. */
#define METRICS_ABSENT UINT64_C(0x7ff4a65e17000000)

/* One thread's share of a series. */
struct metrics_series {
    _Atomic uint64_t bits; /* of a double: the value, or the sum of what a histogram observed */
    const struct metrics_shard *shard;
    struct metrics_series *next; /* another shard's share of the same series */
    enum metrics_kind kind;
    unsigned n_buckets;
    const double *buckets;
    _Atomic uint64_t counts[]; /* a histogram's: one for each bucket, and one for what is above */
};

struct metrics_labelled {
    struct buf labels; /* as exposed: a="x",b="y" */
    _Atomic(struct metrics_series *) shares;
    _Atomic(struct metrics_labelled *) next;
};

struct metrics_group {
    struct metrics_family family;
    unsigned n_labels, n_buckets;
    struct str label_names[METRICS_MAX_LABELS];
    _Atomic(struct metrics_labelled *) first;
    struct metrics_labelled *last; /* from here on under the mutex */
    struct map by_labels;          /* as exposed */
};

struct metrics_shard {
    struct metrics *registry;
    struct metrics_shard *next;
    struct map known[]; /* of each family, label values to share; for its thread alone */
};

struct metrics {
    struct metrics_group *groups;
    unsigned n_groups;
    pthread_mutex_t mutex; /* series and shards are made under it */
    struct metrics_shard *shards;
};

static inline double metrics_double(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* False when no share has a reading. */
static inline bool metrics_sum(struct metrics_labelled *l, double *ret_sum)
{
    struct metrics_series *share = atomic_load_explicit(&l->shares, memory_order_acquire);
    bool is_present = !share;
    double sum = 0;

    for (; share; share = share->next) {
        uint64_t bits = atomic_load_explicit(&share->bits, memory_order_relaxed);
        if (bits != METRICS_ABSENT) {
            sum += metrics_double(bits);
            is_present = true;
        }
    }
    *ret_sum = sum;
    return is_present;
}

/* Observations in bucket `i`, of all shares. */
static inline uint64_t metrics_bucket(struct metrics_labelled *l, unsigned i)
{
    struct metrics_series *share = atomic_load_explicit(&l->shares, memory_order_acquire);
    uint64_t n = 0;

    for (; share; share = share->next)
        n += atomic_load_explicit(&share->counts[i], memory_order_relaxed);
    return n;
}
