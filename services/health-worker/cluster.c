#include "cluster.h"

#include "health_metrics.h"
#include "io/bus_metrics.h"
#include "io/log.h"
#include "io/log_events.h"
#include "nodes/nodes.h"
#include "nodes/nodes_show.h"

#include <stdlib.h>

struct cluster {
    struct loop *loop;
    struct metrics_shard *shard;
    const struct settings *settings;
    const struct proxies *proxies;
    struct nodes *nodes;
    struct bus_stats counted; /* already in the metrics */
};

/* ---- what is shown ---- */

static void forget_activity(struct cluster *c, const char *id)
{
    metrics_remove(metrics_find(c->shard, METRIC_cluster_active_requests, &id));
}

/* How busy a node is that is not heard nobody knows. */
static void show_activity(struct cluster *c, const struct node *n)
{
    if (n->state.was_heard && n->state.status != NODE_STATUS_OFFLINE)
        metrics_gauge(c->shard, METRIC_cluster_active_requests, (double)n->active_requests, n->id);
    else
        forget_activity(c, n->id);
}

void cluster_show(struct cluster *c)
{
    unsigned with[NODE_STATUSES] = {[NODE_STATUS_HEALTHY] = 1}; /* ourselves */

    for (size_t i = 0; i < nodes_count(c->nodes); i++) {
        const struct node *n = nodes_at(c->nodes, i);
        with[n->state.status] += !nodes_is_gone(c->nodes, n);
        show_activity(c, n);
    }
    for (enum node_status s = 0; s < NODE_STATUSES; s++)
        metrics_gauge(c->shard, METRIC_cluster_nodes, with[s], node_state_text(s));
    metrics_gauge(c->shard, METRIC_cluster_active_requests,
                  (double)proxies_active_requests(c->proxies, loop_now(c->loop)),
                  c->settings->health.node_id);
    bus_metrics_count(c->shard, "nodes", nodes_stats_others(c->nodes), &c->counted);
}

void cluster_write(struct cluster *c, struct json_write *w)
{
    json_write_key(w, "nodes");
    json_write_begin(w, '[');
    for (size_t i = 0; i < nodes_count(c->nodes); i++)
        if (!nodes_is_gone(c->nodes, nodes_at(c->nodes, i)))
            nodes_show(w, nodes_at(c->nodes, i), loop_now(c->loop));
    json_write_end(w, ']');
}

static void on_status(void *arg, const struct node *n, enum node_status before)
{
    struct cluster *c = arg;
    bool is_offline = n->state.status == NODE_STATUS_OFFLINE;
    const struct log_field fields[] = {
        {"LLM_NODE", n->id},
        {"MESSAGE_ID", is_offline ? LOG_EVENT_NODE_OFFLINE : LOG_EVENT_NODE_BACK},
        {NULL, NULL},
    };

    cluster_show(c);
    if (before != NODE_STATUS_OFFLINE && !is_offline)
        log_info("node %s is %s (was %s)", n->id, node_state_text(n->state.status),
                 node_state_text(before));
    else
        log_write(is_offline ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, fields, "node %s is %s%s%s", n->id,
                  is_offline ? "offline" : "back", n->problem ? ": " : "",
                  n->problem ? n->problem : "");
}

/* ---- life ---- */

static void forget_all_activity(struct cluster *c)
{
    if (!c->settings)
        return;
    forget_activity(c, c->settings->health.node_id);
    for (size_t i = 0; i < nodes_count(c->nodes); i++)
        forget_activity(c, nodes_at(c->nodes, i)->id);
}

int cluster_configure(struct cluster *c, const struct settings *s, char *reterr, size_t reterr_size)
{
    forget_all_activity(c);
    c->settings = s;
    int r = nodes_configure(c->nodes, s, false, reterr, reterr_size);
    cluster_show(c);
    return r;
}

struct cluster *cluster_new(struct bus *b, struct loop *l, struct metrics_shard *shard,
                            const struct proxies *proxies)
{
    static const struct nodes_handler handler = {.on_status = on_status};
    struct cluster *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    c->loop = l;
    c->shard = shard;
    c->proxies = proxies;
    c->nodes = nodes_new(b, l, &handler, c);
    return c;
}

void cluster_free(struct cluster **c)
{
    if (!*c)
        return;
    nodes_free(&(*c)->nodes);
    free(*c);
    *c = NULL;
}
