/* cue.h -- does this line report that something went wrong?
 *
 * Told by words of many languages and by the shape of the line.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>

bool cue_is_error(struct str line);
/* By what one of its lines begins with, though it has no word for an error. */
bool cue_begins_error(struct str text);
