/* price_file.h -- what does a price file say? Rows of prices, and at which hosts whose prices hold.
 *
 *   providers: [{name: openai, hosts: [api.openai.com]}]
 *   prices: [{provider, model, input, output, cache_read, cache_write, reasoning, tiers, source,
 *             date}]
 *
 * Strict: an unknown key, a price that is no decimal, tiers out of order name their line.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "settings/settings.h"

#include <stddef.h>

struct price_file_provider {
    const char *name;
    const char **hosts; /* "api.openai.com"; those below a name count too */
    size_t n_hosts;
};

struct price_file {
    struct settings_price *rows;
    size_t n_rows;
    struct price_file_provider *providers;
    size_t n_providers;
    struct price_file_memory *memory; /* owns all of it */
};

/* > 0: wrong, `reterr` says "file:line:column: what"; < 0: -errno, and it says so too. The same
 * pair of provider and model twice is wrong as well. */
MUST_USE int price_file_load(const char *path, struct price_file *ret, char *reterr,
                             size_t reterr_size);
MUST_USE int price_file_parse(const char *name, struct str text, struct price_file *ret,
                              char *reterr, size_t reterr_size);
void price_file_done(struct price_file *f);
