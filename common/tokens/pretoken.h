/* pretoken.h -- where does the next piece of this text end?
 *
 * A tokenizer first cuts text by a regular expression; tokens never cross a cut. Each family below
 * is one published expression, matched by hand in one walk; the caller cuts pieces off the front.
 * Text should be UTF-8; a byte that starts no character counts as a symbol of its own.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

enum pretoken_family {
    PRETOKEN_GPT2,     /* r50k, p50k */
    PRETOKEN_CL100K,   /* GPT-3.5, GPT-4, Llama 3 */
    PRETOKEN_O200K,    /* GPT-4o and later, Llama 4 */
    PRETOKEN_QWEN2,    /* and 3; as CL100K, with digits one by one */
    PRETOKEN_TEKKEN,   /* Mistral; as O200K, with digits one by one and 's a word */
    PRETOKEN_DEEPSEEK, /* V3, R1 */
};
#define PRETOKEN_FAMILIES (PRETOKEN_DEEPSEEK + 1)

/* Behind the first piece of what begins at `p` and is not empty. */
typedef const unsigned char *(*pretoken_fn)(const unsigned char *p, const unsigned char *end);
pretoken_fn pretoken_of(enum pretoken_family family);

/* Bytes in the first piece of `rest`; 0 only when it is empty. */
MUST_USE size_t pretoken_length(enum pretoken_family family, struct str rest);
