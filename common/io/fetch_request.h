/* fetch_request.h -- may this request go out as it is, and which of its fields are not its own? */
#pragma once

#include "io/fetch.h"

#include <stdbool.h>

/* No control character, space in the path, or malformed field name: nothing a caller forwards can
 * start a second request. */
bool fetch_request_is_sound(const struct fetch_request *r);

/* Host, the framing and the connection are the client's to state: such a field is left out. */
bool fetch_request_is_own_field(struct str name);

uint64_t fetch_request_body_bytes(const struct fetch_request *r);
bool fetch_request_has_field(const struct fetch_request *r, const char *name);
