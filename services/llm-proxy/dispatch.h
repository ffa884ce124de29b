/* dispatch.h -- which target takes this request, when, and what if it fails?
 *
 * Acts on what router.h and retry.h decide: takes a place or a place in line, backs off, moves on
 * to the next target or the next model of the chain.
 */
#pragma once

#include <stdbool.h>

struct attempt_end;
struct exchange;

/* From EXCHANGE_ROUTING: the best target left, or the refusal when there is none. */
void dispatch_next(struct exchange *x);

/* From EXCHANGE_FITTING: the request has changed since the last target refused it: the same again,
 * or whoever is next. */
void dispatch_same(struct exchange *x);

/* The conversation cannot be made to fit the model in turn: on to one with a larger window. False
 * when there is none. */
bool dispatch_larger(struct exchange *x);

/* The repeat that is under way, if one is, no longer counts against the provider's budget. */
void dispatch_end_repeat(struct exchange *x);

/* An attempt failed; its connection is closed and its place given back. */
void dispatch_after_failure(struct exchange *x, const struct attempt_end *end);
