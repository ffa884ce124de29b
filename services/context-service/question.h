/* question.h -- what is asked? One form for what HTTP and the bus spell differently. */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "fault.h"
#include "proto/context.h"
#include "settings/settings.h"
#include "turn.h"

enum question_op {
    QUESTION_COUNT,
    QUESTION_CONDENSE,
    QUESTION_RETRIEVE, /* a block that was left out */
    QUESTION_SESSION,  /* what is known of one */
    QUESTION_FORGET,   /* a session */
};

struct question {
    enum question_op op;
    const struct json_value *body; /* count, over HTTP: messages and tools, or text */
    struct turn_request turn;      /* else the messages, and whose they are */
    bool has_mode, has_keep_last;  /* said, not by default */
    struct str key;                /* retrieve */
};

/* FAULT_NONE, or what is wrong and, unless the table's words say it, *reterr. Everything lives in
 * `a` and in `text`. */
MUST_USE enum fault question_read_http(struct arena *a, enum question_op op, struct str text,
                                       struct question *ret, struct fault_detail *reterr);
MUST_USE enum fault question_read_bus(struct arena *a, enum question_op op,
                                      const struct context_request *request, struct str messages,
                                      struct question *ret, struct fault_detail *reterr);

/* What its model's rules say of what the question leaves open. */
void question_apply_rules(struct question *q, const struct settings_context_rules *rules);
