/* prices.h -- what does a million tokens cost at this provider? An immutable table.
 *
 * An override in the configuration beats a row of the price file, and in each of them a row that
 * names the provider beats one for "*". A provider the file has no row for goes by its host: one
 * called `house` at api.openai.com pays what `openai` pays. A model listed without the date at its
 * end stands for all its dates. A price nobody gave is unknown, never 0.
 */
#pragma once

#include "base/macro.h"
#include "base/money.h"
#include "base/str.h"
#include "settings/settings.h"

#include <stddef.h>
#include <stdint.h>

struct prices_price { /* nano-dollars per million tokens; MONEY_UNKNOWN when not given */
    int64_t input, output, cache_read, cache_write, reasoning;
    const struct settings_price_tier *tiers; /* in order; of a longer prompt */
    size_t n_tiers;
};

/* Zero what does not apply. */
struct prices_tokens {
    int64_t input; /* all of the prompt, cached tokens included */
    int64_t output;
    int64_t cache_read, cache_write; /* parts of the input billed at their own price */
    int64_t reasoning;               /* part of the output, billed apart where it has a price */
};

struct prices;

/* Reads settings.prices.file when it exists. > 0: the file is wrong ("file:line:column: what");
 * < 0: -errno. `reterr` says which. The settings must outlive it. */
MUST_USE int prices_new(const struct settings *s, struct prices **ret, char *reterr,
                        size_t reterr_size);
void prices_free(struct prices **p);

/* NULL: unknown. */
const struct prices_price *prices_find(const struct prices *p, struct str provider,
                                       struct str model);
size_t prices_count(const struct prices *p);
/* In the order of the configuration, then of the file; `ret_is_override` may be NULL. */
const struct settings_price *prices_at(const struct prices *p, size_t i, bool *ret_is_override);

/* Nano-dollars, exact and rounded once; MONEY_UNKNOWN if `price` is NULL or lacks a part that is
 * needed. Cached tokens without a price of their own cost as much as others, reasoning as much as
 * other output. A count that cannot be makes it unknown. */
int64_t prices_cost(const struct prices_price *price, const struct prices_tokens *t);
