/* condense.h -- how does a conversation fit into a budget of tokens?
 *
 * Stages, each only if the budget is not met yet: lossless, mask, drop. First on what is older than
 * the user's last message; only if that is not enough, on the tool calls made since, up to the last
 * messages asked to be kept. The system's, the user's last and the last messages never change. The
 * outcome depends on nothing but the arguments, and fits by the counter of count.h.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum condense_outcome {
    CONDENSE_UNCHANGED, /* it fits as it is: the caller's bytes */
    CONDENSE_CONDENSED,
    CONDENSE_TOO_LARGE, /* what must stay is over the budget: tokens_after says how large it is */
    CONDENSE_INVALID,   /* not an array of messages whose roles the dialect knows */
    CONDENSE_TOO_BIG,   /* the arena's ceiling */
};

enum condense_mode {
    CONDENSE_LOSSLESS,
    CONDENSE_MASK,
    CONDENSE_EXTRACT,   /* not built yet: mask instead */
    CONDENSE_SUMMARIZE, /* not built yet: mask instead */
};

#define CONDENSE_MAX_STAGES 4

struct condense_options {
    struct str dialect;
    enum condense_mode mode;
    uint64_t budget_tokens;
    size_t keep_last;
};

/* A message that the answer has not, or not in full. */
struct condense_omitted {
    const struct json_value *message; /* as the client sent it */
    uint64_t tokens;                  /* fewer in the answer */
};

struct condense_report {
    struct str messages; /* unless TOO_LARGE, INVALID, TOO_BIG */
    uint64_t tokens_before, tokens_after;
    const char *stage[CONDENSE_MAX_STAGES]; /* that changed something, in order; static text */
    size_t n_stages;
    struct condense_omitted *omitted;
    size_t n_omitted;
};

/* Everything in *ret lives in `a` or in the text that `messages` points into. */
MUST_USE enum condense_outcome condense_run(struct arena *a, const struct json_value *messages,
                                            const struct condense_options *options,
                                            struct condense_report *ret);

MUST_USE bool condense_mode_parse(struct str text, enum condense_mode *ret);
const char *condense_mode_text(enum condense_mode m);
const char *condense_outcome_text(enum condense_outcome o);
