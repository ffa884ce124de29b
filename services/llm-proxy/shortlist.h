/* shortlist.h -- which targets are left for this request, and if none, what is it told?
 *
 * The router's choice among the model in turn, and the walk along the plan's models.
 */
#pragma once

#include "base/clock.h"
#include "refusal.h"

#include <stdbool.h>

struct exchange;

/* Choose the next target of the model in turn (x->target); false when none is left. */
bool shortlist_choose(struct exchange *x);
/* Whether any target is left, here or further down the plan. */
bool shortlist_has_more(struct exchange *x);

/* To the next model of the plan; false at its end. Those whose window is known to be too small are
 * passed over. */
bool shortlist_next_model(struct exchange *x);
/* The request is longer than the window of the model in turn: to the next that may have a larger
 * one. False, and nothing is changed, when there is none. */
bool shortlist_next_larger(struct exchange *x);

/* Nothing is left: what the caller is told, and (x->retry_after) when to come again. */
enum refusal shortlist_refusal(struct exchange *x);
