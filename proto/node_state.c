#include "proto/node_state.h"

#define LONGEST_LOOK (2 * NODE_STATE_LOOK)

const char *node_state_text(enum node_status s)
{
    static const char *const texts[NODE_STATUSES] = {"healthy", "degraded", "offline"};

    return texts[s];
}

void node_state_init(struct node_state *n, usec_t now)
{
    *n = (struct node_state){.status = NODE_STATUS_DEGRADED, .is_behind = true, .looked_at = now};
}

bool node_state_hear(struct node_state *n, const struct node_message *m, usec_t now)
{
    bool is_anew = !n->was_heard || m->epoch != n->epoch;

    if (n->was_heard && is_anew)
        n->restarts++;
    if (m->is_snapshot)
        n->is_behind = false;
    else if (is_anew || m->sequence != n->sequence + 1)
        n->is_behind = true;
    n->was_heard = true;
    n->epoch = m->epoch;
    n->sequence = m->sequence;
    n->status = NODE_STATUS_HEALTHY;
    n->silence = 0;
    n->looked_at = now;
    return !n->is_behind;
}

bool node_state_look(struct node_state *n, usec_t now)
{
    enum node_status before = n->status;
    usec_t passed = now - n->looked_at;

    n->looked_at = now;
    n->silence += passed < LONGEST_LOOK ? passed : LONGEST_LOOK;
    if (n->silence >= NODE_STATE_OFFLINE_AFTER)
        n->status = NODE_STATUS_OFFLINE;
    else if (n->silence >= NODE_STATE_DEGRADED_AFTER)
        n->status = NODE_STATUS_DEGRADED;
    return n->status != before;
}
