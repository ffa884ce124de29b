/* answer.h -- what is the answer to a question, as a body for HTTP and as a reply on the bus? */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "condense.h"
#include "count.h"
#include "fault.h"
#include "question.h"

struct answer {
    struct count count;            /* of the messages, or of the body */
    enum condense_outcome outcome; /* condense, like report */
    struct condense_report report;
};

/* FAULT_CONTEXT_LENGTH_EXCEEDED comes with an answer: the numbers. Everything lives in `a`. */
MUST_USE enum fault answer_find(struct arena *a, struct counter *counter, struct question *q,
                                struct answer *ret, struct fault_detail *reterr);

/* The body of a 200. */
MUST_USE enum buf_result answer_write(enum question_op op, const struct answer *answer,
                                      struct buf *out);

/* The reply's fields; the condensed array travels beside it. */
void answer_fill_reply(struct arena *a, enum question_op op, const struct answer *answer,
                       struct context_reply *ret);

/* The last stage that took something out: none, lossless, mask, drop. For metrics. */
const char *answer_last_stage(const struct answer *answer);
