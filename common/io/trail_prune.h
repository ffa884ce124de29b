/* trail_prune.h -- which files of the trail are old enough to be packed, or deleted?
 *
 * The newest file is neither, however old. Before a file goes, a record says up to where the trail
 * is gone, so that verifying can tell pruning from theft.
 */
#pragma once

#include "base/chain.h"
#include "base/clock.h"
#include "base/macro.h"

#include <stdatomic.h>
#include <stdbool.h>

struct trail_prune {
    const char *folder;
    usec_t wall;
    unsigned compress_days, retention_days; /* a file this old or older */
    const _Atomic bool *is_stopping;        /* NULL: never */
    /* Writes `data` as a record "audit.pruned", to the disk. False: the file stays. */
    bool (*announce)(void *arg, struct str data);
    void *arg;

    /* filled */
    unsigned n_packed, n_deleted;
    char failed[64]; /* the file that could not be, "" : none */
};

MUST_USE int
trail_prune_run(struct trail_prune *p); /* -errno: the first failure; the rest is done */
