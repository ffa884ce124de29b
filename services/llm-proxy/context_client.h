/* context_client.h -- what does context-service make of this conversation, in bounded time?
 *
 * One a worker thread. A late answer is dropped by its correlation id; after five failures in a
 * row the service is left alone for a second, so that one that hangs costs next to nothing. An
 * absent one costs nothing anyway: sending to it fails at once.
 */
#pragma once

#include "base/breaker.h"
#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"
#include "io/bus.h"
#include "io/loop.h"
#include "proto/context.h"

#include <stdint.h>

enum context_client_result {
    CONTEXT_CLIENT_OK = 0,
    CONTEXT_CLIENT_UNAVAILABLE, /* absent, full, or lately failing */
    CONTEXT_CLIENT_LATE,        /* no answer within the deadline */
};

struct context_client;

/* `reply` and `messages` (the condensed array, empty when unchanged) are borrowed for the call and
 * NULL / empty unless the result is OK. */
typedef void (*context_client_fn)(void *arg, enum context_client_result result,
                                  const struct context_reply *reply, struct str messages);

MUST_USE int context_client_new(struct bus *b, struct loop *l, const char *endpoint,
                                struct context_client **ret);
void context_client_free(struct context_client **c);

/* Ask to condense. Returns the call's id, or 0 when it could not even be sent (then `fn` is not
 * called). Otherwise `fn` is called exactly once, unless cancelled. */
MUST_USE uint64_t context_client_condense(struct context_client *c,
                                          const struct context_request *request,
                                          struct str messages, context_client_fn fn, void *arg);
/* Likewise for an omitted block, which is what `fn` gets as `messages`. */
MUST_USE uint64_t context_client_retrieve(struct context_client *c,
                                          const struct context_request *request,
                                          context_client_fn fn, void *arg);
void context_client_cancel(struct context_client *c, uint64_t id);

/* What it has learnt of a tokenizer, unasked: a MESSAGE_WEIGHTS. */
typedef void (*context_client_weights_fn)(void *arg, struct str body);
void context_client_set_weights_fn(struct context_client *c, context_client_weights_fn fn,
                                   void *arg);
/* A MESSAGE_BILLED, to which no answer is awaited. */
void context_client_tell_billed(struct context_client *c, struct str body);

struct bus_stats context_client_stats(const struct context_client *c);
