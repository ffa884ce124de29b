/* trail_key.h -- which key seals the trail? Derived from a secret of its own in a file of mode
 * 0600.
 */
#pragma once

#include "base/chain.h"
#include "base/macro.h"

#include <stddef.h>

/* The file is made if there is none. -errno with `reterr` filled. */
MUST_USE int trail_key_load(const char *path, uint8_t ret_key[CHAIN_KEY_SIZE], char *reterr,
                            size_t reterr_size);
