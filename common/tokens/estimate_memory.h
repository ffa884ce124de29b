/* estimate_memory.h -- what parts has the estimate of this request, and what of it was seen before?
 *
 * Messages are remembered by their bytes, in hundredths of a token for each feature: whatever is
 * learnt of a model meanwhile, they stay.
 */
#pragma once

#include "counter.h"
#include "estimate.h"

#include <stdint.h>

/* What the memory has room for. */
struct estimate_memory_parts {
    uint32_t of[ESTIMATE_FEATURES];
};

/* Tokens of one message, rounded up. */
uint64_t estimate_memory_message(const struct counter_memory *m, const struct json_value *message);

/* As estimate_features(). Returns the tokens: each message rounded up by itself, so that it is the
 * sum of its messages and of what stands beside them. */
uint64_t estimate_memory_request(const struct counter_memory *m, const struct json_value *body,
                                 double ret[ESTIMATE_FEATURES]);
