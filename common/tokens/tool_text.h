/* tool_text.h -- in which words is a model told of its tools?
 *
 * OpenAI's models see definitions of functions as a namespace of TypeScript types, which their
 * developers found out by what is billed; it is what is counted.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/macro.h"

/* `tools` is an array of functions, of {"type": "function", "function": …} or of Anthropic's tools.
 * *ret_is_plain: all of it has a known form. Strings are decoded into `a`. */
MUST_USE enum buf_result tool_text_write(const struct json_value *tools, struct arena *a,
                                         struct buf *out, bool *ret_is_plain);
