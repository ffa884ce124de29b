/* history.h -- what became of the providers lately, and what was known when we stopped?
 *
 * The latest probes and changes of each provider are in memory, and on disk as many as retention
 * leaves; what is written goes there in batches, through health_store. A state outlives a restart.
 */
#pragma once

#include "base/json_write.h"
#include "health_store.h"
#include "proto/health.h"
#include "verdict.h"

#include <stdbool.h>

#define HISTORY_SHOWN       20    /* of each kind and provider, in memory */
#define HISTORY_MAX_PROBES  50000 /* of all providers, on disk */
#define HISTORY_MAX_CHANGES 10000 /* likewise */
#define HISTORY_MAX_PENDING 4096  /* rows of a batch; more are lost, and the log says so */
#define HISTORY_DELAY       (5 * USEC_PER_SEC)   /* a change of state is written at once */
#define HISTORY_FRESH_MS    (300 * 1000)         /* an older state is not believed at start */
#define HISTORY_KEPT_MS     (7 * 86400 * 1000LL) /* rows are not older than that */

struct history_probe {
    uint64_t at_ms;
    enum verdict_result result;
    int status; /* HTTP; 0: none */
    usec_t duration;
};

struct history_change {
    uint64_t at_ms;
    enum health_state before, state;
    char reason[16];
};

/* Of one provider; oldest first, then round and round. */
struct history_recent {
    struct history_probe probe[HISTORY_SHOWN];
    struct history_change change[HISTORY_SHOWN];
    uint64_t n_probes, n_changes; /* ever; the latest is at (n - 1) % HISTORY_SHOWN */
};

struct history_state {
    enum health_state state;
    enum verdict_result reason;
    uint32_t failures, models;
    uint64_t since_ms, last_success_ms;
    uint64_t at_ms; /* of the last probe */
};

struct history;

struct history *history_new(struct health_store *store, struct loop *l);
void history_free(struct history **h); /* writes what is pending; before the store's end */

/* Before anything is written: what is on disk; later there is nothing to be had. True when
 * *ret_state is to be believed. */
bool history_load(struct history *h, const char *provider, uint64_t now_ms,
                  struct history_state *ret_state, struct history_recent *ret_recent);

void history_add_probe(struct history *h, const char *provider, const struct history_probe *p,
                       struct history_recent *to);
void history_add_change(struct history *h, const char *provider, const struct history_change *c,
                        struct history_recent *to);
void history_set_state(struct history *h, const char *provider, const struct history_state *s);

/* Members "changes" and "probes" of an object already begun, latest first. */
void history_write(const struct history_recent *r, struct json_write *w);
