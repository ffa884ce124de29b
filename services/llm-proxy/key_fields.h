/* key_fields.h -- which limits does a JSON object give a key or a team? One row a field.
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/macro.h"
#include "keystore.h"
#include "snapshot.h"

/* Fills `ret` and notes in ret->fields what was there; null sets a field back to nothing. Texts and
 * lists live in `a`. NULL, or a sentence about what is wrong, and in ret->field with which of them.
 * An empty body gives nothing. */
MUST_USE const char *key_fields_read(struct arena *a, const struct snapshot *s, struct str body,
                                     usec_t wall, struct keystore_request *ret);
