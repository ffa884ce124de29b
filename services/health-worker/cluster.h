/* cluster.h -- how many nodes are there, and how busy is each?
 *
 * This node sees itself, which is healthy as long as it can say so, and those of health.nodes
 * (nodes/nodes.h). How many requests are under way on a node its proxies tell its own
 * health-worker every heartbeat, and that tells the others.
 */
#pragma once

#include "base/json_write.h"
#include "base/metrics.h"
#include "io/bus.h"
#include "io/loop.h"
#include "proxies.h"
#include "settings/settings.h"

struct cluster;

/* Borrows all of them. */
struct cluster *cluster_new(struct bus *b, struct loop *l, struct metrics_shard *shard,
                            const struct proxies *proxies);
void cluster_free(struct cluster **c);

/* Borrows `s` until the next call. -errno with `reterr` filled. */
MUST_USE int cluster_configure(struct cluster *c, const struct settings *s, char *reterr,
                               size_t reterr_size);

/* Bring the metrics up to date. */
void cluster_show(struct cluster *c);
/* Member "nodes" of an object already begun: the others. */
void cluster_write(struct cluster *c, struct json_write *w);
