/* money.h -- exact amounts: a price is nano-dollars per million tokens, an amount nano-dollars. */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MONEY_NANO_PER_USD INT64_C(1000000000)
#define MONEY_UNKNOWN      INT64_MIN /* no price: NULL in the ledger, never 0 */

/* "1.25" to nano-dollars. At most 9 decimals and 9 digits before them; no sign, no exponent. */
MUST_USE bool money_parse(struct str text, int64_t *ret_nano);

/* What several counts of tokens cost: the exact sum, rounded once to the nearest nano-dollar (half
 * up), at most INT64_MAX. What nobody used (0 tokens) costs nothing whatever its price; else an
 * unknown price, or a negative count, gives MONEY_UNKNOWN. At most 8 parts. */
struct money_part {
    int64_t tokens, nano_per_million;
};
int64_t money_cost(const struct money_part *parts, size_t n);

/* Sum that saturates; unknown plus anything is unknown. */
int64_t money_add(int64_t a, int64_t b);

/* Exact decimal dollars, "0.001234000"; needs 32 bytes. Unknown gives "". */
void money_format(int64_t nano, char *ret_text);
/* "0.001234": without zeros at the end. */
void money_format_short(int64_t nano, char *ret_text);
