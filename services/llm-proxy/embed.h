/* embed.h -- what is asked of a model of embeddings, and what does it answer, whichever API spells
 * it?
 *
 * The form between the caller's POST /v1/embeddings and a provider's dialect other than OpenAI's
 * (dialect.h: write_embed, read_embed). Everything is borrowed from the body or the arena. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "chat_event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMBED_MAX_INPUTS 2048

struct embed_input {
    const struct embed_input *next;
    struct str text;                 /* decoded; of `tokens` empty */
    const struct json_value *tokens; /* an array of whole numbers in place of a text; NULL: none */
};

struct embed {
    const struct embed_input *inputs;
    size_t n_inputs;    /* at least 1 */
    int64_t dimensions; /* 0: not given */
    bool wants_base64;  /* the caller; a dialect need not know */
    struct str user;
};

struct embed_vector {
    const struct embed_vector *next;
    struct str values; /* JSON: an array of numbers */
};

struct embed_answer {
    const struct embed_vector *first;
    struct embed_vector *last;
    size_t n_vectors; /* one an input, in order */
    bool has_usage;
    struct chat_usage usage;
};

/* An array of numbers and nothing else? What is only skimmed is not yet known to be. */
bool embed_is_vector(struct str values);

/* False when the arena is full. */
MUST_USE bool embed_add_vector(struct arena *a, struct embed_answer *answer, struct str values);
