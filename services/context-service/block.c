#include "block.h"

#include <string.h>

#define GOOD_TOKENS 4000 /* in a block */
#define KEY_SHARE   400  /* a key for so many tokens of the goal: it takes a dozen */

static bool is_open(const struct conversation_group *g)
{
    return !g->is_pinned && !g->is_dropped;
}

static uint64_t tokens_of(const struct conversation *c, const struct conversation_group *g)
{
    uint64_t tokens = 0;

    for (size_t i = g->first; i < g->first + g->n; i++)
        tokens += c->message[i].tokens_before;
    return tokens;
}

static uint64_t choose_size(const struct conversation *c, size_t end, uint64_t goal)
{
    uint64_t all = 0, most = goal / KEY_SHARE;

    for (size_t g = 0; g < end; g++)
        all += is_open(&c->group[g]) ? tokens_of(c, &c->group[g]) : 0;
    if (most == 0)
        return UINT64_MAX;
    return all / most > GOOD_TOKENS ? all / most : GOOD_TOKENS;
}

/* The messages of a block as an array. */
static bool copy_messages(const struct conversation *c, struct block *b)
{
    size_t size = 2, len = 0;

    for (size_t g = b->first; g < b->end; g++)
        for (size_t i = 0; is_open(&c->group[g]) && i < c->group[g].n; i++)
            size += c->message[c->group[g].first + i].original->raw.len + 1;
    char *text = arena_alloc(c->arena, size);
    if (!text)
        return false;
    for (size_t g = b->first; g < b->end; g++)
        for (size_t i = 0; is_open(&c->group[g]) && i < c->group[g].n; i++) {
            struct str raw = c->message[c->group[g].first + i].original->raw;
            text[len] = len == 0 ? '[' : ',';
            len++;
            memcpy(text + len, raw.data, raw.len);
            len += raw.len;
        }
    text[len++] = ']';
    b->bytes = (struct str){text, len};
    marker_key(b->bytes, b->key);
    return true;
}

static void cut_blocks(struct block_list *l, const struct conversation *c, size_t end,
                       uint64_t size)
{
    uint64_t tokens = 0;

    for (size_t g = 0; g < end; g++) {
        if (!is_open(&c->group[g]))
            continue;
        uint64_t more = tokens_of(c, &c->group[g]);
        if (l->n == 0 || tokens + more > size) {
            l->block[l->n++] = (struct block){.first = g};
            tokens = 0;
        }
        l->block[l->n - 1].end = g + 1;
        tokens += more;
    }
}

static bool find_key(struct block_list *l, struct arena *a)
{
    char *keys = arena_alloc(a, l->n * MARKER_KEY_SIZE + 1);

    if (!keys)
        return false;
    for (size_t i = 0; i < l->n; i++)
        memcpy(keys + i * MARKER_KEY_SIZE, l->block[i].key, MARKER_KEY_SIZE);
    marker_key((struct str){keys, l->n * MARKER_KEY_SIZE}, l->key);
    return true;
}

bool block_make(struct block_list *l, const struct conversation *c, size_t end, uint64_t goal)
{
    *l = (struct block_list){.block = arena_alloc(c->arena, end * sizeof(*l->block) + 1)};
    if (!l->block)
        return false;
    cut_blocks(l, c, end, choose_size(c, end, goal));
    for (size_t i = 0; i < l->n; i++)
        if (!copy_messages(c, &l->block[i]))
            return false;
    return find_key(l, c->arena);
}
