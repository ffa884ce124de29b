/* turn.h -- what goes to the model in this turn of a session: what was frozen with what is new
 * behind it, or the conversation condensed anew?
 *
 * Where epoch.h decides, condense.h condenses and context_store.h remembers, this puts them
 * together. Without a session a conversation is condensed for itself; what is left out is kept
 * either way.
 */
#pragma once

#include "condense.h"
#include "context_store.h"

struct turn_means {
    struct counter *counter;     /* NULL: tokens are estimated */
    struct context_store *store; /* NULL: nothing is remembered */
    usec_t now;                  /* wall clock */
    bool may_ask;                /* a model may be asked for a summary */
};

struct turn_request {
    struct str model;
    const struct json_value *messages;
    struct condense_options options;
    struct context_scope scope;
    bool is_stateful;             /* a turn of a session; an empty name: as the messages begin */
    double high_water, low_water; /* of the budget, in a session */
};

struct turn {
    enum condense_outcome outcome;
    struct condense_report report;
    struct str session; /* under which what was left out is kept */
    uint64_t epoch;     /* 0: of none */
    bool has_begun;     /* the epoch is new … */
    bool had_before;    /* … and not the first */
    bool is_stable;     /* it begins with the bytes of the turn before */
    bool wants_summary; /* nothing is decided yet: ask a model about report.fold, then again with
                           options.summary or without may_ask */
};

/* Everything in *ret lives in `a` or in what `r` points to. */
void turn_take(struct arena *a, const struct turn_means *means, const struct turn_request *r,
               struct turn *ret);
