/* load.h -- how busy is a proxy? Told to the health-worker of its machine every heartbeat.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct load {
    uint64_t proxy;           /* a number of its own, for as long as it runs; never 0 */
    uint64_t active_requests; /* under way at providers */
};

MUST_USE enum buf_result load_encode(const struct load *l, struct buf *out);
MUST_USE bool load_decode(struct arena *a, struct str json, struct load *ret);
