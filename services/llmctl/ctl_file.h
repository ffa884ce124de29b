/* ctl_file.h -- how does a file come into its place whole or not at all?
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

/* Beside it first, then in its place. 0 or -errno. */
MUST_USE int ctl_file_write(const char *path, struct str bytes);
