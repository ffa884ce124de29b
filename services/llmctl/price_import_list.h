/* price_import_list.h -- which figures does each model of a foreign list have? One reader a format.
 */
#pragma once

#include "price_import_row.h"

/* Called for each model; `why` NULL: `row` is what the list says of it, else why it says nothing
 * that a price file can hold. False: stop. */
typedef bool (*price_import_list_fn)(void *arg, struct price_import_row *row, const char *why);

struct price_import_list {
    struct arena *arena; /* for names with escapes */
    struct str date;     /* today: what is dated later is not in force */
    price_import_list_fn fn;
    void *arg;
};

/* False: fn said stop, or the arena is full. */
MUST_USE bool price_import_list_litellm(const struct price_import_list *l,
                                        const struct json_value *root);
MUST_USE bool price_import_list_genai(const struct price_import_list *l,
                                      const struct json_value *root);
