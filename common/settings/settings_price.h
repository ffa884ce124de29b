/* settings_price.h -- what does a configured price say? A row of prices.overrides or of a price
 * file.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Nano-dollars per million tokens; MONEY_UNKNOWN when not given. */
struct settings_price_tier { /* of a request whose prompt has more tokens than `above` */
    uint64_t above;
    int64_t input, output, cache_read, cache_write, reasoning;
};

struct settings_price {
    const char *provider, *model;
    int64_t input, output, cache_read, cache_write, reasoning;
    struct settings_price_tier *tiers;
    size_t n_tiers;
    const char *source, *date; /* NULL: not said */
};
