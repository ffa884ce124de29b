/* utf8.h -- is this text well-formed UTF-8 (RFC 3629: no overlong form, surrogate, or > U+10FFFF)?
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_valid(const char *text, size_t len);

/* Bytes before the first ill-formed character; `len` when there is none. */
size_t utf8_valid_length(const char *text, size_t len);

/* Bytes in the well-formed character at the start; 0 when there is none. */
size_t utf8_step(const char *text, size_t len);

/* Length of the longest prefix that ends on a character boundary: for cutting a preview.
 * Ill-formed text is cut at `max_bytes` or up to three bytes before. */
size_t utf8_prefix(const char *text, size_t len, size_t max_bytes);
