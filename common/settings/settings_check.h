/* settings_check.h -- do the parts of the configuration agree with each other? */
#pragma once

#include "base/macro.h"
#include "settings/settings_read.h"

/* Looks across keys and resolves names; adds a provider for each worker's that nobody wrote.
 * 0, or 1 with the reader's `reterr` filled. */
MUST_USE int settings_check(struct settings *s, struct settings_reader *r);

/* Rows of the configuration or of a price file: none twice, and tiers in order. Likewise. */
MUST_USE int settings_check_prices(const struct settings_price *rows, size_t n,
                                   struct settings_reader *r);
