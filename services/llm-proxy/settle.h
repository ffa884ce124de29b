/* settle.h -- what do the books say of this request, and what did it cost?
 *
 * An intent before anything is dispatched, a row per attempt, one settlement. Tokens are the
 * provider's when it told them (an explicit zero is zero), else counted here and marked `local`.
 */
#pragma once

#include "base/clock.h"
#include "ledger_entry.h"
#include "proto/outcome.h"

#include <stdbool.h>

struct exchange;

/* False when the spool is full: nothing may be dispatched. */
bool settle_open(struct exchange *x);
/* Room for one more attempt's row; false when the spool is full. */
bool settle_extend(struct exchange *x);

/* An attempt ended: its row, and its tokens and cost added to the request's. `duration` is since
 * its dispatch. */
void settle_attempt(struct exchange *x, enum outcome_kind kind, usec_t duration);

/* The request is over. */
void settle_request(struct exchange *x, enum ledger_entry_status status);
