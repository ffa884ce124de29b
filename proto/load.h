/* load.h -- how busy is a proxy, and how busy does it keep the local workers?
 *
 * Told to the health-worker of its machine every heartbeat, in answer to each list of workers, and
 * when a number has changed.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"
#include "proto/workers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load {
    uint64_t proxy;           /* a number of its own, for as long as it runs; never 0 */
    uint64_t active_requests; /* under way at providers */
    struct str node;          /* whose list of workers …; empty: none was heard */
    uint64_t heard;           /* … with this sequence number has been acted upon */
    struct {
        struct str provider;
        uint64_t in_flight; /* requests under way or about to be */
    } of[WORKERS_MAX];
    size_t n;
};

MUST_USE enum buf_result load_encode(const struct load *l, struct buf *out);
/* Texts live in `a`. Whatever fails, *ret may have been written to. */
MUST_USE bool load_decode(struct arena *a, struct str json, struct load *ret);
