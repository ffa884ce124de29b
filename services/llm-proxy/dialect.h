/* dialect.h -- how does a provider's API spell a chat, and what does its answer say?
 *
 * One file per dialect exports one const table. Pure: text in, facts out. Same dialect in and out
 * is forwarded byte for byte but for the edits made here.
 */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "base/str.h"
#include "chat_request.h"

#include <stdbool.h>
#include <stdint.h>

#define DIALECT_MAX_PIECES 8 /* as many as a fetch can send */

struct dialect_usage {
    int64_t input, output; /* input includes cached, output includes reasoning */
    int64_t cached, reasoning;
};

/* What one event of a stream says. */
struct dialect_event {
    bool is_valid;
    bool is_done;       /* the provider's own end mark */
    bool is_error;      /* an in-band error of the provider */
    bool has_content;   /* something of the answer: text, tool call, reasoning, refusal */
    bool is_usage_only; /* asked for by us, of no interest to a caller who did not ask */
    bool has_usage;
    struct dialect_usage usage;
    uint64_t content_tokens;   /* estimated */
    uint64_t choices;          /* bit set of the choices that appear in it … */
    uint64_t finished_choices; /* … and that end with it */
};

/* What a whole answer says. */
struct dialect_answer {
    bool is_valid;
    bool is_finished; /* every choice has its finish reason */
    bool has_usage;
    struct dialect_usage usage;
    uint64_t content_tokens;
};

struct dialect_request {
    const struct chat_request *chat;
    const char *model;   /* what the provider calls it */
    struct str messages; /* condensed; empty: the caller's own */
};

struct dialect {
    const char *chat_path;
    const char *auth_header, *auth_prefix;
    /* The body in pieces, in order; they live as long as `a` and the caller's body. False when
     * the arena is full. */
    bool (*write_request)(struct arena *a, const struct dialect_request *r,
                          struct str ret_pieces[DIALECT_MAX_PIECES], size_t *ret_n);
    struct dialect_answer (*read_answer)(struct arena *a, struct str body);
    struct dialect_event (*read_event)(struct arena *a, struct str data);
};

extern const struct dialect dialect_openai;
