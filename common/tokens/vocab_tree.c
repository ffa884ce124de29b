#include "vocab_tree.h"

#include <stdlib.h>
#include <string.h>

#define MAX_UNITS (1U << 24)
#define PATIENCE                                                                                   \
    256 /* free units that are tried before the search gives up on the first of them               \
         */

struct range {
    uint32_t from, to; /* in `sorted` */
    uint32_t depth;
    uint32_t unit;
};

struct growing {
    const struct vocab *v;
    struct vocab_tree *t;
    uint32_t *sorted;     /* by their bytes */
    struct range *ranges; /* of the nodes, in order of breadth */
    uint32_t n_ranges;
    uint8_t *has_base; /* of each unit: some node's children are counted from here */
    uint8_t *is_taken;
    uint32_t *next_free; /* of a free unit: where to look for the next */
    uint32_t first_free;
};

static void done(struct growing *g)
{
    free(g->sorted);
    free(g->ranges);
    free(g->has_base);
    free(g->is_taken);
    free(g->next_free);
}

static void *room(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (!p)
        abort();
    return p;
}

static int by_bytes(const void *a, const void *b, void *arg)
{
    struct str x = vocab_text(arg, *(const uint32_t *)a), y = vocab_text(arg, *(const uint32_t *)b);
    int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);

    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static unsigned char byte_of(const struct growing *g, uint32_t sorted, uint32_t depth)
{
    return g->v->bytes[g->v->starts[g->sorted[sorted]] + depth];
}

/* The first free unit from `at` on; the ways there are shortened. */
static uint32_t free_from(struct growing *g, uint32_t at)
{
    uint32_t end = at, next;

    while (g->is_taken[end])
        end = g->next_free[end];
    for (; at != end; at = next) {
        next = g->next_free[at];
        g->next_free[at] = end;
    }
    return end;
}

static bool fits(const struct growing *g, uint32_t base, const unsigned char *labels, unsigned n)
{
    if (g->has_base[base])
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (g->is_taken[base + labels[i]])
            return false;
    }
    return true;
}

/* Where children with these labels find room; 0 when nowhere. */
static uint32_t find_base(struct growing *g, const unsigned char *labels, unsigned n)
{
    uint32_t at = free_from(g, g->first_free);

    for (unsigned tried = 0; at + 256 < g->t->room; tried++, at = free_from(g, at + 1)) {
        if (at > labels[0] && fits(g, at - labels[0], labels, n))
            return at - labels[0];
        if (tried == PATIENCE)
            g->first_free = free_from(g, g->first_free + 1);
    }
    return 0;
}

static void take(struct growing *g, uint32_t unit)
{
    g->is_taken[unit] = 1;
    g->next_free[unit] = unit + 1;
    if (unit >= g->t->n_units)
        g->t->n_units = unit + 1;
}

/* What follows a node's own token in the sorted list, by the next byte: its children. */
static bool add_children(struct growing *g, struct range r)
{
    unsigned char labels[256];
    uint32_t ends[256], base;
    unsigned n = 0;

    for (uint32_t at = r.from; at < r.to; at++) {
        unsigned char byte = byte_of(g, at, r.depth);
        if (n == 0 || labels[n - 1] != byte)
            labels[n++] = byte;
        ends[n - 1] = at + 1;
    }
    if (n == 0)
        return true;
    base = find_base(g, labels, n);
    if (base == 0)
        return false;
    g->has_base[base] = 1;
    g->t->units[r.unit].base = base;
    for (unsigned i = 0; i < n; i++) {
        uint32_t unit = base + labels[i];
        take(g, unit);
        g->t->units[unit].label = labels[i];
        g->ranges[g->n_ranges++] =
            (struct range){i == 0 ? r.from : ends[i - 1], ends[i], r.depth + 1, unit};
    }
    return true;
}

static bool grow(struct growing *g, struct range r)
{
    uint32_t first = g->sorted[r.from];

    if (vocab_text(g->v, first).len == r.depth) {
        g->t->units[r.unit].id = first;
        r.from++;
    }
    return add_children(g, r);
}

bool vocab_tree_grow(struct vocab_tree *t, const struct vocab *v, uint32_t n_tokens)
{
    CLEANUP(done) struct growing g = {.v = v, .t = t, .first_free = 1};
    uint32_t n = 0;
    size_t most = (size_t)v->starts[n_tokens] + 1; /* nodes */

    *t = (struct vocab_tree){.room = (uint32_t)(most * 2 + 4096)};
    if (most * 2 + 4096 > MAX_UNITS)
        return false;
    t->units = room((size_t)t->room + 256, sizeof(*t->units));
    g.sorted = room(n_tokens, sizeof(*g.sorted));
    g.ranges = room(most, sizeof(*g.ranges));
    g.has_base = room(t->room, 1);
    g.is_taken = room((size_t)t->room + 1, 1);
    g.next_free = room(t->room, sizeof(*g.next_free));
    for (uint32_t i = 0; i < t->room + 256; i++)
        t->units[i].id = VOCAB_NONE;
    for (uint32_t i = 0; i < t->room; i++)
        g.next_free[i] = i + 1;
    for (uint32_t id = 0; id < n_tokens; id++) {
        if (v->parts[id].left != VOCAB_NONE)
            g.sorted[n++] = id;
    }
    qsort_r(g.sorted, n, sizeof(*g.sorted), by_bytes, (void *)(uintptr_t)v);
    take(&g, 0);
    g.ranges[g.n_ranges++] = (struct range){0, n, 0, 0};
    for (uint32_t i = 0; i < g.n_ranges; i++) {
        if (!grow(&g, g.ranges[i]))
            return false;
    }
    t->n_units += 256; /* a base may be anywhere, and any byte may be asked for */
    return true;
}

void vocab_tree_done(struct vocab_tree *t)
{
    free(t->units);
}
