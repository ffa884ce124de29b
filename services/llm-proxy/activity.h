/* activity.h -- how busy is this proxy? Told to this machine's health-worker, and by it to the
 * others.
 *
 * At every heartbeat, and sooner when the number has changed.
 */
#pragma once

#include "base/macro.h"
#include "base/map.h"
#include "io/bus.h"
#include "io/loop.h"

#include <stdint.h>

struct activity;

/* Over the control thread's loop; `upstreams` is the proxy's. */
MUST_USE int activity_new(struct bus *b, struct loop *l, const char *runtime,
                          const struct map *upstreams, struct activity **ret);
void activity_free(struct activity **a);

/* Requests under way at providers. */
uint64_t activity_count(const struct activity *a);
