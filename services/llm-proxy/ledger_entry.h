/* ledger_entry.h -- what is written down of one request, and when?
 *
 * A worker opens an entry before it dispatches anything (the intent), adds an attempt whenever one
 * ends, and settles exactly once. Each is a record in the worker's own spool: no system call, no
 * lock. An entry that is opened and never settled becomes `unknown` at the next start. Texts are
 * cut to the sizes below, at a whole character.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/money.h"
#include "base/str.h"
#include "spool.h"

#include <stdbool.h>
#include <stdint.h>

#define LEDGER_ENTRY_NO_COUNT INT64_C(-1) /* a number nobody told: NULL, not 0 */

enum ledger_entry_status {
    LEDGER_PENDING, /* dispatched, not settled yet */
    LEDGER_SUCCESS,
    LEDGER_ERROR,
    LEDGER_CANCELLED,
    LEDGER_TRUNCATED,
    LEDGER_REFUSED,
    LEDGER_UNKNOWN, /* its process died before it was settled */
};

enum ledger_entry_source { LEDGER_SOURCE_NONE, LEDGER_SOURCE_UPSTREAM, LEDGER_SOURCE_LOCAL };

/* Owned and filled by the exchange as it learns; the texts are borrowed. */
struct ledger_entry {
    int64_t id;            /* set by ledger_entry_open() or _settle(): unique, in order of time */
    struct str request_id; /* 64 bytes; may be the client's word, so it need not be unique */
    struct str key_id;     /* 16; empty without a key */
    struct str api;        /* 24: chat.completions, messages, embeddings … */
    struct str model;      /* 80: the configured name */
    struct str provider;   /* 48: of the last attempt */
    struct str backend;    /* 8: cloud, local */
    struct str error;      /* 32: the code the client got */
    struct str cache;      /* 8: l1, l2, l3, miss, bypass */
    struct str complexity; /* 8 */
    struct str tags;       /* 88: comma list */
    usec_t started_at;     /* wall clock */
    usec_t duration;
    usec_t ttft; /* USEC_INFINITY: no token was seen */
    int64_t tokens_in, tokens_out, tokens_cached, tokens_reasoning;
    int64_t cost_nano, reserved_nano; /* MONEY_UNKNOWN: NULL */
    uint16_t http_status;
    uint16_t attempts;
    enum ledger_entry_status status;
    enum ledger_entry_source usage_source;
    bool is_stream;
    uint8_t promised; /* slots set aside; ledger_entry's own */
};

struct ledger_attempt {
    uint16_t number;     /* from 1 */
    struct str provider; /* 48 bytes */
    struct str model;    /* 160: as the provider calls it */
    struct str outcome;  /* 16: ok, connect, timeout, http_5xx … */
    usec_t started_at;   /* wall clock */
    usec_t duration, ttft;
    int64_t tokens_in, tokens_out, tokens_cached;
    int64_t cost_nano;
    uint16_t http_status; /* 0: no answer */
};

/* All empty, all unknown. */
void ledger_entry_init(struct ledger_entry *e);
void ledger_entry_init_attempt(struct ledger_attempt *a);

/* Before the first dispatch. Room for one attempt and the settlement is set aside with it, so
 * neither can fail later. SPOOL_FULL: nothing was written, do not dispatch. */
MUST_USE enum spool_result ledger_entry_open(struct ledger_entry *e, struct spool *s);

/* Before each further dispatch: room for one more attempt. SPOOL_FULL: do not try again. */
MUST_USE enum spool_result ledger_entry_extend(struct ledger_entry *e, struct spool *s);

/* An attempt ended. At most one per open and extend. */
void ledger_entry_add_attempt(struct ledger_entry *e, struct spool *s,
                              const struct ledger_attempt *a);

/* The request is over; e->status is not LEDGER_PENDING. `last` is an attempt that ended just now
 * and was not added, or NULL: nearly always one record holds both. Of an entry that was never
 * opened (refused, answered from the cache) this is the only record: only then SPOOL_FULL is
 * possible. */
MUST_USE enum spool_result ledger_entry_settle(struct ledger_entry *e, struct spool *s,
                                               const struct ledger_attempt *last);

/* The word in the status and usage_source columns; of the metrics' labels too. */
const char *ledger_entry_status_text(enum ledger_entry_status status);
const char *ledger_entry_source_text(enum ledger_entry_source source);
