/* translation.h -- what goes to this target: the caller's own bytes, or its chat in other words?
 */
#pragma once

#include "base/macro.h"
#include "dialect.h"
#include "snapshot.h"

struct exchange;

bool translation_is_due(const struct exchange *x, const struct snapshot_provider *p);

/* Fill x->call for `model` at `p`. DIALECT_CANNOT leaves in the exchange which field is to blame:
 * this target is none for the request. */
MUST_USE enum dialect_result
translation_prepare(struct exchange *x, const struct snapshot_provider *p, const char *model);

/* Fill x->full with the chat as it is to go out. DIALECT_CANNOT as above. */
MUST_USE enum dialect_result translation_read_chat(struct exchange *x);
