#include "nodes/nodes_show.h"

static void show_json(struct json_write *w, const char *key, struct str json, const char *none)
{
    json_write_key(w, key);
    json_write_raw(w, json.len > 0 ? json : str_from(none));
}

void nodes_show(struct json_write *w, const struct node *n, usec_t now)
{
    json_write_begin(w, '{');
    json_write_member(w, "node_id", n->id);
    json_write_member(w, "address", n->address);
    json_write_member(w, "status", node_state_text(n->state.status));
    json_write_member(w, "problem", n->problem);
    json_write_member_u64(w, "since_ms", n->since / USEC_PER_MSEC);
    json_write_key(w, "age_seconds");
    if (n->heard_at > 0)
        json_write_double(w, (double)(now - n->heard_at) / (double)USEC_PER_SEC);
    else
        json_write_null(w);
    json_write_member_u64(w, "restarts", n->state.restarts);
    json_write_key(w, "active_requests");
    if (n->state.status == NODE_STATUS_OFFLINE)
        json_write_null(w);
    else
        json_write_u64(w, n->active_requests);
    show_json(w, "host", n->host, "null");
    show_json(w, "gpus", n->gpus, "[]");
    json_write_end(w, '}');
}
