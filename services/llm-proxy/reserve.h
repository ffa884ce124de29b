/* reserve.h -- what may this request cost at most, and is that much left?
 *
 * Before anything is dispatched the worst case is set aside from the budgets of the key and its
 * team: the prompt, estimated with its margin, and the longest answer, at the dearest price of the
 * targets. A dearer target later, or an answer that grows beyond what was foreseen, needs more, or
 * it is not used, or ended. The exchange holds what is set aside and gives it back.
 */
#pragma once

#include "base/macro.h"
#include "purse.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;
struct snapshot_provider;

struct reserve {
    struct purse_hold hold;
    bool is_limited;       /* some budget stands behind it */
    int64_t output_tokens; /* of an answer that what is held would pay */
    /* which budget was short, the last time that one was */
    enum purse_period short_period;
    size_t short_owner;
};

/* Does a budget stand behind it? */
bool reserve_is_due(const struct exchange *x);
/* False: refused and answered. */
MUST_USE bool reserve_open(struct exchange *x);
/* Does what is held, or more, cover an attempt at this target? */
MUST_USE bool reserve_target(struct exchange *x, const struct snapshot_provider *p,
                             const char *model);
/* The answer so far: false when nothing more is left for it. */
MUST_USE bool reserve_covers(struct exchange *x, uint64_t output_tokens);

void reserve_spend(struct exchange *x, int64_t cost_nano); /* MONEY_UNKNOWN: nobody knows */
void reserve_release(struct exchange *x);

/* For the caller: which budget it was. */
const char *reserve_text(const struct exchange *x);
