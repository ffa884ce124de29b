/* complexity_text.h -- what are the words of this prompt, in one spelling?
 *
 * The beginning and the end of a message's text, JSON escapes taken out, in lower case (Latin,
 * Cyrillic), typographic punctuation as ASCII. The middle of a long one is not looked at, which
 * bounds the time whatever a caller sends.
 */
#pragma once

#include "base/json.h"
#include "base/str.h"

#include <stdint.h>

#define COMPLEXITY_TEXT_HEAD 2048 /* bytes as spelled in JSON */
#define COMPLEXITY_TEXT_TAIL 1024

struct complexity_text {
    char data[COMPLEXITY_TEXT_HEAD + COMPLEXITY_TEXT_TAIL + 1];
    size_t len;
    uint64_t n_bytes; /* of the whole text, as spelled in JSON */
    unsigned n_media; /* parts that are no text */
};

/* `content` is a message's: a string, or an array of parts. */
void complexity_text_read(const struct json_value *content, struct complexity_text *ret);
