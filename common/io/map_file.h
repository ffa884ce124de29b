/* map_file.h -- the bytes of a file, shared with every process that asks for the same file.
 *
 * For files that are replaced as a whole (written beside and renamed), never changed in place. */
#pragma once

#include "base/macro.h"
#include "base/str.h"

/* Read-only. Gives 0 or -errno; an empty file is -ENODATA. */
MUST_USE int map_file_open(const char *path, struct str *ret_bytes);
void map_file_close(struct str *bytes);
