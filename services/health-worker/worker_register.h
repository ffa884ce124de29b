/* worker_register.h -- which local workers ran when we were last heard of, and which were stopped
 * by hand?
 *
 * A small file below paths.state, replaced as a whole at each change.
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define WORKER_REGISTER_TAG 64

struct worker_register_row {
    char name[128];
    char tag[WORKER_REGISTER_TAG]; /* of the run (worker_sweep.h); empty: it does not run */
    bool is_held;                  /* stopped by hand */
};

/* Of a file's text: how many rows there are, at most `max`. What is no row is left out. */
MUST_USE size_t worker_register_parse(struct str text, struct worker_register_row *ret, size_t max);
MUST_USE enum buf_result worker_register_print(const struct worker_register_row *rows, size_t n,
                                               struct buf *out);

/* -errno; -ENOENT: there is none yet. */
MUST_USE int worker_register_read(const char *path, struct worker_register_row *ret, size_t max,
                                  size_t *ret_n);
MUST_USE int worker_register_write(const char *path, const struct worker_register_row *rows,
                                   size_t n);
