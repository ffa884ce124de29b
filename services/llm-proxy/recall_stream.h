/* recall_stream.h -- what of a streamed answer is for the caller, and what only calls the tool that
 * gives back what was left out?
 *
 * Those calls are held back and nothing else is: every other event goes on at once. What the model
 * said is kept beside, for the answer that follows begins with it. Pure.
 */
#pragma once

#include "base/buf.h"
#include "chat_event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recall_stream {
    struct buf said; /* … in this answer, the caller's calls apart; event by event */
    size_t last_at;  /* of the last event in it */
    bool is_lost;    /* it has no room for all */
    bool may_go_on;  /* another answer may follow this one */
    bool is_round;   /* … and does */
    uint64_t ours[CHAT_MAX_TOOLS / 64]; /* bits: which calls */
    unsigned n_ours;
    bool has_others;        /* calls of the caller's tools */
    bool is_in_call;        /* of ours: the last that came */
    bool has_text, is_next; /* text has gone to the caller; none yet of this answer */
};

void recall_stream_init(struct recall_stream *s);
void recall_stream_done(struct recall_stream *s);

/* An answer begins, the first or another. */
void recall_stream_start(struct recall_stream *s, bool may_go_on);

/* Take out of the list what is not for the caller. */
void recall_stream_feed(struct recall_stream *s, struct chat_events *events);

/* What was said in the answer, as one that ends in calls; borrowed until the next begins. */
void recall_stream_read(const struct recall_stream *s, struct chat_events *ret);
