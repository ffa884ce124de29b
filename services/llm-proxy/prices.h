/* prices.h -- what does a million tokens cost at this provider? An immutable table.
 *
 * An override in the configuration beats a row of the price file, and in each of them a row that
 * names the provider beats one for "*". A price nobody gave is unknown, never 0.
 */
#pragma once

#include "base/macro.h"
#include "base/money.h"
#include "base/str.h"
#include "settings/settings.h"

#include <stddef.h>
#include <stdint.h>

struct prices_price { /* nano-dollars per million tokens; MONEY_UNKNOWN when not given */
    int64_t input, output, cache_read, cache_write;
};

/* Zero what does not apply. */
struct prices_tokens {
    int64_t input; /* all of the prompt, cached tokens included */
    int64_t output;
    int64_t cache_read, cache_write; /* parts of the input billed at their own price */
};

struct prices;

/* Reads settings.prices.file when it exists. > 0: the file is wrong ("file:line:column: what");
 * < 0: -errno. `reterr` says which. The settings need not outlive it. */
MUST_USE int prices_new(const struct settings *s, struct prices **ret, char *reterr,
                        size_t reterr_size);
void prices_free(struct prices **p);

/* NULL: unknown. */
const struct prices_price *prices_find(const struct prices *p, struct str provider,
                                       struct str model);
size_t prices_count(const struct prices *p);

/* Nano-dollars; MONEY_UNKNOWN if `price` is NULL or lacks a part that is needed. Cached tokens
 * without a price of their own cost as much as others. A negative count makes it unknown. */
int64_t prices_cost(const struct prices_price *price, const struct prices_tokens *t);
