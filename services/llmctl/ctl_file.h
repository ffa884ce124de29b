/* ctl_file.h -- how is a file that an operator names read, and how does one come into its place
 * whole or not at all?
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>

/* Beside it first, then in its place. 0 or -errno. */
MUST_USE int ctl_file_write(const char *path, struct str bytes);

/* All of it, as far as `ret` may grow; NULL or "-" is standard input. False: why is on stderr. */
MUST_USE bool ctl_file_read(const char *path, struct buf *ret);
