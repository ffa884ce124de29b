/* dialect_anthropic.h -- what do the files of the Anthropic dialect share? */
#pragma once

#include "base/json_write.h"
#include "dialect.h"

/* A tool call's proof, another provider's, has no field in this API: it travels as a block of
 * redacted thinking before the call, marked by this, and comes back the same way. */
#define DIALECT_ANTHROPIC_CALL_PROOF "tool_call_signature:"

/* The caller's own bytes but for the model, condensed messages, and what this proxy put into the
 * conversation and Anthropic would refuse. */
enum dialect_result dialect_anthropic_forward(struct arena *a, const struct dialect_request *r,
                                              struct dialect_call *ret);

/* A chat of another API as a request to /messages. */
enum dialect_result dialect_anthropic_write(struct arena *a, const struct dialect_request *r,
                                            struct dialect_call *ret);

/* Path and headers, the same for every request. */
void dialect_anthropic_address(struct dialect_call *ret);

/* Members `system` and `messages` of a request. False when the arena is full. */
MUST_USE bool dialect_anthropic_turns_write(struct json_write *w, struct arena *a,
                                            const struct chat *c);
/* What of the conversation cannot be said. */
enum chat_feature dialect_anthropic_turns_cannot(const struct chat *c);

/* How a model of Anthropic's is to think; all empty: as it does by itself. */
struct dialect_anthropic_thinking {
    bool is_off;
    int64_t budget;    /* tokens, for models that have no effort */
    struct str effort; /* for those that have */
};

/* `limit`: the most tokens of the answer; 0: unknown. */
struct dialect_anthropic_thinking
dialect_anthropic_thinking_decide(const struct chat *c, struct str model, int64_t limit);
/* The member `thinking`, if there is anything to say. */
void dialect_anthropic_thinking_write(struct json_write *w,
                                      const struct dialect_anthropic_thinking *t);

extern const struct dialect dialect_anthropic_count; /* POST /messages/count_tokens */
