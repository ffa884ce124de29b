/* worker_register.h -- which local workers ran when we were last heard of, and which were stopped
 * by hand?
 *
 * A small file below paths.state, replaced as a whole at each change.
 */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>

#define WORKER_REGISTER_TAG 64

struct worker_register_row {
    char name[128];
    char tag[WORKER_REGISTER_TAG]; /* of the run (worker_sweep.h); empty: it does not run */
    bool is_held;                  /* stopped by hand */
};

/* -errno; -ENOENT: there is none yet. At most `max` rows are read. What is no row is left out. */
MUST_USE int worker_register_read(const char *path, struct worker_register_row *ret, size_t max,
                                  size_t *ret_n);
MUST_USE int worker_register_write(const char *path, const struct worker_register_row *rows,
                                   size_t n);
