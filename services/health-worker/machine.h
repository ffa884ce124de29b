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

#include <stdbool.h>

#define MACHINE_ROUND (5 * USEC_PER_SEC)

struct machine;

struct machine *machine_new(struct loop *l, struct metrics_shard *shard);
void machine_free(struct machine **m);

/* Borrows `s` until the next call. */
void machine_configure(struct machine *m, const struct settings *s);

/* Bring the metrics up to date with what the GPUs have answered since the last round. */
void machine_show(struct machine *m);

/* Bytes that are free of the GPU with this id; NAN: it does not tell. False: there are GPUs, and
 * none is called so. */
MUST_USE bool machine_find_gpu(const struct machine *m, const char *id, double *ret_free);

/* Members "host" and "gpus" of an object already begun. */
void machine_write(struct machine *m, struct json_write *w);
