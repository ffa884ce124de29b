/* ledger_write.h -- how do records become rows, once each?
 *
 * A batch is one transaction: rows and the position in each spool are committed together, so a
 * crash anywhere neither loses nor doubles a record. An intent settled in the same batch costs no
 * row of its own. Not a thread: used by the ledger's.
 */
#pragma once

#include "base/macro.h"
#include "io/db.h"
#include "spool.h"

#include <stdbool.h>
#include <stdint.h>

#define LEDGER_WRITE_MAX_BATCH 4096 /* records in one transaction */

struct ledger_write;

MUST_USE enum db_result ledger_write_new(struct db *db, struct ledger_write **ret);
void ledger_write_free(struct ledger_write **w);

/* Reads up to LEDGER_WRITE_MAX_BATCH records of the `n` spools and commits them. DB_OK: the spools
 * are advanced, *ret_rows rows were written, and *ret_is_all is false if the batch was full.
 * Otherwise nothing has changed, and the same call may be tried again. */
MUST_USE enum db_result ledger_write_batch(struct ledger_write *w, struct spool *const *spools,
                                           unsigned n, uint64_t *ret_rows, bool *ret_is_all);

/* Records read that were none of ours; they are skipped. */
uint64_t ledger_write_skipped(const struct ledger_write *w);
