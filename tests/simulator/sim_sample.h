/* sim_sample.h -- what is the plainest JSON value that satisfies this schema?
 *
 * Arguments of tool calls and structured output are made of it. Every string holds a quote and a
 * letter that is no ASCII, so that whoever cuts or re-encodes it badly is caught.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"

/* The schema may be NULL: an empty object. */
void sim_sample_write(const struct json_value *schema, struct buf *out);
