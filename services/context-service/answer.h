/* answer.h -- what is the answer to a question, as a body for HTTP and as a reply on the bus? */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "fault.h"
#include "question.h"
#include "tokens/counter.h"
#include "turn.h"

struct answer {
    struct count count; /* of the messages, or of the body */
    struct turn turn;   /* condense */
    struct str block;   /* retrieve; data NULL: none */
    struct context_session session;
};

/* FAULT_CONTEXT_LENGTH_EXCEEDED comes with an answer: the numbers. Everything lives in `a`. With
 * ret->turn.wants_summary there is no answer yet. */
MUST_USE enum fault answer_find(struct arena *a, const struct turn_means *means,
                                const struct question *q, struct answer *ret,
                                struct fault_detail *reterr);

/* The body of a 200. */
MUST_USE enum buf_result answer_write(const struct question *q, const struct answer *answer,
                                      struct buf *out);

/* The reply's fields; the condensed array, or the block, travels beside it. */
void answer_fill_reply(struct arena *a, const struct question *q, const struct answer *answer,
                       struct context_reply *ret);

/* The last stage that took something out, none, or frozen. For metrics. */
const char *answer_last_stage(const struct answer *answer);
