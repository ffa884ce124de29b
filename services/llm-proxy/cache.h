/* cache.h -- has this tenant been given the answer to this question before?
 *
 * The layers in front of one another: L1 in memory is looked at on the spot, those below it are
 * asked and answer later, the nearest first; what they find is copied upward and keeps its own end.
 * A layer further off (L3, shared by several proxies) goes behind L2 in cache_ask() and cache_put()
 * and nowhere else. Any thread.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "cache_answer.h"
#include "cache_disk.h"
#include "cache_flight.h"
#include "cache_key.h"
#include "cache_memory.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stdint.h>

enum cache_layer { CACHE_L1, CACHE_L2, CACHE_LAYERS };

struct cache_stats {
    uint64_t entries, bytes, evictions;
    bool is_available; /* configured, and it works */
};

struct cache;
struct cache_question;

/* Layers that are off do not exist until a restart; sizes may change. -errno. */
MUST_USE int cache_new(const struct settings *s, struct cache **ret);
/* Before the loops of those who ask go: no question is under way afterwards. */
void cache_stop(struct cache *c);
void cache_free(struct cache **c);
void cache_configure(struct cache *c, const struct settings *s, usec_t now);
bool cache_is_on(const struct cache *c);
bool cache_has_layer(const struct cache *c, enum cache_layer layer);

/* A reference to what is in L1, or NULL. `now` is the wall clock, here and below. */
struct cache_answer *cache_find(struct cache *c, const struct cache_key *key, usec_t now);

/* Of the layers below; `answer` is a reference, or NULL. The question is gone then. */
typedef void (*cache_fn)(void *arg, enum cache_layer layer, struct cache_answer *answer);
/* NULL: there is no layer that could answer, take it for a miss. */
struct cache_question *cache_ask(struct cache *c, const struct cache_key *key, struct loop *l,
                                 cache_fn fn, void *arg);
void cache_cancel(struct cache_question **q); /* `fn` is not called any more */

/* Into every layer: into the last one until the answer's end, before it as long as its ttl says. */
void cache_put(struct cache *c, const struct cache_key *key, struct cache_answer *a, usec_t now);
/* When an answer given now ends; `ttl` 0: as the last layer says. */
usec_t cache_end_of(const struct cache *c, usec_t ttl, usec_t now);

struct cache_flight *cache_flights(struct cache *c);
/* What was asked until now is not given again, by any layer. */
void cache_clear(struct cache *c, usec_t now);
struct cache_stats cache_look(const struct cache *c, enum cache_layer layer);
const char *cache_layer_text(enum cache_layer layer); /* l1, l2 */
