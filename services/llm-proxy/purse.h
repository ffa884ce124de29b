/* purse.h -- may this much be spent, in all and in this day and month, by the key and by its team?
 *
 * A purse is one owner's three budgets; a request is paid from the purses of all its owners at
 * once, or from none. Pure.
 */
#pragma once

#include "base/zone.h"
#include "budget.h"

#include <stddef.h>

enum purse_period { PURSE_TOTAL, PURSE_DAILY, PURSE_MONTHLY, PURSE_PERIODS };

struct purse {
    struct budget periods[PURSE_PERIODS];
};

/* Immutable while requests use them. */
struct purse_limits {
    int64_t nano[PURSE_PERIODS]; /* MONEY_UNKNOWN: none */
    const struct zone *zone;     /* whose days and months; NULL: UTC. Borrowed. */
};

struct purse_owner {
    struct purse *purse;
    const struct purse_limits *limits;
};

#define PURSE_MAX_OWNERS 2

/* Who pays for a request, and how much is set aside for it. */
struct purse_hold {
    struct purse_owner owners[PURSE_MAX_OWNERS];
    size_t n_owners;
    int64_t amount;
};

/* Does any of its owners have a limit? Where none has, nothing is ever refused. */
bool purse_is_limited(const struct purse_hold *h);

/* Set aside so much that `amount` is held in all. False: one of the budgets cannot cover it (which
 * one, and whose, is told), and nothing has changed. */
MUST_USE bool purse_reserve(struct purse_hold *h, int64_t amount, usec_t wall,
                            enum purse_period *ret_period, size_t *ret_owner);
/* `cost` was spent: out of what is held as far as it reaches. */
void purse_spend(struct purse_hold *h, int64_t cost, usec_t wall);
/* What is still held goes back. */
void purse_release(struct purse_hold *h);

/* When the period that `wall` is in began and when it ends; a total never does. */
usec_t purse_period_start(const struct purse_limits *l, enum purse_period period, usec_t wall);
usec_t purse_period_end(const struct purse_limits *l, enum purse_period period, usec_t wall);

/* Nano-dollars used of a period, reservations included; the period rolls if it is over. */
int64_t purse_used(struct purse_owner o, enum purse_period period, usec_t wall);
/* Left of the tightest budget; MONEY_UNKNOWN without one. */
int64_t purse_left(struct purse_owner o, usec_t wall);
