/* ledger_write.h -- how do records become rows, once each?
 *
 * A batch is one transaction: rows and the position in each spool are committed together, so a
 * crash anywhere neither loses nor doubles a record. Nearly all requests are settled within
 * moments, so an intent and an attempt wait some batches for that, in their spool, and then cost no
 * rows of their own. Not a thread: used by the ledger's.
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

/* How many batches a request may wait for its settlement; at first none. */
void ledger_write_set_patience(struct ledger_write *w, unsigned batches);
/* Some do: a batch is due although there is no news. */
bool ledger_write_is_waiting(const struct ledger_write *w);

/* Records read that were none of ours; they are skipped. */
uint64_t ledger_write_skipped(const struct ledger_write *w);
