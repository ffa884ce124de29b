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

enum machine_gpu {
    MACHINE_GPU_FOUND,
    MACHINE_GPU_MISSING, /* there are GPUs, and none is called so */
    MACHINE_GPU_UNKNOWN, /* nobody tells of any */
    MACHINE_GPU_LATER,   /* a driver was asked and has not answered yet */
};
/* The GPU with this id: bytes that are free of it, NAN if it does not tell. */
MUST_USE enum machine_gpu machine_find_gpu(struct machine *m, const char *id, double *ret_free);

/* Members "host" and "gpus" of an object already begun. */
void machine_write(struct machine *m, struct json_write *w);
