/* question.h -- what is asked? One form for what HTTP and the bus spell differently. */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "condense.h"
#include "fault.h"
#include "proto/context.h"

enum question_op { QUESTION_COUNT, QUESTION_CONDENSE };

struct question {
    enum question_op op;
    struct str model;
    const struct json_value *body;     /* count, over HTTP: messages and tools, or text */
    const struct json_value *messages; /* else */
    struct condense_options options;   /* condense */
};

/* FAULT_NONE, or what is wrong and, unless the table's words say it, *reterr. `defaults` stands for
 * what the body leaves open. Everything lives in `a` and in `text`. */
MUST_USE enum fault question_read_http(struct arena *a, enum question_op op, struct str text,
                                       const struct condense_options *defaults,
                                       struct question *ret, struct fault_detail *reterr);
MUST_USE enum fault question_read_bus(struct arena *a, enum question_op op,
                                      const struct context_request *request, struct str messages,
                                      struct question *ret, struct fault_detail *reterr);
