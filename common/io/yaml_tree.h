/* yaml_tree.h -- what does this YAML text say, and on which line? A strict tree with positions
 * (libyaml).
 *
 * Aliases, anchors, tags, several documents and repeated keys are errors. Bounded: 1 MiB, depth 32,
 * 512 keys a map.
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

struct yaml_place {
    const char *name; /* of the text: a path */
    unsigned line, column;
};

struct yaml_tree;

/* On failure (> 0) `reterr` holds "file:line:column: what"; < 0 is -errno, `reterr` filled too. */
MUST_USE int yaml_tree_load(const char *path, struct yaml_tree **ret, char *reterr,
                            size_t reterr_size);
MUST_USE int yaml_tree_parse(const char *name, struct str text, struct yaml_tree **ret,
                             char *reterr, size_t reterr_size);
void yaml_tree_free(struct yaml_tree **y);

const char *yaml_tree_name(const struct yaml_tree *y);
const struct yaml_node *yaml_tree_root(const struct yaml_tree *y); /* NULL for an empty document */
const struct yaml_node *yaml_tree_get(const struct yaml_node *map, const char *key);

/* Writes "name:line:column: what" on one line, whatever the arguments contain. Returns 1, so that
 * a reader of the tree can `return yaml_tree_refuse(…)`. */
int yaml_tree_refuse(struct yaml_place at, char *reterr, size_t reterr_size, const char *format,
                     ...) PRINTF_LIKE(4, 5);
