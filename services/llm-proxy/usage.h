/* usage.h -- who spent what, when and where? Sums over the ledger, as JSON.
 *
 * A thread of its own with a read-only connection: neither the writer nor any loop waits for it.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>

#define USAGE_BY_KEY      1u
#define USAGE_BY_MODEL    2u
#define USAGE_BY_PROVIDER 4u
#define USAGE_BY_DAY      8u

enum usage_result {
    USAGE_OK = 0,
    USAGE_BUSY,        /* too many questions at once, or the database is locked */
    USAGE_TOO_LARGE,   /* the answer would be over 8 MiB: ask for less */
    USAGE_UNAVAILABLE, /* the database cannot be read */
};

/* Owned by the caller until `done` runs on `loop`. */
struct usage_query {
    unsigned by;  /* USAGE_BY_…; columns not asked for are null in every row */
    usec_t since; /* wall clock; 0: everything */
    struct loop *loop;
    void (*done)(struct usage_query *q);
    void *arg;

    enum usage_result result;
    /* USAGE_OK: [{"key","key_name","model","provider","day","requests","attempts","tokens_in",
     * "tokens_out","tokens_cached","tokens_reasoning","cost_usd","unpriced"}], of requests that are
     * over; release with buf_done() in any case. */
    struct buf json;

    struct usage_query *next; /* usage's own from here on */
    struct loop_task reply;
};

struct usage;

/* "key,model,provider,day" in any order and number; empty reads as all four. False: another word.
 */
MUST_USE bool usage_parse_by(struct str text, unsigned *ret_by);

MUST_USE int usage_start(const char *state_dir, struct usage **ret); /* -errno */
void usage_stop(struct usage **u); /* what waits is answered USAGE_BUSY */

/* USAGE_BUSY at once (and `done` never runs) when eight are waiting. */
MUST_USE enum usage_result usage_submit(struct usage *u, struct usage_query *q);
