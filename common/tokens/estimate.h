/* estimate.h -- about how many tokens is this, when no exact tokenizer is at hand?
 *
 * A walk over the characters that adds up a weight for each pair of neighbouring classes (lower and
 * upper case, digits, spaces, newlines, punctuation, scripts), fitted to o200k and, where the two
 * agree, cl100k; older tables spend two to six times as much on scripts other than Latin and Han.
 * Never reported as exact. Pure; about 1 GB/s on ASCII.
 */
#pragma once

#include "base/json.h"
#include "base/str.h"

#include <stdint.h>

#define ESTIMATE_METHOD "estimate"
#define ESTIMATE_MARGIN 0.35 /* relative error that the true count stays within, nearly always */

/* Text as it is, or as JSON spells it between the quotes: escapes count as what they stand for. */
uint64_t estimate_text(struct str text);

/* A whole request body: messages (or input, prompt), system, instructions and tools, and the
 * overhead of the answer's head. `body` is the parsed request. */
uint64_t estimate_request(const struct json_value *body);

/* What stands beside the messages: tools, system, instructions; and the answer's head. */
uint64_t estimate_beside_messages(const struct json_value *body);

/* The same as the whole in a tenth of the time for long strings, of which only a window every 4 KiB
 * is read: for admission, which looks at every request. */
uint64_t estimate_request_sampled(const struct json_value *body);

/* By which parts of it a request may have more or fewer tokens with one model than with another. */
enum estimate_feature {
    ESTIMATE_WORDS,
    ESTIMATE_DIGITS,
    ESTIMATE_SIGNS,   /* punctuation and symbols */
    ESTIMATE_LINES,   /* ends of lines, and indents */
    ESTIMATE_ACCENTS, /* Latin beyond ASCII */
    ESTIMATE_KANA,
    ESTIMATE_HAN,
    ESTIMATE_HANGUL,
    ESTIMATE_CYRILLIC,
    ESTIMATE_ARABIC,  /* and Hebrew */
    ESTIMATE_SCRIPTS, /* all others */
    ESTIMATE_TEXTS,   /* how many of those above */
    ESTIMATE_MESSAGES = ESTIMATE_TEXTS,
    ESTIMATE_TOOLS,
    ESTIMATE_PICTURES, /* and other media */
    ESTIMATE_FEATURES
};

#define ESTIMATE_TOKEN 100

/* Add to `by` what each part has of one message, and of all that is no message, in
 * 1 / ESTIMATE_TOKEN of a token. */
void estimate_add_message(const struct json_value *message, uint64_t by[ESTIMATE_FEATURES]);
void estimate_add_beside(const struct json_value *body, uint64_t by[ESTIMATE_FEATURES]);

/* Tokens of each part; together those of estimate_request(). */
void estimate_features(const struct json_value *body, double ret[ESTIMATE_FEATURES]);

/* One messages array: three a message, its role, one more for a name, a constant for an image. */
uint64_t estimate_messages(const struct json_value *messages);
