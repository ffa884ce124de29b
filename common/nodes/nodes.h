/* nodes.h -- which nodes are there, how is each, and what did it say last?
 *
 * A node is a machine with a health-worker, which is subscribed to: this machine's over ipc, those
 * of health.nodes over tcp. Calls back with what they say and when one falls silent (node_state.h);
 * one that is offline for longer than health.retention is no longer counted or shown, until it
 * speaks again.
 */
#pragma once

#include "base/json_write.h"
#include "base/macro.h"
#include "io/bus.h"
#include "io/loop.h"
#include "proto/health.h"
#include "proto/model_news.h"
#include "proto/node_state.h"
#include "proto/workers.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct nodes;

struct node {
    const char *id;
    const char *address; /* NULL: this machine's own */
    struct node_state state;
    usec_t since;             /* wall clock, of the status */
    usec_t heard_at;          /* monotonic, of the last word; 0: never */
    uint64_t active_requests; /* that its proxies have under way */
    const char *problem;      /* why it is not heard, in words; NULL: no idea */
    /* JSON as it was told last, empty before; borrowed until the next turn */
    struct str snapshot, host, gpus, workers;
};

/* Each may be NULL. What is passed is borrowed for the call. */
struct nodes_handler {
    /* Every provider of the node, or (not `is_full`) one that has changed. */
    void (*on_health)(void *arg, const struct node *n, const struct health_snapshot *s,
                      bool is_full);
    void (*on_workers)(void *arg, const struct node *n, const struct workers_list *l);
    void (*on_model)(void *arg, const struct node *n, const struct model_news *news);
    /* It was `before`; comes ahead of what it says. */
    void (*on_status)(void *arg, const struct node *n, enum node_status before);
};

/* `handler` is static. */
struct nodes *nodes_new(struct bus *b, struct loop *l, const struct nodes_handler *handler,
                        void *arg);
void nodes_free(struct nodes **n);

/* Subscribe to the nodes of `s`, and with_own to this machine's; what they said before stays.
 * Borrows nothing of `s`. -errno with `reterr` filled; then the nodes stay as they were. */
MUST_USE int nodes_configure(struct nodes *n, const struct settings *s, bool with_own, char *reterr,
                             size_t reterr_size);

size_t nodes_count(const struct nodes *n);
const struct node *nodes_at(const struct nodes *n, size_t i);
/* Offline for longer than the retention; and this machine's own before its first word. */
bool nodes_is_gone(const struct nodes *n, const struct node *node);

struct bus_stats nodes_stats_own(const struct nodes *n);
struct bus_stats nodes_stats_others(const struct nodes *n); /* of all sockets there were */
