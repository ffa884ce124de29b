/* nodes_show.h -- how does a node look in the JSON of a status page?
 */
#pragma once

#include "base/json_write.h"
#include "nodes/nodes.h"

/* An object, with what its machine has told of itself. */
void nodes_show(struct json_write *w, const struct node *n, usec_t now);
