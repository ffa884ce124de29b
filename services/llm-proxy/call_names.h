/* call_names.h -- which tool does a tool's result come from?
 *
 * Some APIs name the call that a result answers, others its tool: whoever writes a conversation
 * notes each call as it goes by. Pure.
 */
#pragma once

#include "base/map.h"
#include "chat.h"

struct call_names {
    struct map by_id;
};

void call_names_init(struct call_names *n);
void call_names_done(struct call_names *n);

/* `call` is borrowed until call_names_done(). A later call takes the place of one of the same id.
 */
void call_names_note(struct call_names *n, const struct chat_part *call);

/* Empty when neither the result nor a call before it has a name. */
struct str call_names_find(const struct call_names *n, const struct chat_part *result);
