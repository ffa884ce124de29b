/* attempt.h -- what comes of one try at one target?
 *
 * Holds a place at the provider from start to end; the end is reported once, to the upstream's
 * breaker, the books, the metrics and health-worker.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "dialect.h"
#include "failure.h"
#include "io/fetch.h"

#include <stdbool.h>
#include <stddef.h>

struct exchange;

struct attempt {
    struct fetch *fetch; /* NULL when none is under way */
    bool holds_place;
    usec_t started_at;
    int status;         /* of the provider's answer; 0: none yet */
    bool is_stream;     /* the answer is relayed as it comes */
    bool was_connected; /* when it ended: the provider may have the request */
    struct buf body;    /* an answer that is not relayed as it comes */
    struct buf answer;  /* … in the caller's API, when that is another */
    usec_t whole_at;    /* it was there */
    bool is_answer;     /* … and is one */
    /* of an answer that is passed through as it comes: passthrough.h; `answer` holds its last line
     */
    bool is_opaque, is_line_too_long, is_between_events;
};

/* How an attempt ended, for the decision on what to do next. */
struct attempt_end {
    struct failure failure;
    struct str body; /* of a refusal by the provider */
    struct str content_type;
};

void attempt_init(struct attempt *a);
void attempt_done(struct attempt *a);

/* The whole answer for the client. */
struct str attempt_answer(const struct attempt *a);

/* Something else in its place. */
MUST_USE bool attempt_set_answer(struct attempt *a, struct str text);

/* An error that a stream begins with: the provider's words, as in a refusal. */
void attempt_keep_words(struct attempt *a, struct str words);

/* A place at the provider is held and now belongs to the attempt; x->call says what to send. */
void attempt_start(struct exchange *x);

/* Close the connection at once and give the place back. Nothing happens without an attempt under
 * way. */
void attempt_cancel(struct exchange *x);

/* The answer is whole although the provider's connection may not be finished: report success. */
void attempt_succeed(struct exchange *x);
