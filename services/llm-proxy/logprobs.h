/* logprobs.h -- how are the probabilities of an answer's tokens spelled in OpenAI's shape?
 *
 * That of choices[].logprobs, out of lists whose items have a `token` and a number. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/json_write.h"

struct logprobs {
    struct arena *arena;
    const char *number; /* the member that holds it */
    struct buf text;
    struct json_write w;
};

/* `number` is borrowed. */
void logprobs_init(struct logprobs *l, struct arena *a, const char *number);
void logprobs_done(struct logprobs *l);

/* A token that was chosen, and the list of the likeliest in its place; NULL: none given. */
void logprobs_add(struct logprobs *l, const struct json_value *chosen,
                  const struct json_value *likeliest);

/* In the arena. False when it did not fit. */
bool logprobs_finish(struct logprobs *l, struct str *ret);
