/* lossless.h -- what in the output of tools says nothing? What squeeze.h finds, and a text that a
 * later tool result repeats byte for byte. */
#pragma once

#include "conversation.h"

/* Condenses the groups before `end` that are not pinned. True if anything changed. */
bool lossless_apply(struct conversation *c, size_t end);
