/* trail_write.h -- how do records get to the end of the trail, whole, in order and sealed?
 *
 * Opening resumes the chain where it ended: a line that a crash cut short goes, and if the end is
 * not what the head says the chain goes on from what is known, so that verifying names the gap. A
 * day's first record opens a new file, whose first link is the hash that closed the one before.
 * What cannot be written stays in memory, to a ceiling, until it can. For one thread.
 */
#pragma once

#include "base/chain.h"
#include "base/clock.h"
#include "base/macro.h"

#include <stddef.h>
#include <stdint.h>

#define TRAIL_WRITE_MAX_PENDING ((size_t)1 << 20)

struct trail_write;

struct trail_write_resumed {
    uint64_t torn_bytes; /* taken off the end */
    char broken[200];    /* "" : the end is as the head says; else what is wrong with it */
};

/* The folder is made if absent. -EWOULDBLOCK: another process writes to it; -errno. */
MUST_USE int trail_write_open(const char *folder, const char *head_path,
                              const uint8_t key[CHAIN_KEY_SIZE], struct trail_write **ret,
                              struct trail_write_resumed *ret_resumed);
/* Flushes what it can. */
void trail_write_close(struct trail_write **w);

/* Seals a record and keeps it for the next flush. 0; -ENOBUFS: the ceiling is reached; or -errno of
 * the flush that must come before another day's record. Nothing changed then. */
MUST_USE int trail_write_append(struct trail_write *w, usec_t wall, struct str event,
                                struct str data);
/* To the file; with `sync` to the disk, and the head after it. -errno: nothing changed, try again.
 */
MUST_USE int trail_write_flush(struct trail_write *w, bool sync);
