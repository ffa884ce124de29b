/* ledger_totals.h -- what has each key spent since a moment? Read from the hourly sums.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"
#include "io/db.h"

#include <stdint.h>

struct ledger_totals {
    struct str key_id;      /* borrowed for the call; "" : requests without a key */
    int64_t requests;       /* that are over */
    int64_t tokens;         /* in and out */
    int64_t cost_nano;      /* of what has a price */
    int64_t unsettled_nano; /* reserved by requests that ended with their process: at most this */
};

typedef void (*ledger_totals_fn)(void *arg, const struct ledger_totals *t);

/* At least once for each key that has made a request since `since` (wall clock, exact; 0: ever), to
 * be added up: what is spooled and not committed yet comes apart (see ledger_adopt.h). For the
 * thread that owns `db`: before ledger_start(), or in a ledger_task. */
MUST_USE enum db_result ledger_totals_read(struct db *db, usec_t since, ledger_totals_fn fn,
                                           void *arg);

/* The SQL of a table `part` with the columns of `usage_hours` and `day`, of all requests since ?1:
 * whole days, then the hours of the first day, then the rows of the first hour. */
extern const char ledger_totals_parts[];
void ledger_totals_bind(struct db_statement *s, usec_t since);
