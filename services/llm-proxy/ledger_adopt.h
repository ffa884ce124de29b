/* ledger_adopt.h -- what is in the spools while the books cannot be written?
 *
 * When the disk is full at start, what an earlier process left stays in its spools and is committed
 * when that works again. Until then it counts: a table in memory holds what it comes to, and
 * ledger_totals_read() on this connection adds it.
 */
#pragma once

#include "base/macro.h"
#include "io/db.h"
#include "spool.h"

#include <stdint.h>

/* With the requests the books know of as pending. */
MUST_USE enum db_result ledger_adopt_begin(struct db *db);
/* Every record not advanced over; *last_id rises to the greatest. The spool is as before. */
MUST_USE enum db_result ledger_adopt_spool(struct db *db, struct spool *spool, int64_t *last_id);
