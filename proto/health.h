/* health.h -- what does health-worker tell the proxies about providers and nodes?
 *
 * The same body serves the full snapshot (every second) and a change (at once, one provider in
 * it). Sequence numbers are per publisher; a gap means: wait for the next snapshot.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_write.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEALTH_MAX_PROVIDERS 768 /* as many as providers and workers can be configured */
#define HEALTH_MAX_LOADED    8   /* names of models; there may be more */

enum health_state {
    HEALTH_UNKNOWN = 0,
    HEALTH_DOWN = 1,
    HEALTH_DEGRADED = 2,
    HEALTH_HEALTHY = 3,
    HEALTH_RECOVERING = 4
};
const char *health_state_text(enum health_state s);
MUST_USE bool health_state_parse(struct str text, enum health_state *ret);

/* What an inference server says of itself; NAN: it does not say. */
struct health_engine {
    struct str kind;         /* "ollama", "llama_server", "vllm", "sglang"; empty: none is known */
    uint64_t at_ms;          /* wall clock, of the reading; 0: none yet */
    double running, waiting; /* requests, whoever sent them */
    double kv_cache_usage;   /* 0 to 1 */
    double loaded;           /* models in memory */
    uint64_t context_length; /* tokens, of the first of them; 0: it does not say */
    struct str model[HEALTH_MAX_LOADED];
    size_t n_models;
};

struct health_provider {
    struct str name;
    enum health_state state;
    struct str reason; /* of the last failure, a closed word: connect, timeout, http_5xx, auth … */
    uint64_t since_ms;        /* wall clock, of the last change of state */
    uint64_t last_success_ms; /* wall clock; 0 never */
    uint32_t consecutive_failures;
    double latency_ms; /* of the last probe */
    uint32_t models;   /* it lists; 0 unknown */
    struct health_engine engine;
};

struct health_snapshot {
    struct str node;
    uint64_t epoch;           /* another one: the publisher has started anew, and counts from 0 */
    uint64_t sequence;        /* of the message */
    uint64_t at_ms;           /* wall clock */
    uint64_t active_requests; /* that the proxies of this node have under way at providers */
    struct health_provider provider[HEALTH_MAX_PROVIDERS];
    size_t n_providers;
};

/* Nothing known. */
struct health_engine health_engine_none(void);
/* The member "engine" of an object, where one is known. */
void health_write_engine(struct json_write *w, const struct health_engine *e);

MUST_USE enum buf_result health_encode(const struct health_snapshot *s, struct buf *out);
/* On failure *ret holds no provider. */
MUST_USE bool health_decode(struct arena *a, struct str json, struct health_snapshot *ret);
