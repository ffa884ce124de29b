/* ledger_replay.h -- what did earlier processes leave in the spools, and in which state are the
 * requests they had in flight?
 */
#pragma once

#include "base/macro.h"
#include "io/db.h"
#include "ledger_write.h"
#include "spool.h"

#include <stddef.h>
#include <stdint.h>

struct ledger_replay {
    const char *dir; /* made if absent */
    struct db *db;
    struct ledger_write *write;
    /* filled: one for each of `n_spools` workers, then `n_others` that are only to be emptied;
     * there is room for LEDGER_REPLAY_MAX_SPOOLS */
    struct spool **spools;
    unsigned n_spools;
    uint32_t n_slots;

    /* filled */
    uint64_t rows;      /* written from the spools */
    uint64_t lost;      /* records a power cut tore */
    uint64_t unsettled; /* requests that are `unknown` from now on */
    int64_t last_id;    /* the greatest in the books and the spools */
    unsigned n_others;
    /* The books cannot be written now (disk full, locked, failing): what was found stays in the
     * spools, and what is pending up to last_id is still to be marked. */
    bool is_behind;
};

#define LEDGER_REPLAY_MAX_SPOOLS 256

/* Commits every record found, also those of workers that no longer exist (their files go), then
 * marks what is still pending. > 0: `reterr` says why not; -errno. */
MUST_USE int ledger_replay(struct ledger_replay *p, char *reterr, size_t reterr_size);
