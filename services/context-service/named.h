/* named.h -- which units hold what the question names?
 *
 * Each sentence of a question asks for something of its own. A unit is named as far as it has the
 * words of one sentence, together with lines of its text not far from it: a record has its name in
 * one line and what is asked of it in another. What is asked for in words that stand everywhere
 * ("go on", "and the next?") names nothing.
 */
#pragma once

#include "rank.h"

/* Sets `named` of every unit, 0 to 1. Behind rank_units(); of the same questions those of weight 1
 * count. False at the arena's ceiling. */
MUST_USE bool named_units(struct unit_list *l, const struct rank_question *questions, size_t n);
