/* settings_table.h -- which keys may the configuration file hold, and where does each value go?
 *
 * A row says everything about its key. Maps and lists name a table of their own; tables end with a
 * row without a name.
 */
#pragma once

#include "base/str.h"
#include "settings/settings.h"
#include "settings/settings_words.h"

enum settings_type {
    SETTINGS_TEXT,     /* const char * */
    SETTINGS_COUNT,    /* uint16_t, uint32_t or uint64_t */
    SETTINGS_SIZE,     /* uint64_t, bytes */
    SETTINGS_DURATION, /* usec_t */
    SETTINGS_RATIO,    /* double */
    SETTINGS_PRICE,    /* int64_t, see money.h */
    SETTINGS_WORD,     /* an enum or bool: one of `words` */
    SETTINGS_SECRET,   /* struct settings_secret */
    SETTINGS_MAP,      /* `rows`, offsets counted from the same struct */
    SETTINGS_TEXTS,    /* const char **, and a size_t at `count_offset` */
    SETTINGS_LIST,     /* structs of `item_size` described by `rows`, and a count likewise */
    SETTINGS_LATER     /* no place: refused until the feature is built */
};

struct settings_row {
    const char *name;
    enum settings_type type;
    bool is_required;
    size_t offset, size;  /* of the field */
    uint64_t min, max;    /* of a number; of a list's length */
    const char *fallback; /* the default, as one would write it; NULL: none */
    const char *unit;     /* of a count */
    const char *help;
    const struct settings_words *words; /* of a count too: words for numbers, such as auto */
    const struct settings_row *rows;
    size_t count_offset, item_size;
    /* Of a text: NULL if it will do, else what is allowed. */
    const char *(*check)(struct str text);
};

extern const struct settings_row settings_table[];
extern const struct settings_row settings_table_price[]; /* of a struct settings_price */
