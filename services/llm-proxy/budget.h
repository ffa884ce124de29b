/* budget.h -- how much money is left in this period?
 *
 * Spending is reserved before it is known and settled after. What admission decides by is one
 * atomic word, what is settled in the period plus what is reserved now, in nano-dollars: any
 * number of threads may reserve, settle and roll without a lock, and together never get more than
 * the limit. What is settled counts in the period in which it is settled. A period ends at a
 * moment of the wall clock and ends once, whatever the clock does. Pure.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/money.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct budget { /* all zero: nothing spent, a period that is over */
    _Atomic int64_t used;
    _Atomic int64_t settled; /* ever */
    _Atomic int64_t rolled;  /* of it, what was settled in earlier periods */
    _Atomic usec_t ends_at;
};

/* Before any thread uses it: what the books say of the period that ends at `ends_at`. */
void budget_load(struct budget *b, int64_t spent, usec_t ends_at);

/* Is the period that ends at `ends_at` over? Then the caller finds out when the next one ends and
 * rolls; of several who do, one succeeds and the others change nothing. */
bool budget_is_over(const struct budget *b, usec_t wall, usec_t *ret_ends_at);
void budget_roll(struct budget *b, usec_t ends_at, usec_t next_ends_at);

/* False if less than `amount` is left; nothing has changed then. What costs nothing is always let
 * through. A limit of MONEY_UNKNOWN is none, and then nothing need be reserved. */
MUST_USE bool budget_reserve(struct budget *b, int64_t limit, int64_t amount);

/* `reserved` is given back, `cost` is spent; either may be 0, and the cost may be the larger. */
void budget_settle(struct budget *b, int64_t reserved, int64_t cost);

int64_t budget_used(const struct budget *b);    /* settled in this period and reserved */
int64_t budget_settled(const struct budget *b); /* in this period */
