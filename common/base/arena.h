/* arena.h -- memory that lives exactly as long as one request. Nothing in it is freed singly. */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes handed out since the last clear */
    size_t max;
};

void arena_init(struct arena *a, size_t max_bytes);
void arena_done(struct arena *a);

/* Release everything handed out; keeps one block for the next request. */
void arena_clear(struct arena *a);

/* What `other` handed out is `a`'s from now on, and `other` is as new. False, and nothing changed,
 * when it is over the ceiling. */
MUST_USE bool arena_adopt(struct arena *a, struct arena *other);

/* Zeroed, aligned for any type. NULL when the ceiling is reached; the caller must handle it where
 * a peer chooses the size. Aborts if the kernel refuses memory below the ceiling. */
void *arena_alloc(struct arena *a, size_t n);

/* NUL-terminated copies; NULL at the ceiling. */
char *arena_copy(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
