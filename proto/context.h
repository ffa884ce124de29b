/* context.h -- what do llm-proxy and context-service say to each other about a conversation?
 *
 * Frames: header, JSON body (this struct), and the `messages` array as the client spelled it.
 * The answer: header with the same correlation id, JSON body, and the condensed array or, of
 * retrieve, the block.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct context_request {
    struct str model;
    struct str dialect;     /* of the messages: "openai", "anthropic" or "responses" */
    struct str mode;        /* lossless | mask | extract | summarize */
    struct str session;     /* empty: as the messages begin */
    struct str tenant;      /* key id; sessions never cross tenants */
    struct str key;         /* retrieve: of an omitted block */
    uint64_t budget_tokens; /* condense: the most the answer may have */
    /* Shares of the budget: above which an epoch begins, and what it condenses to. Zero: condense
     * what is over the budget, once and for itself. */
    double high_water, low_water;
    uint32_t keep_last;
    usec_t deadline; /* from receipt; a late answer is not sent */
};

struct context_reply {
    uint64_t tokens_before, tokens_after; /* count: both the same */
    bool exact;
    double margin; /* upper bound of the relative error, 0 when exact */
    struct str method;
    struct str outcome; /* unchanged | condensed | too_large | found | error */
    struct str stages;  /* comma list of the stages that changed something */
    struct str session; /* where omitted blocks are kept; empty: nowhere */
    uint64_t epoch;     /* 0: of none */
    uint64_t omitted;   /* blocks that this epoch has left out */
    struct str message; /* of an error */
};

MUST_USE enum buf_result context_encode_request(const struct context_request *r, struct buf *out);
MUST_USE bool context_decode_request(struct arena *a, struct str json, struct context_request *ret);
MUST_USE enum buf_result context_encode_reply(const struct context_reply *r, struct buf *out);
MUST_USE bool context_decode_reply(struct arena *a, struct str json, struct context_reply *ret);
