/* ctl_limits.h -- how do options become the JSON that makes or changes a key or a team?
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>

/* Pairs of option and value as one object in `out`; the value "none" takes a limit away. False: an
 * unknown option, a value that is none, or an odd number of arguments. */
MUST_USE bool ctl_limits_write(int argc, char **argv, struct buf *out);

/* "/admin/keys/" and the name, escaped: names may hold anything printable, a path may not. False if
 * it is empty or too long. */
MUST_USE bool ctl_limits_path(const char *folder, const char *name, char *to, size_t size);
