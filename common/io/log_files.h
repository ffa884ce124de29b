/* log_files.h -- how do entries of the log come into files, for who has no journal?
 *
 * combined.log has every entry, error.log the errors: JSON lines. A thread of its own writes, so
 * that a disk that stalls stops nobody; what it cannot write is dropped, and told in the log.
 * A file that was renamed or removed, as logrotate does, is made anew for what comes next.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Write below `folder` from now on, or no longer: NULL. Waits until all that was added for another
 * folder is written there. */
void log_files_configure(const char *folder);

bool log_files_is_on(void);
/* Whole lines, by any thread; never waits for the disk. */
void log_files_add(const char *text, size_t len, bool is_error);

/* Lines that did not come into a file so far. */
uint64_t log_files_dropped(void);
