/* engine_read.h -- what do an inference server's own pages say of its load and its models? Pure.
 *
 * Ollama, llama-server, vLLM and SGLang each say it in their own words, and in others than some
 * versions ago; here it becomes one reading. What a page does not say stays as it was. All of it is
 * bounded: names by ENGINE_MAX_NAMES, numbers by ENGINE_MAX_NUMBER.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"
#include "proto/health.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENGINE_MAX_NAMES  HEALTH_MAX_LOADED
#define ENGINE_MAX_NAME   96 /* longer ones are cut */
#define ENGINE_MAX_NUMBER 1e9

enum engine_kind {
    ENGINE_UNKNOWN,
    ENGINE_OLLAMA,
    ENGINE_LLAMA_SERVER,
    ENGINE_VLLM,
    ENGINE_SGLANG,
};
const char *engine_read_kind_text(enum engine_kind k); /* "" for unknown */

struct engine_reading {
    enum engine_kind kind;
    double running, waiting; /* requests; NAN: it does not say */
    double kv_cache_usage;   /* 0 to 1; NAN */
    double loaded;           /* models in memory; NAN */
    uint64_t context_length; /* tokens, of the first model that says; 0: it does not say */
    char name[ENGINE_MAX_NAMES][ENGINE_MAX_NAME];
    size_t n_names;
};

struct engine_reading engine_read_none(void);

/* The elements of /v1/models: who runs here, by `owned_by`, and what is loaded. Ollama lists models
 * that are not. `list` may be NULL. */
void engine_read_list(const struct json_value *list, struct arena *a, struct engine_reading *r);

/* Each returns false, and changes nothing, when the text is no such page. */
MUST_USE bool engine_read_ps(struct str json, struct engine_reading *r);    /* Ollama, /api/ps */
MUST_USE bool engine_read_slots(struct str json, struct engine_reading *r); /* llama-server */
/* Prometheus text of any of them; of an unknown kind it also says which it is. */
MUST_USE bool engine_read_metrics(struct str text, struct engine_reading *r);
