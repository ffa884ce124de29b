/* cue.h -- which units must not be lost, whatever is asked?
 *
 * What the user demands, what the assistant decided, what a tool said went wrong: told by words of
 * many languages and by the shape of a line. Of a class that would take more than its share of the
 * conversation only what shows the most signs is in it, or nothing.
 */
#pragma once

#include "unit.h"

/* For the course of a task: sets the class of every unit, and raises the score of what is said. In
 * a dialogue everything is said by somebody, and only the question tells. `is_asked`: somebody said
 * what is needed, so relevance is more than a guess. */
void cue_classify(struct unit_list *l, bool is_asked);

/* 0: no report of an error; 1: a word of it; 2: its shape. */
unsigned cue_error(struct str line);
