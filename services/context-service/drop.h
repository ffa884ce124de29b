/* drop.h -- which of the oldest groups have to go? */
#pragma once

#include "conversation.h"

#include <stdint.h>

/* Drops the oldest groups before `end` that are not pinned until the conversation fits the budget,
 * and then those that would leave it beginning with an answer to nothing. True if any. */
bool drop_apply(struct conversation *c, size_t end, uint64_t budget_tokens);
