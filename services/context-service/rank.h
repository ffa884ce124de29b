/* rank.h -- which units answer to what is asked, and which could nobody guess again?
 *
 * BM25 over stems, widened by words spelled alike (their fours of characters) and by the words of
 * the best answers (relevance feedback); a unit shares in what its neighbours say and is charged
 * for its length. Beside that, what needs no question: values that occur once, lines unlike their
 * surroundings.
 */
#pragma once

#include "unit.h"

struct rank_question {
    struct str text;
    float weight;
};

/* `is_asked`: somebody said what is needed; else the questions are a guess. Sets the score of every
 * unit. Lives in the list's arena; false at its ceiling. */
MUST_USE bool rank_units(struct unit_list *l, const struct rank_question *questions, size_t n,
                         bool is_asked);
