/* node_state.h -- is a node well, given what is heard from it? Pure.
 *
 * Its health-worker speaks every NODE_STATE_HEARTBEAT. One heartbeat missed makes it degraded,
 * three offline, the next word healthy again. Silence counts only while we listened: a loop that
 * was held up does not condemn the others.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"

#include <stdbool.h>
#include <stdint.h>

#define NODE_STATE_HEARTBEAT      USEC_PER_SEC
#define NODE_STATE_DEGRADED_AFTER (3 * NODE_STATE_HEARTBEAT / 2)
#define NODE_STATE_OFFLINE_AFTER  (3 * NODE_STATE_HEARTBEAT)
#define NODE_STATE_LOOK           (NODE_STATE_HEARTBEAT / 4) /* how often to look */

/* The label values of cluster_nodes{status}. */
enum node_status { NODE_STATUS_HEALTHY, NODE_STATUS_DEGRADED, NODE_STATUS_OFFLINE, NODE_STATUSES };
const char *node_state_text(enum node_status s);

struct node_state {
    enum node_status status;
    bool was_heard;           /* ever */
    bool is_behind;           /* a message was missed: wait for the next snapshot */
    uint64_t epoch, sequence; /* of the last message */
    uint64_t restarts;        /* of the publisher, that we noticed */
    usec_t silence, looked_at;
};

/* Not heard yet: degraded, and offline soon. */
void node_state_init(struct node_state *n, usec_t now);

struct node_message {
    uint64_t epoch, sequence;
    bool is_snapshot; /* else a change, which says nothing of what was missed before it */
};

/* It has spoken, and is healthy. False: what it said is not to be used. */
MUST_USE bool node_state_hear(struct node_state *n, const struct node_message *m, usec_t now);

/* Time has passed. True when that has changed the status. */
MUST_USE bool node_state_look(struct node_state *n, usec_t now);
