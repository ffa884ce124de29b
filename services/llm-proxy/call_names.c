#include "call_names.h"

void call_names_init(struct call_names *n)
{
    map_init(&n->by_id);
}

void call_names_done(struct call_names *n)
{
    map_done(&n->by_id);
}

void call_names_note(struct call_names *n, const struct chat_part *call)
{
    if (call->id.len == 0)
        return;
    if (map_add(&n->by_id, call->id, (void *)call) != call) {
        map_take(&n->by_id, call->id);
        map_add(&n->by_id, call->id, (void *)call);
    }
}

struct str call_names_find(const struct call_names *n, const struct chat_part *result)
{
    if (result->name.len > 0)
        return result->name;
    const struct chat_part *call = map_find(&n->by_id, result->id);
    return call ? call->name : STR_EMPTY;
}
