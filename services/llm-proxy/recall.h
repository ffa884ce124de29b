/* recall.h -- does the model want back what was left out, and how does it get it?
 *
 * With context.retrieval_tool a tool is offered beside the caller's own when a conversation was
 * condensed. Calls of it are answered here, by context-service, and the model goes on: each round
 * is an attempt of its own in the books. Answers that are streamed go without the tool, since what
 * a caller has seen cannot be taken back.
 */
#pragma once

#include "chat_request.h"
#include "recall_text.h"

#include <stdbool.h>
#include <stddef.h>

#define RECALL_MAX_ROUNDS 4

struct exchange;

struct recall {
    bool is_offered;           /* then this goes to the provider: */
    struct chat_request asked; /* the caller's request with the tool */
    struct str messages;       /* … and these, which have grown with each round */
    unsigned rounds;
    bool is_round;                   /* the attempt to come is one, and no repeat of a failed one */
    struct recall_text_calls calls;  /* being answered … */
    size_t at;                       /* … up to this one */
    const struct json_value *answer; /* that they stand in */
};

/* The condensed messages are there: offer the tool if it may be. */
void recall_offer(struct exchange *x);

/* A whole answer is there, and booked. True: the model wants something back, and its next answer
 * follows. Else the answer is for the caller, without a trace of the tool. */
bool recall_start(struct exchange *x);
