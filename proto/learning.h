/* learning.h -- what do llm-proxy and context-service say to each other about tokens that were
 * billed?
 *
 * MESSAGE_BILLED: of a request to a model without a table, its features (tokens/estimate.h) and
 * what its provider billed. MESSAGE_WEIGHTS, in answer: what is known of that model now.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define LEARNING_MAX_NUMBERS 32

struct learning {
    struct str model;                     /* as its provider calls it */
    double numbers[LEARNING_MAX_NUMBERS]; /* features of a request; or their weights, from 0 */
    unsigned n_numbers;
    double tokens; /* billed */
    double margin; /* of what the weights say; 0: not enough is known, there are no weights */
};

MUST_USE enum buf_result learning_encode(const struct learning *l, struct buf *out);
MUST_USE bool learning_decode(struct arena *a, struct str json, struct learning *ret);
