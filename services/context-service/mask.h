/* mask.h -- what can old tool output shrink to? A marker that says how much was there. */
#pragma once

#include "conversation.h"

#include <stdint.h>

/* Masks the oldest tool output in the groups before `end` that are not pinned, until the
 * conversation fits the budget. True if anything changed. */
bool mask_apply(struct conversation *c, size_t end, uint64_t budget_tokens);
