/* yaml.h -- what does this YAML text say, and on which line? A strict tree with positions
 * (libyaml).
 *
 * Aliases, tags, several documents and repeated keys are errors. Bounded: 1 MiB, depth 32.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_type type;
    unsigned line, column; /* from 1 */
    bool is_plain;         /* a scalar without quotes */
    const char *key;       /* of a member of a map */
    unsigned key_line, key_column;
    const char *scalar;
    struct yaml_node *child, *next;
};

struct yaml;

/* On failure (> 0) `reterr` holds "file:line:column: what"; < 0 is -errno, `reterr` filled too. */
MUST_USE int yaml_load(const char *path, struct yaml **ret, char *reterr, size_t reterr_size);
MUST_USE int yaml_parse(const char *name, struct str text, struct yaml **ret, char *reterr,
                        size_t reterr_size);
void yaml_free(struct yaml **y);

const char *yaml_name(const struct yaml *y);
const struct yaml_node *yaml_root(const struct yaml *y); /* NULL for an empty document */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
