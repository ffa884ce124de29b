/* decimal.h -- how does a number look in decimal? For what every request writes: printf takes ten
 * times as long.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_SIZE 21 /* of any of these texts, sign and NUL included */

/* All end the text with a NUL and return its length. The first two take up to DECIMAL_SIZE. */
size_t decimal_u64(uint64_t n, char *ret_text);
size_t decimal_i64(int64_t n, char *ret_text);
/* The last `digits` of `n`, zeros in front; takes digits + 1 bytes. */
size_t decimal_padded(uint64_t n, unsigned digits, char *ret_text);
