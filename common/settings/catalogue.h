/* catalogue.h -- which providers, models, prices and workers can be configured?
 *
 * Plain types of struct settings; everything in them is owned by it and read-only.
 */
#pragma once

#include "base/breaker.h"
#include "base/clock.h"
#include "settings/relatives.h"
#include "settings/settings_price.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum settings_dialect {
    DIALECT_OPENAI,
    DIALECT_ANTHROPIC,
    DIALECT_GEMINI,
    DIALECT_BEDROCK,
    DIALECT_OLLAMA
};
enum settings_backend { BACKEND_CLOUD, BACKEND_LOCAL };
enum settings_strategy {
    STRATEGY_PRIORITY,
    STRATEGY_WEIGHTED,
    STRATEGY_LATENCY,
    STRATEGY_LEAST_BUSY,
    STRATEGY_COST,
    STRATEGY_COMPLEXITY
};
enum settings_context_mode {
    CONTEXT_OFF,
    CONTEXT_LOSSLESS,
    CONTEXT_MASK,
    CONTEXT_EXTRACT,
    CONTEXT_SUMMARIZE
};
#define CATALOGUE_INHERIT INT32_MAX /* of a model's entry: as the section of that name says */
enum settings_on_failure { ON_FAILURE_FORWARD, ON_FAILURE_REFUSE };
enum settings_on_disconnect { ON_DISCONNECT_CANCEL }; /* drain: not built yet */
enum settings_cache_scope { CACHE_SCOPE_KEY, CACHE_SCOPE_TEAM };
enum settings_cache_when { CACHE_DETERMINISTIC, CACHE_ALWAYS, CACHE_NEVER };

struct settings_secret { /* exactly one is set, or none */
    const char *env, *file, *credential;
};

struct settings_provider {
    const char *name;
    enum settings_dialect dialect;
    enum settings_variant variant; /* as configured: relatives_find() resolves AUTO */
    const char *api_version;       /* of VARIANT_AZURE; NULL: the default */
    const char *base_url;          /* no trailing slash */
    const char *ca_file;           /* NULL: the system's */
    struct settings_secret api_key;
    const char *region; /* NULL: as base_url says; for AWS only */
    enum settings_backend backend;
    uint32_t max_parallel;
    struct {
        uint32_t max;
        usec_t timeout;
    } queue;
    struct {
        usec_t connect, first_byte, idle, total;
    } timeouts;
    struct {
        uint32_t max;
        usec_t backoff, max_backoff;
        double budget; /* repeats as a share of requests */
    } retry;
    struct breaker_config breaker;
    usec_t park; /* a refused credential is not used for so long */
    struct {
        const char *path;
        usec_t interval, timeout;
        struct {
            const char *model; /* NULL: no paid probe */
            struct settings_secret api_key;
            usec_t interval;
            const char *url; /* NULL: the first of proxy.listen */
        } paid;
    } probe; /* path NULL: the dialect's own */
    enum settings_on_disconnect on_disconnect;
    bool pass_errors;
    const char *node;       /* whose health-worker speaks for it; NULL: this machine's */
    const char *keep_alive; /* a duration or "forever"; NULL: the server's own */
};

struct settings_target {
    const char *provider, *model;
    uint32_t weight;
    size_t provider_index; /* into settings.providers; resolved by settings_load() */
};

struct settings_model {
    const char *name;
    enum settings_strategy strategy;
    struct settings_target *targets;
    size_t n_targets;
    const char **fallback;
    size_t n_fallback;
    const char **aliases;
    size_t n_aliases;
    struct {
        const char *low, *medium, *high;
        double medium_at, high_at; /* scores from which it is no longer low, no longer medium */
    } complexity;
    uint64_t context_window; /* tokens; 0: unknown */
    uint64_t max_output;     /* tokens; 0: unknown */
    struct settings_model_cache {
        enum settings_cache_when when;
        usec_t ttl; /* 0: the layers' */
        bool tool_calls;
    } cache;
    struct {
        uint32_t mode, keep_last, retrieval_tool; /* or CATALOGUE_INHERIT */
        double high_water, low_water;             /* 0: inherit */
    } context;
};

struct settings_worker {
    const char *name;
    const char **command;
    size_t n_command;
    uint16_t port;
    const char *health, *provider, *model, *device;
    const char *drain;                 /* path; NULL: it is not told */
    uint64_t memory_limit, vram, disk; /* 0: none, not known */
    struct {
        uint32_t max;
        usec_t window, backoff, max_backoff;
    } restart;
    usec_t idle_stop, load_timeout, stop_timeout;
};

/* The words of the configuration file. */
const char *catalogue_dialect_text(enum settings_dialect d);
const char *catalogue_backend_text(enum settings_backend b);
const char *catalogue_strategy_text(enum settings_strategy s);
const char *catalogue_context_mode_text(enum settings_context_mode m);
