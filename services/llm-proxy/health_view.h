/* health_view.h -- what does health-worker say about the providers, and how fresh is it?
 *
 * Subscribes to health.sock on the control thread and passes each verdict on to its upstream. With
 * health-worker gone the last verdicts stand until they are too old to count (upstream.h); passive
 * failures go on being noticed by the breakers.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/map.h"
#include "io/bus.h"
#include "io/loop.h"
#include "settings/settings.h"

struct health_view;

MUST_USE int health_view_new(struct bus *b, struct loop *l, const struct settings *s,
                             const struct map *upstreams, struct health_view **ret);
void health_view_free(struct health_view **v);

/* Monotonic time of the last word; 0: none yet. */
usec_t health_view_heard_at(const struct health_view *v);
/* The last full snapshot as JSON, empty before the first; borrowed until the next turn. */
struct str health_view_json(const struct health_view *v);
struct bus_stats health_view_stats(const struct health_view *v);
