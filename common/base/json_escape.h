/* json_escape.h -- where does a quoted string end, and what does it say?
 *
 * Sixteen bytes at a time through what needs no decoding. The text is known to be UTF-8.
 */
#pragma once

#include "base/json.h"

/* `at` is the offset behind the opening quote; *ret is that of the closing one. On failure
 * *reterr_offset is the first byte at fault. */
MUST_USE enum json_result json_escape_find_end(struct str text, size_t at, size_t *ret,
                                               size_t *reterr_offset);

/* Decode what stands between the quotes of a string that json_escape_find_end() went through.
 * `ret` has room for inner.len bytes; returns how many it took. */
size_t json_escape_decode(struct str inner, char *ret);
