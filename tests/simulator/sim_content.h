/* sim_content.h -- what does the scripted model say, and in which pieces?
 *
 * An answer is a row of blocks: thinking, redacted thinking, text, calls of tools; each comes in
 * pieces, one an event of a stream. The text is, in this order of precedence: `stamp` (the time),
 * `size` (so many x), `chunks` ("w1 w2 … wN"), nothing but calls when tools are called, a sample of
 * the asked schema, else "echo: " and the text of the last message.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "sim_chat.h"
#include "sim_script.h"

#define SIM_CONTENT_MAX_CALLS  16
#define SIM_CONTENT_MAX_BLOCKS (3 + SIM_CONTENT_MAX_CALLS)
#define SIM_CONTENT_MAX_TEXT   ((size_t)64 << 20)
#define SIM_CONTENT_SIGNATURE  "c2lnbmF0dXJlIG9mIHRoZSBzaW11bGF0b3I="
#define SIM_CONTENT_REDACTED   "cmVkYWN0ZWQgYnkgdGhlIHNpbXVsYXRvcg=="

enum sim_content_kind {
    SIM_CONTENT_THINKING,
    SIM_CONTENT_REDACTED_THINKING,
    SIM_CONTENT_TEXT,
    SIM_CONTENT_CALL,
};

struct sim_content_block {
    enum sim_content_kind kind;
    uint64_t n_pieces;
    unsigned call; /* which of the calls, from 0 */
    char name[65]; /* of the tool, as spelled */
    size_t arguments_at, arguments_len;
};

/* One piece, described; sim_content_write() writes it. */
struct sim_content_piece {
    const struct sim_content_block *block;
    unsigned index;         /* of the block */
    bool is_first, is_last; /* of the block */
};

struct sim_content {
    uint64_t size, chunks;
    bool has_stamp;
    struct sim_content_block block[SIM_CONTENT_MAX_BLOCKS];
    unsigned n_blocks, n_calls, at_block;
    uint64_t at_piece, n_pieces;         /* within the block; of all blocks */
    struct buf text;                     /* of the echo or sample, as spelled in JSON */
    size_t text_at;                      /* how far the pieces have come in it */
    struct buf arguments;                /* of the calls, one after the other */
    uint64_t text_bytes, thinking_bytes; /* written so far; arguments count as text */
    bool met_stop;                       /* the text was cut at a stop sequence … */
    char stop[64];                       /* … this one, as spelled */
};

void sim_content_init(struct sim_content *c);
void sim_content_done(struct sim_content *c);
void sim_content_start(struct sim_content *c, const struct sim_script *script,
                       const struct sim_chat *chat);

/* The next piece; false after the last. */
bool sim_content_next(const struct sim_content *c, struct sim_content_piece *ret);
/* Adds its text as it stands between the quotes of a JSON string, and goes on to the next. */
void sim_content_write(struct sim_content *c, usec_t now, struct buf *out);
/* All pieces of the current block. */
void sim_content_write_block(struct sim_content *c, usec_t now, struct buf *out);
/* The current block is a call: goes on to the next block, returns the arguments as JSON. */
struct str sim_content_take_arguments(struct sim_content *c);
/* Text between the quotes of a JSON string. */
void sim_content_escape(struct buf *out, struct str text);
