/* snapshot.h -- what did the configuration say when this request came in?
 *
 * Immutable, shared by all threads, reference-counted: an exchange keeps the one it started with,
 * so a reload never changes a request half-way.
 */
#pragma once

#include "base/macro.h"
#include "base/map.h"
#include "base/str.h"
#include "credential.h"
#include "dialect.h"
#include "io/fetch.h"
#include "io/http_tls.h"
#include "prices.h"
#include "settings/settings.h"
#include "upstream.h"

#include <stdatomic.h>
#include <stddef.h>

struct snapshot_provider {
    const struct settings_provider *settings;
    const struct settings_worker *worker; /* that it is; NULL: it is none of ours */
    const struct dialect *dialect;
    struct fetch_origin origin;
    struct credential credential;
    struct upstream *upstream;
};

struct snapshot {
    atomic_uint references;
    unsigned generation;
    struct settings *settings; /* owned */
    struct snapshot_provider *providers;
    size_t n_providers;
    struct upstream_target ***targets; /* by model and target, as in settings */
    struct map models;                 /* name or alias -> const struct settings_model * */
    struct prices *prices;
    struct http_tls *tls; /* NULL: clear text */
    char *models_json;    /* the answer to GET /v1/models */
};

/* Upstreams outlive every snapshot: they are made on first sight of a provider's name and kept in
 * `upstreams` (name -> struct upstream *). Takes over *settings on success. On failure (-errno, or
 * > 0 for something configured that cannot work) `reterr` says what. */
MUST_USE int snapshot_new(struct settings **settings, struct map *upstreams, unsigned generation,
                          struct snapshot **ret, char *reterr, size_t reterr_size);

struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot **s);

/* By name or alias; NULL when there is none. */
const struct settings_model *snapshot_find_model(const struct snapshot *s, struct str name);

/* The i-th target of `m`, which is one of s->settings. */
struct upstream_target *snapshot_target(const struct snapshot *s, const struct settings_model *m,
                                        size_t i);

/* One entry of GET /v1/models, as JSON. */
struct json_write;
void snapshot_write_model(const struct settings_model *m, struct json_write *w);
