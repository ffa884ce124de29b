/* transcript.h -- what is left of a conversation, message by message?
 *
 * What was kept, in order; the summary, if there is one, before the first message that is not the
 * system's. Where two neighbours would now speak in the same role and the dialect wants them to
 * take turns, a message that says "…" stands between them.
 */
#pragma once

#include "conversation.h"

struct transcript {
    const struct conversation *c;
    size_t group, message; /* what comes next */
    size_t before;         /* the group that came last */
    bool has_before, has_summary, is_after_summary;
};

void transcript_init(struct transcript *t, const struct conversation *c);

/* The next message, as JSON; false at the end. */
bool transcript_next(struct transcript *t, struct str *ret);

/* Tokens of a message between neighbours, at most, and of all there are. */
uint64_t transcript_filler_cost(const struct conversation *c);
uint64_t transcript_filler_tokens(const struct conversation *c);

/* Counts them again, after groups were dropped or folded. */
void transcript_recount(struct conversation *c);
