/* failure.h -- an attempt ended: who is to blame, and what follows for later ones?
 *
 * Everything an attempt can end with becomes one verdict, which the breakers (standing.h) and the
 * decision on another try (retry.h) read alike. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "proto/outcome.h"
#include "retry_after.h"
#include "settings/catalogue.h"

#include <stdbool.h>

enum failure_blame {
    FAILURE_NONE,          /* it answered */
    FAILURE_OF_NOBODY,     /* cancelled, or nothing can be learned from it */
    FAILURE_OF_REQUEST,    /* the caller's: the provider's words are the answer */
    FAILURE_OF_WINDOW,     /* too long for this model; one with a larger window may take it */
    FAILURE_OF_CREDENTIAL, /* ours is not valid, or nobody pays for it */
    FAILURE_OF_PERMISSION, /* ours may not use this model */
    FAILURE_OF_RATE,       /* too many requests or tokens */
    FAILURE_OF_TARGET,     /* the model failed to answer */
    FAILURE_OF_CONNECTION, /* the provider could not be reached */
};

struct failure {
    enum outcome_kind kind;
    int status; /* of the provider's answer; 0: none */
    enum failure_blame blame;
    bool is_silent; /* it cost a whole deadline: nobody should wait for it twice */
    bool has_rest;
    usec_t rest; /* as it asked */
};

struct failure_answer {
    enum outcome_kind kind;
    int status;
    bool is_silent;
    enum settings_dialect dialect;
    struct str body;
    struct retry_after headers;
};

/* `a` is scratch. */
struct failure failure_read(const struct failure_answer *answer, struct arena *a, usec_t wall_now);
