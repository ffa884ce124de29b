#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 4096

struct arena_block {
    struct arena_block *older;
    size_t size, used;
    max_align_t data[];
};

void arena_init(struct arena *a, size_t max_bytes)
{
    *a = (struct arena){.max = max_bytes};
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void arena_done(struct arena *a)
{
    free_blocks(a->blocks);
    *a = (struct arena){.max = a->max};
}

void arena_clear(struct arena *a)
{
    struct arena_block *keep = a->blocks;

    a->used = 0;
    if (!keep)
        return;
    while (keep->older) { /* the oldest is the smallest: a big request must not pin its blocks */
        struct arena_block *older = keep->older;
        free(keep);
        keep = older;
    }
    if (keep->size > FIRST_BLOCK) {
        free(keep);
        keep = NULL;
    } else {
        keep->used = 0;
    }
    a->blocks = keep;
}

bool arena_adopt(struct arena *a, struct arena *other)
{
    struct arena_block *oldest = other->blocks;

    if (other->used > a->max - a->used)
        return false;
    while (oldest && oldest->older)
        oldest = oldest->older;
    if (oldest) { /* behind the one that is being handed out of */
        struct arena_block **place = a->blocks ? &a->blocks->older : &a->blocks;
        oldest->older = *place;
        *place = other->blocks;
    }
    a->used += other->used;
    *other = (struct arena){.max = other->max};
    return true;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
    size_t size = a->blocks ? a->blocks->size * 2 : FIRST_BLOCK;

    if (size > 65536)
        size = 65536;
    if (size < n)
        size = n;
    struct arena_block *block = malloc(sizeof(*block) + size);
    if (!block)
        abort();
    *block = (struct arena_block){.older = a->blocks, .size = size};
    a->blocks = block;
    return block;
}

void *arena_alloc(struct arena *a, size_t n)
{
    const size_t align = _Alignof(max_align_t);

    if (n > a->max - a->used)
        return NULL;
    n = (n + align - 1) / align * align;

    struct arena_block *block = a->blocks;
    if (!block || n > block->size - block->used)
        block = add_block(a, n);
    void *p = (char *)block->data + block->used;
    block->used += n;
    a->used += n < a->max - a->used ? n : a->max - a->used;
    memset(p, 0, n);
    return p;
}

char *arena_copy(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.len + 1);

    if (p && s.len > 0)
        memcpy(p, s.data, s.len);
    return p;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    char text[256]; /* most fit, and need not be put together twice */

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p && (size_t)n < sizeof(text))
        memcpy(p, text, (size_t)n);
    else if (p)
        vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p;
}
