/* trail_head.h -- how far has the trail got? The last record's number and hash, kept outside of it.
 *
 * A chain says nothing about records cut off its end; this file does. Two sealed slots, written in
 * turn and only after the records are on the disk, so that it is never ahead of them.
 */
#pragma once

#include "base/chain.h"
#include "base/macro.h"

#include <stdbool.h>

/* Opened for writing, made if absent, and locked: -EWOULDBLOCK when another process has it. */
MUST_USE int trail_head_open(const char *path, int *ret_fd);
MUST_USE int trail_head_write(int fd, const uint8_t key[CHAIN_KEY_SIZE], const struct chain *c);
/* False: there is none, or it is not sealed with this key. */
MUST_USE bool trail_head_read(const char *path, const uint8_t key[CHAIN_KEY_SIZE],
                              struct chain *ret);
