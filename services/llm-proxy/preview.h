/* preview.h -- where would this chat request go, and why?
 *
 * The decision that an exchange would take now, by the same functions, without dispatching it:
 * POST /v1/route for callers, /admin/route for operators.
 */
#pragma once

#include "base/buf.h"
#include "keyring.h"
#include "snapshot.h"

#include <stdint.h>

struct preview {
    const struct snapshot *snapshot;
    const struct keyring_key *key; /* NULL: any model may be asked about */
    struct str body;
    struct str session; /* x-llm-session; empty: none */
    usec_t now;
    uint64_t random; /* as the router's */
};

/* The answer's JSON, the decision or a refusal; returns its HTTP status. */
int preview_write(const struct preview *p, struct buf *out);
