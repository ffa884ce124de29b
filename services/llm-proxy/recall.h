/* recall.h -- does the model want back what was left out, and how does it get it?
 *
 * With context.retrieval_tool a tool is offered beside the caller's own when a conversation was
 * condensed. Calls of it are answered here, by context-service, and the model goes on: each round
 * is an attempt of its own in the books, and a stream to the caller goes on where it was.
 */
#pragma once

#include "chat.h"
#include "chat_request.h"
#include "recall_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exchange;

struct recall {
    bool is_due;               /* the request to offer it, or to go on, is still to be composed */
    bool is_offered;           /* then this goes to the provider: */
    struct chat_request asked; /* the caller's request with the tool */
    struct str messages;       /* … and these, which have grown with each round */
    uint64_t tokens;           /* … by about so many */
    unsigned rounds;
    bool is_round;                  /* the attempt to come is one, and no repeat of a failed one */
    struct recall_text_calls calls; /* being answered … */
    size_t at;                      /* … up to this one */
    const struct json_value *answers[RECALL_TEXT_MAX_ROUNDS]; /* that were not the last */
};

/* The condensed messages are there: offer the tool if it may be. */
void recall_offer(struct exchange *x);

/* Put what is due into the request; false when memory is short. A part of what an errand does. */
MUST_USE bool recall_compose(struct exchange *x);

/* Is the caller's stream written from events, so that calls can be left out of it? */
bool recall_is_in_stream(const struct exchange *x);

/* A whole answer is there, or a finished stream, and booked. True: the model wants something back
 * and its next answer follows, or the exchange has ended. Else the answer is for the caller,
 * without a trace of the tool. */
bool recall_start(struct exchange *x);

/* The chat as its caller knows it, taken apart; NULL: it is not. */
const struct chat *recall_hide(struct exchange *x);
