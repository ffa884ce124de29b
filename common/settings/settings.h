/* settings.h -- what did the operator configure? The one YAML file that all three daemons read.
 *
 * Every key is a row of the table in settings_table.c: name, type, place, range, default, unit,
 * help. The same rows parse, validate with file:line:column, print and document. A loaded
 * struct settings is immutable; a reload makes a new one.
 */
#pragma once

#include "base/breaker.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"

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
enum settings_on_failure { ON_FAILURE_FORWARD, ON_FAILURE_REFUSE };
enum settings_on_disconnect { ON_DISCONNECT_CANCEL, ON_DISCONNECT_DRAIN };

struct settings_secret { /* exactly one is set, or none */
    const char *env, *file, *credential;
};

struct settings_provider {
    const char *name;
    enum settings_dialect dialect;
    const char *base_url; /* no trailing slash */
    const char *ca_file;  /* NULL: the system's */
    struct settings_secret api_key;
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
    } retry;
    struct breaker_config breaker;
    struct {
        const char *path;
        usec_t interval, timeout;
    } probe; /* path NULL: the dialect's own */
    enum settings_on_disconnect on_disconnect;
    bool pass_errors;
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
    } complexity;
    uint64_t context_window; /* tokens; 0: unknown */
    uint64_t max_output;     /* tokens; 0: unknown */
};

struct settings_price { /* nano-dollars per million tokens; MONEY_UNKNOWN when not given */
    const char *provider, *model;
    int64_t input, output, cache_read, cache_write;
};

struct settings_worker {
    const char *name;
    const char **command;
    size_t n_command;
    uint16_t port;
    const char *health, *provider, *model, *device;
    uint64_t memory_limit;
    struct {
        uint32_t max;
        usec_t window, backoff, max_backoff;
    } restart;
    usec_t idle_stop, stop_timeout;
};

struct settings {
    struct {
        const char *state, *runtime, *logs, *data;
    } paths;
    struct {
        const char **listen;
        size_t n_listen;
        const char *admin_listen; /* "" is off */
        uint32_t threads;         /* 0: one per core */
        bool auth_required;
        bool metrics_on_api; /* loopback peers only */
        uint32_t max_connections;
        uint64_t max_body, max_header;
        usec_t header_timeout, body_timeout, idle_timeout, drain_timeout, keepalive_comment;
        const char *tls_certificate, *tls_key; /* NULL: clear text */
    } proxy;
    struct settings_provider *providers;
    size_t n_providers;
    struct settings_model *models;
    size_t n_models;
    struct {
        const char *file;
        struct settings_price *overrides;
        size_t n_overrides;
    } prices;
    struct {
        uint64_t rpm, tpm, parallel;
    } default_limits;
    struct {
        uint64_t l1_max, l2_max;
        usec_t l1_ttl, l2_ttl;
    } cache;
    struct {
        const char *listen;
        enum settings_context_mode mode;
        double high_water, low_water;
        uint32_t keep_last;
        usec_t deadline;
        enum settings_on_failure on_failure;
    } context;
    struct {
        const char *listen;
        usec_t interval;
        bool gpu;
        const char *node_id; /* default: the host's name */
    } health;
    struct settings_worker *workers;
    size_t n_workers;
    struct {
        bool enabled;
        uint32_t retention_days, compress_days;
    } audit;
    struct {
        int level, format;
    } logging; /* enum log_level, enum log_format */
    struct {
        const char *public_key;
        const char *secret_file;
    } curve; /* NULL: none */
};

/* Reads, validates and cross-checks (names resolve, no fallback cycle, auth off only on loopback).
 * > 0: the file is wrong, `reterr` says "file:line:column: what, and what is allowed".
 * < 0: -errno, `reterr` says it too. */
MUST_USE int settings_load(const char *path, struct settings **ret, char *reterr,
                           size_t reterr_size);
void settings_free(struct settings **s);

/* The effective values as YAML that loads again, secrets as <redacted>. */
MUST_USE enum buf_result settings_print(const struct settings *s, struct buf *out);

/* docs/CONFIGURATION.md's table, from the same rows. */
MUST_USE enum buf_result settings_document(struct buf *out);

const struct settings_provider *settings_find_provider(const struct settings *s, const char *name);
/* By name or alias. */
const struct settings_model *settings_find_model(const struct settings *s, const char *name);

const char *settings_dialect_text(enum settings_dialect d);
const char *settings_backend_text(enum settings_backend b);
const char *settings_strategy_text(enum settings_strategy s);
const char *settings_context_mode_text(enum settings_context_mode m);
