/* estimators.h -- what has been learnt of the tokenizers that nobody published?
 *
 * A fit a model, by the name its provider has for it; kept in estimators.db. Thread-safe.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "proto/learning.h"
#include "tokens/counter.h"

struct estimators;

/* What `state_dir` keeps; without a file that can be read nothing has been learnt. */
struct estimators *estimators_new(const char *state_dir);
void estimators_free(struct estimators **e);

/* Learns from what was billed and tells in *ret what is known of that model now, for the proxy;
 * false: it was no sample. *ret_error is the relative error, smoothed. */
MUST_USE bool estimators_learn(struct estimators *e, const struct learning *billed,
                               struct learning *ret, double *ret_error);

/* False: nothing is known, or not enough. */
bool estimators_find(struct estimators *e, struct str model, struct counter_weights *ret);

/* Writes what is new. Blocking: on a thread that may wait. */
void estimators_save(struct estimators *e);
bool estimators_are_new(struct estimators *e);
