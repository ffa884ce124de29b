/* summarizer.h -- what does the configured model say these messages come to?
 *
 * One question to an OpenAI-compatible API, normally llm-proxy with a key made for it, so that what
 * a summary costs is in the books. Whatever goes wrong, the answer is an empty one: the caller has
 * a way to do without. All functions are for the loop's thread.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"
#include "io/loop.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stdint.h>

#define SUMMARIZER_MAX_CALLS 32 /* at a time */

struct summarizer;
struct summarizer_call;

/* NULL when none is configured, or its key cannot be had, which is logged. Copies what it needs. */
struct summarizer *summarizer_new(struct loop *l, const struct settings *settings);
/* Calls under way end at once, with an empty answer. */
void summarizer_free(struct summarizer **s);
unsigned summarizer_under_way(const struct summarizer *s); /* NULL: 0 */

struct summarizer_question {
    struct str instructions, source; /* borrowed until the answer */
    uint64_t max_tokens;
    usec_t patience;
};

/* `text` is what the model wrote, borrowed for the call; empty: nothing came of it. */
typedef void (*summarizer_fn)(void *arg, struct str text);

/* False when too many are asked already; then `fn` is not called, else exactly once, later. */
MUST_USE bool summarizer_ask(struct summarizer *s, const struct summarizer_question *q,
                             summarizer_fn fn, void *arg);
