/* sim_chat.h -- what does a chat request ask of the simulator?
 *
 * Texts are kept as they are spelled in the JSON, escapes and all: the echo is written back without
 * being decoded, and the token rule counts the same bytes.
 */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_chat {
    struct str model;      /* without quotes */
    struct str text;       /* of the last message, without quotes */
    uint64_t prompt_bytes; /* of the texts of all messages */
    bool is_stream, wants_usage;
};

/* The rule: a token for every four bytes begun. */
uint64_t sim_chat_tokens(uint64_t bytes);

/* False if `body` is no chat request; `*reterr` says what is wrong, for people. The texts point
 * into `body`; the index is in `a` and may be released at once. */
MUST_USE bool sim_chat_read(struct arena *a, struct str body, struct sim_chat *ret,
                            const char **reterr);
