/* engine.h -- how loaded is the inference server behind a provider, as it says itself?
 *
 * Asks its own pages (engine_read.h) every ENGINE_ROUND, or every probe.interval where that is
 * shorter, for as long as probes succeed. Which server it is, its configuration says (dialect,
 * variant), or its list of models, or, of a local provider, its metrics.
 */
#pragma once

#include "engine_read.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "proto/health.h"
#include "settings/catalogue.h"

#define ENGINE_ROUND (5 * USEC_PER_SEC)

struct engine;

/* There is a new reading. */
typedef void (*engine_fn)(void *arg);

/* Provider and credential (NULL: none) are borrowed for good. */
struct engine *engine_new(struct fetch_pool *fetches, struct loop *l,
                          const struct settings_provider *p, const char *credential);
void engine_set_fn(struct engine *e, engine_fn fn, void *arg);
void engine_free(struct engine **e); /* NULL inside is fine */

/* A probe succeeded, and its list said this: go on, or begin. */
void engine_go_on(struct engine *e, const struct engine_reading *list);
/* A probe failed: what was read is no longer so. */
void engine_stop(struct engine *e);

/* Texts are borrowed until the next reading. */
struct health_engine engine_describe(const struct engine *e);
