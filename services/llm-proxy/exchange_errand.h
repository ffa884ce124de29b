/* exchange_errand.h -- how does an exchange have work done on the whole of a large request or
 * answer?
 *
 * Elsewhere, on what the loop leaves alone meanwhile: the arena, and what is found by reading,
 * counting or translating. The work may not look at the client, who may leave at any time.
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"
#include "errand.h"

#include <stdbool.h>

struct exchange;

typedef void (*exchange_errand_fn)(struct exchange *x);

struct exchange_errand {
    struct errand errand;
    struct buf body;           /* taken from the client's request, which it may outlive */
    exchange_errand_fn then;   /* when it is over; unless */
    exchange_errand_fn ending; /* the exchange was to end meanwhile: this */
};

struct exchange_errand_steps {
    loop_fn work; /* of an exchange */
    exchange_errand_fn then;
    bool is_brief; /* as of an errand */
};

void exchange_errand_start(struct exchange *x, const struct exchange_errand_steps *steps);

/* True: what it is at work on cannot be touched yet, and `ending` follows when it is over. */
MUST_USE bool exchange_errand_delays(struct exchange *x, exchange_errand_fn ending);
