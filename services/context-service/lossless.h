/* lossless.h -- what in the output of tools says nothing? Blanks at the ends of lines, more than
 * one blank line in a row, and a text that a later tool result repeats byte for byte. */
#pragma once

#include "conversation.h"

/* Condenses the groups before `end` that are not pinned. True if anything changed. */
bool lossless_apply(struct conversation *c, size_t end);

/* A JSON string, spelled, without such blanks; unchanged when there are none or nothing else.
 * The result is in `a`; data NULL at its ceiling. */
struct str lossless_squeeze(struct arena *a, struct str json_string);
