/* counting_rule.h -- what does this family of models add to the text, and by which table is its
 * text cut?
 *
 * Data: one row a family, its sources in counting_rule.c. Where the provider publishes no figure,
 * the row says so and the count is not called exact.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum counting_rule_table {
    COUNTING_RULE_O200K,
    COUNTING_RULE_CL100K,
    COUNTING_RULE_P50K,
    COUNTING_RULE_R50K,
    COUNTING_RULE_TABLES,
};

enum counting_rule_pictures {
    COUNTING_RULE_TILES,   /* base, and per tile of 512 x 512 */
    COUNTING_RULE_PATCHES, /* per patch of 32 x 32, times a factor */
    COUNTING_RULE_AREA,    /* width times height over 750, the long edge shrunk to `edge` */
    COUNTING_RULE_SQUARES, /* 258 per square of 768 x 768 */
};

struct counting_rule {
    const char *family; /* prefix of the model's name, up to its end, '-', ':', '.' or '@' */
    enum counting_rule_table table;
    bool has_table;    /* its own; else that table's tokens, scaled, are an estimate */
    bool is_published; /* what a message adds */
    int8_t per_message, per_name, per_answer;
    uint16_t tools; /* what precedes definitions of tools, where it is no rendering of ours */
    uint8_t per_tool;
    enum counting_rule_pictures pictures;
    uint16_t base, tile; /* TILES */
    uint16_t factor;     /* PATCHES: hundredths */
    uint16_t edge;       /* AREA */
    uint8_t margin;      /* without a table of its own: hundredths that an estimate may be off */
};

/* Never NULL: what is unknown is estimated by the last row. */
const struct counting_rule *counting_rule_find(struct str model);

/* "o200k_base": the name of the table's file, and the method of exact counts. */
const char *counting_rule_table_name(enum counting_rule_table t);
