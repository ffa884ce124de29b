/* price_import_row.h -- one row of a price file in the making.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define PRICE_IMPORT_MAX_TIERS 4

enum price_import_figure {
    PRICE_INPUT,
    PRICE_OUTPUT,
    PRICE_CACHE_READ,
    PRICE_CACHE_WRITE,
    PRICE_REASONING,
    PRICE_N_FIGURES
};

struct price_import_prices { /* nano-dollars per million tokens; MONEY_UNKNOWN: not said */
    int64_t figures[PRICE_N_FIGURES];
};

struct price_import_row {
    struct str provider, model, source, date;
    struct price_import_prices base;
    struct {
        int64_t above;
        struct price_import_prices prices;
    } tiers[PRICE_IMPORT_MAX_TIERS]; /* in any order */
    unsigned n_tiers;
};

/* Nothing said. */
void price_import_row_init(struct price_import_row *r);

/* The decimal as spelled, "1.5e-07", times 10^scale, to an integer (half up). False: not a number
 * from 0 to what a price file can hold. */
MUST_USE bool price_import_row_number(struct str text, int scale, int64_t *ret);

/* The tier above so many tokens; NULL when there are too many. */
struct price_import_prices *price_import_row_tier(struct price_import_row *r, int64_t above);

/* NULL, or why a price file cannot hold it. */
const char *price_import_row_problem(const struct price_import_row *r);
MUST_USE enum buf_result price_import_row_write(struct price_import_row *r, struct buf *out);
