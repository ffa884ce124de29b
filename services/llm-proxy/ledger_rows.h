/* ledger_rows.h -- how does a request, with its attempts, become rows that nothing doubles?
 *
 * The one attempt that nearly every request has lies in the request's own row, and costs no row of
 * its own; all others lie in attempts_apart. The view `attempts` shows both. Whatever is written a
 * second time changes nothing. Used by the ledger's thread, within its transaction.
 */
#pragma once

#include "base/macro.h"
#include "io/db.h"
#include "ledger_entry.h"
#include "ledger_record.h"

#include <stdbool.h>
#include <stdint.h>

struct ledger_rows;

MUST_USE enum db_result ledger_rows_new(struct db *db, struct ledger_rows **ret);
void ledger_rows_free(struct ledger_rows **rows);

/* Dispatched, not over yet. */
MUST_USE enum db_result ledger_rows_add_intent(struct ledger_rows *rows,
                                               const struct ledger_entry *e);
/* Of a request that has other attempts, or is not over yet. */
MUST_USE enum db_result ledger_rows_add_attempt(struct ledger_rows *rows,
                                                const struct ledger_record *attempt);
/* Over, with its last attempt unless that is written already or there was none (NULL). *ret_is_new
 * is false if the row was over before. */
MUST_USE enum db_result ledger_rows_settle(struct ledger_rows *rows, const struct ledger_entry *e,
                                           const struct ledger_record *attempt, bool *ret_is_new);

/* Rows of `requests` and `attempts` that were written since it was last asked. */
uint64_t ledger_rows_take_count(struct ledger_rows *rows);
