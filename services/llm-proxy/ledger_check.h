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

struct ledger_check_config {
    const char *path;
    _Atomic bool *is_damaged; /* set, and said in the log, if the file is */
    /* What is wrong, if anything is; on the check's thread. May be NULL. */
    void (*on_wrong)(void *arg, const char *what);
    void *arg;
};

/* Begins to read the whole file. Then adds up the rows: where they differ from usage_days, the log
 * has it. -errno. */
MUST_USE int ledger_check_start(const struct ledger_check_config *config,
                                struct ledger_check **ret);
void ledger_check_stop(struct ledger_check **c); /* at once, whatever is left to read */
