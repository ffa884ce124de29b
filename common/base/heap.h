/* heap.h -- which of these is the least? A priority queue of borrowed pointers.
 *
 * A node is embedded in what it stands for and knows its own place, so that it can be moved or
 * taken out when its rank changes.
 */
#pragma once

#include <stddef.h>

struct heap_node {
    double rank;
    size_t at; /* the heap's own */
};

struct heap {
    struct heap_node **nodes; /* the least first */
    size_t n, cap;
};

void heap_init(struct heap *h);
void heap_done(struct heap *h); /* the nodes stay */

void heap_add(struct heap *h, struct heap_node *node, double rank);
void heap_move(struct heap *h, struct heap_node *node, double rank);
void heap_remove(struct heap *h, struct heap_node *node);
struct heap_node *heap_find_least(const struct heap *h); /* NULL when empty */
