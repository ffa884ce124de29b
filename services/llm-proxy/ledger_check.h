/* ledger_check.h -- are the books whole?
 *
 * What the service stands on (keys, positions) is checked before it starts. Reading all the rows
 * takes half a second for a million of them, so a thread does that beside the service.
 */
#pragma once

#include "base/macro.h"
#include "io/db.h"

#include <stdatomic.h>
#include <stdbool.h>

struct ledger_check;

/* Now: everything but `requests` and `attempts`, which budgets do not stand on. */
MUST_USE enum db_result ledger_check_essentials(struct db *db);

/* Begins to read the whole file; sets *is_damaged, and says so in the log, if it is. Then adds up
 * the rows: where they differ from usage_days, the log has it. -errno. */
MUST_USE int ledger_check_start(const char *path, _Atomic bool *is_damaged,
                                struct ledger_check **ret);
void ledger_check_stop(struct ledger_check **c); /* at once, whatever is left to read */
