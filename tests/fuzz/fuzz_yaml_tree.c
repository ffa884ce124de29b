#include "io/yaml_tree.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_node(const struct yaml_node *node, unsigned depth)
{
    if (depth > 32 || node->line == 0 || node->column == 0)
        abort();
    if ((node->type == YAML_SCALAR) != (node->scalar != NULL))
        abort();
    for (const struct yaml_node *child = node->child; child; child = child->next) {
        if ((node->type == YAML_MAP) != (child->key != NULL))
            abort();
        check_node(child, depth + 1);
    }
}

/* The property: a tree whose every node has its place, or one clean line with a place in it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct yaml_tree *tree = NULL;
    char why[300];
    unsigned line, column;

    if (yaml_tree_parse("f", text, &tree, why, sizeof(why)) == 0) {
        if (yaml_tree_root(tree))
            check_node(yaml_tree_root(tree), 0);
        yaml_tree_free(&tree);
        return 0;
    }
    if (tree || strlen(why) >= sizeof(why) || strpbrk(why, "\n\r\033"))
        abort();
    if (sscanf(why, "f:%u:%u: ", &line, &column) != 2 || line == 0 || column == 0)
        abort();
    return 0;
}
