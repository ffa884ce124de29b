/* spending.h -- what have keys and teams spent so far, say the books?
 *
 * Requests that ended with their process count as what was reserved for them: more than they cost,
 * never less.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "io/db.h"
#include "keyring.h"

/* Fills the purses of all keys and teams, for the periods that `wall` is in. Before any thread uses
 * them. */
MUST_USE enum db_result spending_load(struct db *db, const struct keyring *ring, usec_t wall);
