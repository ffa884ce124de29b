/* summary.h -- how is one message written that stands for many, and how is it told from a forgery?
 *
 *   [Earlier conversation, condensed: 41 messages; sig=…]
 *   [key=…]
 *   user: …
 *   call read_file: …
 *   tool read_file: …
 *   …
 *   assistant: …
 *
 * Under a key stand excerpts of the messages that are kept under it. Only the service begins a line
 * like that: where a text does, a blank is put before it. The signature is of what follows the
 * first line, so a user cannot make a message pass for a summary.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "block.h"
#include "unit.h"

#include <stdbool.h>

/* What a speaker said, read back. */
struct summary_line {
    struct str text;
    struct str name; /* of the tool */
    enum piece_kind kind;
    enum unit_speaker speaker;
};

/* What is written. */
struct summary {
    size_t n_messages;
    const struct block_list *blocks; /* NULL: no keys */
    struct str secret;               /* empty: not signed */
    struct str text;                 /* a model's summary, or empty */
};

typedef void (*summary_fn)(void *arg, const struct summary_line *line);

bool summary_is_own(struct str secret, struct str text);
void summary_each(struct str text, summary_fn fn, void *arg);

/* All that the folded groups say, for a model to read. */
MUST_USE enum buf_result summary_write_all(const struct unit_list *l, const struct conversation *c,
                                           struct buf *out);

/* Of the units that are kept, those of groups that are folded. */
MUST_USE enum buf_result summary_write(const struct summary *s, const struct unit_list *l,
                                       const struct conversation *c, struct buf *out);
