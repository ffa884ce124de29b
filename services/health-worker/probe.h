/* probe.h -- does this provider answer a question that costs nothing?
 *
 * GET on the dialect's list of models (or the configured path) with the provider's credential. Only
 * a parsed answer counts. What the list says of the server behind it comes along.
 */
#pragma once

#include "engine_read.h"
#include "inquiry.h"
#include "verdict.h"

#include <stdint.h>

struct probe;

struct probe_answer {
    enum verdict_result result;
    int status; /* HTTP; 0: none */
    usec_t duration;
    uint32_t models;                     /* listed; 0: none, or it does not say */
    const struct engine_reading *engine; /* what the list says; until the callback returns */
};

typedef void (*probe_fn)(void *arg, const struct probe_answer *answer);

/* `credential` may be NULL. `fn` is called exactly once, unless the probe is cancelled. The
 * provider's settings must outlive the probe. */
struct probe *probe_start(struct fetch_pool *fetches, struct loop *l,
                          const struct settings_provider *p, const char *credential, probe_fn fn,
                          void *arg);
void probe_cancel(struct probe **p);
