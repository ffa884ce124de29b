/* fetch_request.h -- may this request go out as it is, and which of its fields are not its own? */
#pragma once

#include "base/buf.h"
#include "io/fetch.h"
#include "io/fetch_url.h"

#include <stdbool.h>

/* No control character, space in the path, or malformed field name: nothing a caller forwards can
 * start a second request. */
bool fetch_request_is_sound(const struct fetch_request *r);

/* Host, the framing and the connection are the client's to state: such a field is left out. */
bool fetch_request_is_own_field(struct str name);

uint64_t fetch_request_body_bytes(const struct fetch_request *r);
bool fetch_request_has_field(const struct fetch_request *r, const char *name);

/* The head as HTTP/1.1 has it. The request is sound. */
void fetch_request_write_head(const struct fetch_request *r, const struct fetch_url *url,
                              struct buf *to);
