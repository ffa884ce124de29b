/* neighbour.h -- does context-service answer? For the status page, not for requests.
 *
 * A connection of its own, whose heartbeats find a process that hangs, too.
 */
#pragma once

#include "base/macro.h"
#include "io/bus.h"
#include "io/loop.h"

#include <stdbool.h>

struct neighbour;

MUST_USE int neighbour_new(struct bus *b, struct loop *l, const char *runtime,
                           struct neighbour **ret);
void neighbour_free(struct neighbour **n);

bool neighbour_is_there(struct neighbour *n);
