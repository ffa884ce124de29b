/* squeeze.h -- what in a text is there only for the eye?
 *
 * Blanks at the ends of lines, more than one blank line in a row, colours, the same line again and
 * again, blanks between the tokens of JSON.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

/* A JSON string, spelled, without all that; unchanged when there is none of it, or nothing else.
 * The result is in `a`; data NULL at its ceiling. */
struct str squeeze_string(struct arena *a, struct str spelled);
