#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_done(struct heap *h)
{
    free(h->nodes);
    *h = (struct heap){0};
}

static void put(struct heap *h, struct heap_node *node, size_t at)
{
    h->nodes[at] = node;
    node->at = at;
}

static void sift_up(struct heap *h, struct heap_node *node)
{
    size_t at = node->at;

    while (at > 0 && h->nodes[(at - 1) / 2]->rank > node->rank) {
        put(h, h->nodes[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    put(h, node, at);
}

static void sift_down(struct heap *h, struct heap_node *node)
{
    size_t at = node->at;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < h->n && h->nodes[child + 1]->rank < h->nodes[child]->rank)
            child++;
        if (child >= h->n || h->nodes[child]->rank >= node->rank)
            break;
        put(h, h->nodes[child], at);
        at = child;
    }
    put(h, node, at);
}

void heap_add(struct heap *h, struct heap_node *node, double rank)
{
    if (h->n == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 64;
        h->nodes = reallocarray(h->nodes, h->cap, sizeof(struct heap_node *));
        if (!h->nodes)
            abort();
    }
    node->rank = rank;
    put(h, node, h->n++);
    sift_up(h, node);
}

void heap_move(struct heap *h, struct heap_node *node, double rank)
{
    assert(h->nodes[node->at] == node);
    node->rank = rank;
    sift_up(h, node);
    sift_down(h, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    assert(h->nodes[node->at] == node);
    struct heap_node *last = h->nodes[--h->n];

    if (last == node)
        return;
    put(h, last, node->at);
    heap_move(h, last, last->rank);
}

struct heap_node *heap_find_least(const struct heap *h)
{
    return h->n > 0 ? h->nodes[0] : NULL;
}
