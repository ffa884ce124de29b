/* fold.h -- is what a model wrote a summary of these messages, and what may be believed of it? */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "base/str.h"

enum fold_result {
    FOLD_OK = 0,
    FOLD_NO_SUMMARY, /* not the JSON that was asked for, or nothing in it holds */
    FOLD_TOO_LONG,   /* than what it summarizes */
    FOLD_TOO_BIG,    /* the arena's ceiling */
};

/* What to ask a model for, before the source: static text. */
const char *fold_instructions(void);

/* Reads a model's answer to that. Each item stands as a line under its section's name; one with a
 * value (digits, a path, a hash) that `source` does not have is left out. */
MUST_USE enum fold_result fold_read_summary(struct arena *a, struct str source, struct str answer,
                                            struct str *ret);
