/* health_view.h -- what do the nodes' health-workers say about the providers?
 *
 * Subscribes to this machine's and to those of health.nodes, on the control thread, and passes each
 * verdict on to its upstream: of a provider with a `node`, that node's; of any other, this
 * machine's. A provider whose node is offline is down with it, and so is one
 * whose worker there does not serve. With our own health-worker gone its
 * last verdicts stand until they are too old to count (upstream.h); passive failures go on being
 * noticed by the breakers.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/map.h"
#include "io/bus.h"
#include "io/loop.h"
#include "nodes/nodes.h"
#include "settings/settings.h"

struct health_view;

/* What this machine's says of its workers and models goes to `local_workers`. */
struct worker_link;
struct health_view *health_view_new(struct bus *b, struct loop *l, const struct map *upstreams,
                                    struct worker_link *local_workers);
void health_view_free(struct health_view **v);
/* Borrows `s` until the next call. -errno with `reterr` filled: the nodes stay as they were. */
MUST_USE int health_view_configure(struct health_view *v, const struct settings *s, char *reterr,
                                   size_t reterr_size);

const struct nodes *health_view_nodes(const struct health_view *v);
/* This machine's own. */
const struct node *health_view_own(const struct health_view *v);
/* Monotonic time of our own health-worker's last word; 0: none yet. */
usec_t health_view_heard_at(const struct health_view *v);
/* Its last full snapshot as JSON, empty before the first; borrowed until the next turn. */
struct str health_view_json(const struct health_view *v);
