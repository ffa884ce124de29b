/* repeat.h -- was this very question answered a moment ago?
 *
 * A caller who tries again, and a proxy that tries another target, ask the same with the same
 * bytes; the answer is the same then, and need not be found again. Bounded in entries, bytes and
 * time; what was used longest ago goes first. For the loop's thread.
 */
#pragma once

#include "base/clock.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPEAT_MAX_ENTRIES 256
#define REPEAT_MAX_BYTES   ((size_t)64 << 20)
#define REPEAT_LIFE        (300 * USEC_PER_SEC)

struct repeat;

struct repeat_question {
    bool is_bus;
    struct str request, messages; /* every byte of it */
};

/* What to send, and what to count of it. */
struct repeat_answer {
    struct str text, messages;
    const char *mode, *stage; /* static text */
    char model[64];           /* label */
    uint64_t tokens_before, tokens_after;
    bool is_stateful;
};

struct repeat *repeat_new(void);
void repeat_free(struct repeat **r);
void repeat_clear(struct repeat *r);
size_t repeat_entries(const struct repeat *r);

/* Borrowed until the next call; NULL: it was not. */
const struct repeat_answer *repeat_find(struct repeat *r, const struct repeat_question *q,
                                        usec_t now);
/* Copies both. */
void repeat_keep(struct repeat *r, const struct repeat_question *q, const struct repeat_answer *a,
                 usec_t now);
