/* passthrough.h -- how does a request that is no chat go through, and its answer come back?
 *
 * POST /v1/images/…, /v1/audio/…, /v1/moderations, /v1/rerank: JSON or a form, in which only the
 * model's name is replaced. An answer in JSON is read whole, for its usage; any other (sound, text,
 * events) goes to the client as it comes, at the client's pace, with nothing held here.
 */
#pragma once

#include "base/str.h"
#include "chat_request.h"
#include "inbound.h"
#include "io/fetch.h"

#include <stdbool.h>

struct exchange;

/* The body, as chat_request_parse() does it, and where on the provider it goes. */
MUST_USE enum chat_request_result passthrough_parse(struct exchange *x,
                                                    struct inbound_fault *reterr);

/* Is this answer, whose head has come, to be relayed as it comes? */
bool passthrough_is_relayed(const struct exchange *x, const struct fetch *f);

void passthrough_relay(struct exchange *x, struct fetch *f, struct str bytes);
/* The answer is whole. */
void passthrough_end(struct exchange *x, struct fetch *f);
/* It is not: the connection is cut, with an error event where there is place for one. */
void passthrough_fail(struct exchange *x, struct str error_json);
