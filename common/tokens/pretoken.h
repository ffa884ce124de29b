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
    PRETOKEN_GPT2,   /* r50k, p50k */
    PRETOKEN_CL100K, /* GPT-3.5, GPT-4 */
    PRETOKEN_O200K,  /* GPT-4o and later */
};

/* Bytes in the first piece of `rest`; 0 only when it is empty. */
MUST_USE size_t pretoken_length(enum pretoken_family family, struct str rest);
