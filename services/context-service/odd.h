/* odd.h -- which lines look unlike the others of their text?
 *
 * A table, a log, a listing repeats one shape: letters, digits and marks in the same order. The
 * line that has another one was put there for a reason.
 */
#pragma once

#include "unit.h"

/* For each unit of an output from 0, as most of its text or its text has no usual shape, to 1.
 * Lives in the list's arena; NULL at its ceiling. */
MUST_USE const float *odd_units(const struct unit_list *l);
