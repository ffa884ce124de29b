/* image.h -- what stands in place of an old picture? A marker with the key that it is kept under.
 */
#pragma once

#include "conversation.h"

#include <stdint.h>

/* Takes the oldest pictures out of the groups before `end` that are not pinned, until the
 * conversation fits the budget. True if any. */
bool image_apply(struct conversation *c, size_t end, uint64_t budget_tokens);
