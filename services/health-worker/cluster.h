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
#include "proto/load.h"
#include "settings/settings.h"

struct cluster;

struct cluster *cluster_new(struct bus *b, struct loop *l, struct metrics_shard *shard);
void cluster_free(struct cluster **c);

/* Borrows `s` until the next call. -errno with `reterr` filled. */
MUST_USE int cluster_configure(struct cluster *c, const struct settings *s, char *reterr,
                               size_t reterr_size);

/* A proxy of this node says how busy it is; what it said before is good for three heartbeats. */
void cluster_load(struct cluster *c, const struct load *l);
/* The sum over this node's proxies. */
uint64_t cluster_active_requests(struct cluster *c);

/* Bring the metrics up to date. */
void cluster_show(struct cluster *c);
/* Member "nodes" of an object already begun: the others. */
void cluster_write(struct cluster *c, struct json_write *w);
