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
    struct spool **spools; /* filled: one of `n_slots` for each of `n_spools` workers */
    unsigned n_spools;
    uint32_t n_slots;

    /* filled */
    uint64_t rows;      /* written from the spools */
    uint64_t lost;      /* records a power cut tore */
    uint64_t unsettled; /* requests that are `unknown` from now on */
    int64_t last_id;    /* the greatest in the books */
};

/* Commits every record found, also those of workers that no longer exist (their files go), then
 * marks what is still pending. > 0: `reterr` says why not; -errno. */
MUST_USE int ledger_replay(struct ledger_replay *p, char *reterr, size_t reterr_size);
