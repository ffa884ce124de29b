/* cue.h -- does this line report that something went wrong?
 *
 * Told by words of many languages and by the shape of the line.
 */
#pragma once

#include "base/str.h"

/* 0: no report of an error; 1: a word of it; 2: its shape. */
unsigned cue_error(struct str line);
