/* condense.h -- how does a conversation fit into a budget of tokens?
 *
 * Stages, each only if the budget is not met yet: lossless, image, mask, drop. First on what is
 * older than the user's last message; only if that is not enough, on the tool calls made since, up
 * to the last messages asked to be kept. The system's, the user's last and the last messages never
 * change. The outcome depends on nothing but the arguments, and fits by the counter in them.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"
#include "marker.h"
#include "tokens/counter.h"

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
    CONDENSE_EXTRACT,
    CONDENSE_SUMMARIZE, /* extract, and say in the report what a model could summarize instead */
};

#define CONDENSE_MAX_STAGES 6

/* A summary that a model wrote, for the fold whose key it was asked with. */
struct condense_summary {
    struct str key;
    struct str text; /* as fold_read_summary() gave it */
};

struct condense_options {
    struct str dialect;
    enum condense_mode mode;
    uint64_t budget_tokens; /* a conversation within it stays as it is */
    uint64_t target_tokens; /* what a larger one is condensed to, if it can be; 0: the budget */
    size_t keep_last;
    struct str query;             /* what is needed of the conversation; empty: what it asks last */
    const struct json_value *pin; /* an array: numbers of messages, texts that they say; or NULL */
    struct str secret;            /* marks this service's own summaries; empty: none is believed */
    struct condense_summary summary; /* or empty */
    struct counter *counter;         /* NULL: tokens are estimated */
};

/* A block that the answer has not, or not in full. */
struct condense_omitted {
    char key[MARKER_KEY_SIZE]; /* content address of `bytes`, as in the answer's markers */
    struct str bytes;          /* decoded text of a tool's output, or JSON of whole messages */
    struct str preview;        /* how it begins */
    uint64_t tokens;           /* fewer in the answer */
};

/* The messages that became one summary. */
struct condense_fold {
    char key[MARKER_KEY_SIZE]; /* for the summary of a model; empty: nothing was folded */
    struct str source;         /* summarize: their text for a model to summarize */
    uint64_t max_tokens;       /* that its summary may have */
    bool is_abstractive;       /* options' summary was used */
};

struct condense_report {
    struct str messages; /* unless TOO_LARGE, INVALID, TOO_BIG */
    uint64_t tokens_before, tokens_after;
    const char *stage[CONDENSE_MAX_STAGES]; /* that changed something, in order; static text */
    size_t n_stages;
    struct condense_omitted *omitted;
    size_t n_omitted;
    struct condense_fold fold;
};

/* Everything in *ret lives in `a` or in what the arguments point to. */
MUST_USE enum condense_outcome condense_run(struct arena *a, const struct json_value *messages,
                                            const struct condense_options *options,
                                            struct condense_report *ret);

MUST_USE bool condense_mode_parse(struct str text, enum condense_mode *ret);
const char *condense_mode_text(enum condense_mode m);
const char *condense_outcome_text(enum condense_outcome o);
