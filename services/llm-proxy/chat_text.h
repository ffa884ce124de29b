/* chat_text.h -- what do the parts of a message say as one text?
 *
 * For APIs in which a message has one text: the parts become its paragraphs. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "chat.h"

/* Of the parts of `kind`; a refusal is text. Borrowed from the part when there is only one. False
 * when the arena is full. */
bool chat_text_join(struct arena *a, const struct chat_part *parts, enum chat_part_kind kind,
                    struct str *ret);
