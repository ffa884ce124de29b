/* job.h -- one request on its way through the pool: what it holds, and what came of it.
 *
 * The loop's thread makes it, submits it and releases it; in between it belongs to a thread of the
 * pool, but for is_abandoned.
 */
#pragma once

#include "answer.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "counting/tables.h"
#include "io/offload.h"
#include "proto/message.h"
#include "question.h"
#include "settings_hold.h"

#include <stdatomic.h>
#include <stdbool.h>

struct http_request;

struct job {
    struct offload_task task;
    void *owner; /* for `done` */
    enum question_op op;
    usec_t received_at, deadline_at; /* USEC_INFINITY: none */
    usec_t default_deadline;         /* of a bus request that names none */
    struct tables *tables;
    struct estimators *estimators;
    struct context_store *store;    /* or NULL */
    struct str secret;              /* condense_options.secret */
    bool may_ask;                   /* a model for a summary, if its mode is to */
    struct settings_hold *settings; /* in force when it came */
    atomic_bool is_abandoned;       /* nobody waits for the answer */

    struct http_request *client; /* over HTTP, while it is there */
    bool is_bus;
    struct str routing_id, request, messages; /* copies; over HTTP the body is `request` */
    uint64_t correlation_id;

    /* What came of it. */
    bool is_worked, is_answered; /* a thread took it; it was a question, and this is its answer */
    bool wants_summary;          /* … but for a summary: job_resume() */
    bool is_late;                /* dropped: the deadline had passed */
    enum fault fault;
    struct fault_detail detail;
    struct question question;
    struct answer answer;
    struct buf text; /* the JSON to send; the condensed array is in `answer` */
    struct arena arena;
    bool was_asked;     /* a model was … */
    struct str summary; /* … and said this; empty: nothing */

    char bytes[];
};

struct job_parts {
    struct str routing_id, request, messages;
};

/* Copies the parts. `done` runs on the loop with the job, which is then the caller's. */
struct job *job_new(enum question_op op, const struct job_parts *parts, loop_fn done, void *owner);
void job_free(struct job **j);

/* A model was asked, and said this or nothing: the job can be submitted again. */
void job_resume(struct job *j, struct str summary);
/* It could not: what there is to send says why. */
void job_refuse(struct job *j, enum fault f);
