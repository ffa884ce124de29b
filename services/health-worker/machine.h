/* machine.h -- how is the machine this runs on? Its memory, its disk, its GPUs.
 *
 * Looked at every MACHINE_ROUND, or every health.interval where that is shorter; GPUs on threads
 * of their own, which there are only where there is a driver to ask.
 */
#pragma once

#include "base/json_write.h"
#include "base/metrics.h"
#include "io/loop.h"
#include "settings/settings.h"

#define MACHINE_ROUND (5 * USEC_PER_SEC)

struct machine;

struct machine *machine_new(struct loop *l, struct metrics_shard *shard);
void machine_free(struct machine **m);

/* Borrows `s` until the next call. */
void machine_configure(struct machine *m, const struct settings *s);

/* Bring the metrics up to date with what the GPUs have answered since the last round. */
void machine_show(struct machine *m);

/* Members "host" and "gpus" of an object already begun. */
void machine_write(struct machine *m, struct json_write *w);
