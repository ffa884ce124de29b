/* ledger.h -- who writes the books, and is it keeping up?
 *
 * One thread is the only writer of ledger.db: it drains every worker's spool, commits in groups
 * (synchronous=FULL, at most 10 ms after a record appeared) and runs what others submit. When the
 * disk is full, locked or failing it keeps trying and the spools keep filling; nothing is lost
 * until they are full, and it recovers by itself.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/metrics.h"
#include "io/db.h"
#include "io/loop.h"
#include "spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_MAX_SPOOLS 256
#define LEDGER_GRACE      USEC_PER_SEC /* a commit may take so long before new work is refused */

/* Series of one shard that only the ledger thread writes; NULL: not counted. */
struct ledger_metrics {
    struct metrics_series *rows, *spool_records, *commit_seconds, *unsettled;
};

struct ledger_config {
    const char *state_dir; /* ledger.db and spool/ are made in it */
    unsigned n_spools;     /* one per worker thread */
    uint32_t spool_slots;  /* 0: 16384, which is 8 MiB each */
    struct ledger_metrics metrics;
    /* The rows are damaged, or do not add up; on a thread of the ledger's. May be NULL. */
    void (*on_wrong)(void *arg, const char *what);
    void *arg;
};

/* Work for the ledger thread, owned by the caller and untouchable until `done` has run. */
struct ledger_task {
    void (*run)(struct ledger_task *t, struct db *db); /* on the ledger thread */
    void (*done)(struct ledger_task *t);               /* on `loop`, afterwards */
    struct loop *loop;
    struct ledger_task *next;
    struct loop_task reply;
};

struct ledger;

/* Opens and migrates ledger.db, checks what the service stands on, replays every spool found (also
 * of workers that no longer exist) and marks what was never settled as unknown. Any doubt about the
 * books (damaged file, a later version's, another process has it) is > 0, a system error -errno;
 * `reterr` is the one line for the operator. */
MUST_USE int ledger_open(const struct ledger_config *c, struct ledger **ret, char *reterr,
                         size_t reterr_size);
/* Before ledger_start() only: for what must be read before anyone is served. */
struct db *ledger_db(struct ledger *l);
/* The thread, and one that reads all the rows once: if they are damaged, nothing more is committed
 * and the ledger is not available for good. -errno. */
MUST_USE int ledger_start(struct ledger *l);

/* Commits what the spools hold, runs what was submitted, ends the thread. What cannot be committed
 * within two seconds stays in the spools for the next start. The spools go with it. */
void ledger_stop(struct ledger **l);

struct spool *ledger_spool(struct ledger *l, unsigned worker);

/* False once a commit has been failing or hanging for LEDGER_GRACE, or the books are damaged. Any
 * thread; lock-free. */
bool ledger_is_available(const struct ledger *l, usec_t now);

/* Any thread, after ledger_start(). A task finds the database between transactions. */
void ledger_submit(struct ledger *l, struct ledger_task *t);
