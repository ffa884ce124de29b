/* lookup.h -- has this question been answered before, or is it being answered at this moment?
 *
 * Between admission and the books: what is found is given at once; what is not is asked of a
 * provider by one of those who want to know, and kept when the answer is whole.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "cache.h"
#include "cache_key.h"
#include "cache_policy.h"

#include <stdbool.h>

struct exchange;

enum lookup_source { LOOKUP_BYPASS, LOOKUP_MISS, LOOKUP_L1, LOOKUP_L2 };

struct lookup {
    enum lookup_source source;
    struct cache_policy policy;
    struct cache_key_parts parts; /* of the key, when the policy allows anything */
    struct cache_key key;
    bool has_key;
    struct cache_flight_seat *seat; /* NULL: alone */
    struct cache_question *question;
    struct cache_answer *answer; /* found; a reference */
    struct str rest;             /* of a stream that is being given again */
    struct buf recording;        /* of a stream that goes to the client */
    bool is_lost;                /* it grew too large */
};

void lookup_init(struct lookup *l);
void lookup_done(struct lookup *l);

/* Goes on with exchange_give() or exchange_dispatch(), now or later. */
void lookup_start(struct exchange *x);
/* The request is over, one way or another: the next one who waits for its answer leads. */
void lookup_stop(struct exchange *x);

/* Bytes of a stream that went to the client. */
void lookup_record(struct exchange *x, struct str bytes);
/* The answer is whole, and the client has it: kept if it may be, and given to those who wait. */
void lookup_keep(struct exchange *x, struct str body);
/* What came of it is nothing to share: those who wait ask for themselves. */
void lookup_share_nothing(struct exchange *x);

const char *lookup_source_text(enum lookup_source source); /* bypass, miss, l1, l2 */
