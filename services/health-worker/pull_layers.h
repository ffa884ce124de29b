/* pull_layers.h -- what does a line of Ollama's /api/pull say, and how much of the model is there?
 * Pure.
 *
 * Each layer tells its own total and how much of it is complete; the model is their sum.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

#define PULL_MAX_LAYERS      64 /* more add nothing to the sums */
#define PULL_MAX_LAYER_BYTES (1ULL << 50)

enum pull_layers_result {
    PULL_LAYERS_MORE,
    PULL_LAYERS_SUCCESS, /* all is there, and checked */
    PULL_LAYERS_ERROR,   /* `error` says why */
    PULL_LAYERS_INVALID, /* no such line */
};

struct pull_layers {
    struct {
        uint64_t digest; /* a hash of its name */
        uint64_t total, completed;
    } layer[PULL_MAX_LAYERS];
    size_t n;
    uint64_t total, completed; /* of all of them */
    char error[128];
};

MUST_USE enum pull_layers_result pull_layers_feed(struct pull_layers *l, struct str line);
