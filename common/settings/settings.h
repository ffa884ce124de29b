/* settings.h -- what did the operator configure? The one YAML file that all three daemons read.
 *
 * Every key is a row of the table in settings_table.c: name, type, place, range, default, unit,
 * help. The same rows parse, validate with file:line:column, print and document. A loaded
 * struct settings is immutable; a reload makes a new one.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"
#include "io/yaml_tree.h"
#include "settings/catalogue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings_node {
    const char *id, *address;
    const char *key; /* of its health-worker; NULL: bus.curve.public, too */
};

struct settings_download {
    const char *url; /* for what is below it */
    struct settings_secret token;
};

struct settings {
    struct {
        const char *state, *runtime, *logs, *data, *models;
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
    bool refuses_unpriced;
    struct {
        enum settings_cache_scope scope;
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
        bool retrieval_tool;
        struct {
            uint64_t max, max_per_tenant, max_sessions;
            usec_t ttl;
        } store;
        struct {
            const char *url, *model; /* NULL: nobody is asked */
            struct settings_secret api_key;
            usec_t timeout;
        } summarize;
    } context;
    struct {
        const char *listen;
        usec_t interval;
        bool gpu;
        uint64_t worker_memory; /* 0: no bound */
        uint64_t disk_reserve;  /* of the disk with paths.models */
        const char *node_id;    /* default: the host's name */
        const char *publish;    /* "" is off */
        struct settings_node *nodes;
        size_t n_nodes;
        usec_t retention; /* of nodes that are offline */
        struct settings_download *downloads;
        size_t n_downloads;
    } health;
    struct settings_worker *workers;
    size_t n_workers;
    struct {
        bool enabled;
        uint32_t retention_days, compress_days;
    } audit;
    struct {
        int level, format; /* enum log_level, enum log_format */
        bool files;
    } logging;
    struct {
        const char *public_key;
        const char *secret_file;
        const char **allow; /* public keys of peers; none: holders of this pair */
        size_t n_allow;
    } curve; /* NULL: none */
};

/* Reads, validates and cross-checks (names resolve, no fallback cycle, auth off only on loopback).
 * > 0: the file is wrong, `reterr` says "file:line:column: what, and what is allowed".
 * < 0: -errno, `reterr` says it too. */
MUST_USE int settings_load(const char *path, struct settings **ret, char *reterr,
                           size_t reterr_size);
/* The same from memory; `name` stands for the path in messages. */
MUST_USE int settings_parse(const char *name, struct str text, struct settings **ret, char *reterr,
                            size_t reterr_size);
void settings_free(struct settings **s);

/* Where in its file a text of `s` is written. False: it is a default, and *ret the first line. */
bool settings_find_place(const struct settings *s, const char *text, struct yaml_place *ret);

/* The effective values as YAML that loads again, secrets as <redacted>. */
MUST_USE enum buf_result settings_print(const struct settings *s, struct buf *out);

/* docs/CONFIGURATION.md's table, from the same rows. */
MUST_USE enum buf_result settings_document(struct buf *out);

const struct settings_provider *settings_find_provider(const struct settings *s, const char *name);
/* By name or alias. */
const struct settings_model *settings_find_model(const struct settings *s, const char *name);
/* How conversations with a model are made to fit. */
struct settings_context_rules {
    enum settings_context_mode mode;
    double high_water, low_water;
    uint32_t keep_last;
    bool retrieval_tool;
};

/* `m` NULL: of a model that is not configured. */
struct settings_context_rules settings_context_rules(const struct settings *s,
                                                     const struct settings_model *m);
