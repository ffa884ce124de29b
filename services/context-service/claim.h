/* claim.h -- which units come first, whatever is asked?
 *
 * What the user demands, what the assistant decided, what a tool said went wrong: told by words of
 * many languages and by the shape of a line. A class has a share of the conversation; when more
 * would be in it, the surest are.
 */
#pragma once

#include "unit.h"

/* For the course of a task: sets the class of every unit, and raises the score of what is said. In
 * a dialogue everything is said by somebody, and only the question tells. `is_asked`: somebody said
 * what is needed, so relevance is more than a guess. False at the arena's ceiling. */
MUST_USE bool claim_classes(struct unit_list *l, bool is_asked);
