/* control.h -- what may be asked of health-worker over the bus? Verb, object, answer as JSON text.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>

struct control_request {
    struct str verb;   /* check; later start, stop, drain, restart, pull */
    struct str object; /* provider or worker; empty: all */
};

MUST_USE enum buf_result control_encode(const struct control_request *r, struct buf *out);
MUST_USE bool control_decode(struct arena *a, struct str json, struct control_request *ret);
