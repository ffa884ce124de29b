/* paid_probe.h -- does this provider answer a real request? Opt-in, as it costs money.
 *
 * One token of an answer now and then, asked of llm-proxy with a key of the probes' own: that key's
 * budget is theirs, and the books have a row for each. A refusal of llm-proxy itself (budget, key,
 * provider down) says nothing about the provider.
 */
#pragma once

#include "io/fetch.h"
#include "io/loop.h"
#include "settings/settings.h"
#include "verdict.h"

#include <stdbool.h>

struct paid_probe;

struct paid_probe_answer {
    bool was_made;              /* else the provider was not asked */
    enum verdict_result result; /* if it was */
    char why[64];               /* if not: the proxy's code */
};

typedef void (*paid_probe_fn)(void *arg, const struct paid_probe_answer *a);

/* NULL when none is configured. Settings are borrowed for good; `fn` is called after each try. */
struct paid_probe *paid_probe_new(struct fetch_pool *fetches, struct loop *l,
                                  const struct settings *s, const struct settings_provider *p);
void paid_probe_start(struct paid_probe *p, paid_probe_fn fn, void *arg);
void paid_probe_free(struct paid_probe **p); /* NULL inside is fine */
