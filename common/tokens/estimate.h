/* estimate.h -- about how many tokens is this, when no exact tokenizer is at hand?
 *
 * A class-weighted walk over the bytes (letters, digits, punctuation, CJK, other scripts), never
 * reported as exact. Pure; about 1 GB/s on ASCII.
 */
#pragma once

#include "base/json.h"
#include "base/str.h"

#include <stdint.h>

#define ESTIMATE_METHOD "estimate"
#define ESTIMATE_MARGIN 0.35 /* relative error that the true count stays within, nearly always */

uint64_t estimate_text(struct str text);

/* A whole request body: messages (or input, prompt, system) and tools, in raw JSON spelling, with
 * the chat overhead per message. `body` is the parsed request. */
uint64_t estimate_request(const struct json_value *body);

/* One messages array. */
uint64_t estimate_messages(const struct json_value *messages);
