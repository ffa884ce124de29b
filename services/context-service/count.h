/* count.h -- how many tokens is this, and how far may that be off?
 *
 * The one place that chooses a counter. Tokens never cross a message's border: a conversation is
 * the sum of its messages and of what a model's answer costs to begin, to the token.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "tokenizers.h"

#include <stdbool.h>
#include <stdint.h>

struct count {
    uint64_t tokens;
    bool exact;
    double margin;      /* relative error that the true count stays within */
    const char *method; /* static text */
};

/* A request body: messages and tools, or else text, which is decoded into `a` and counted exactly
 * where `tokenizers` (or NULL) can. */
struct count count_body(struct arena *a, struct tokenizers *tokenizers, struct str model,
                        const struct json_value *body);
struct count count_messages(const struct json_value *messages);
/* The same of a number that was counted already. */
struct count count_describe(uint64_t tokens);

uint64_t count_message(const struct json_value *message);
uint64_t count_overhead(void); /* of a conversation, on top of its messages */
