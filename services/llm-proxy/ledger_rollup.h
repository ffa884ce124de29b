/* ledger_rollup.h -- what do the rows of a batch add to the sums of each hour and day?
 *
 * usage_hours and usage_days hold what `requests` sums to, so that a question about a million rows
 * reads some thousands. Entries are gathered in memory and written within the batch's transaction:
 * sums and rows are never apart. Used by the ledger's thread.
 */
#pragma once

#include "base/macro.h"
#include "io/db.h"
#include "ledger_entry.h"

#define LEDGER_ROLLUP_MAX_LINES 1024 /* distinct sums gathered before they are written */

struct ledger_rollup;

MUST_USE enum db_result ledger_rollup_new(struct db *db, struct ledger_rollup **ret);
void ledger_rollup_free(struct ledger_rollup **r);

/* Within a transaction: a request that is over, once. Its texts are borrowed until the flush. */
MUST_USE enum db_result ledger_rollup_add(struct ledger_rollup *r, const struct ledger_entry *e);
MUST_USE enum db_result ledger_rollup_flush(struct ledger_rollup *r);
void ledger_rollup_clear(struct ledger_rollup *r); /* the transaction came to nothing */

/* What is pending of the ids up to `last_id` becomes `unknown`, in the rows and in the sums; a
 * transaction of its own. */
MUST_USE enum db_result ledger_rollup_close_pending(struct db *db, int64_t last_id, int64_t *ret_n);
