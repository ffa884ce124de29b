/* cache_key.h -- are these two requests the same question, asked by the same tenant?
 *
 * SHA-256 over everything that can change the answer, each piece with its kind and length in front
 * of it, so that no two questions share a text. How a request is spelled does not count: order of
 * members, white space, escapes in strings, and numbers by their exact decimal value (1, 1.0 and
 * 10e-1 are one; 0.1 and 0.10000000000000000001 are two). Everything else does, fields that nobody
 * knows included. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cache_key_result { CACHE_KEY_OK = 0, CACHE_KEY_TOO_BIG };

struct cache_key {
    uint8_t bytes[DIGEST_SIZE];
};

struct cache_key_parts {
    struct str scope_kind, scope; /* "key" and its id, or "team" and its name: whose answer it is */
    struct str endpoint;          /* route: the caller's dialect and what is asked of it */
    bool is_stream;               /* an answer is replayed in the form it was recorded in */
    const struct str *also;       /* what else decides: models, targets, headers; in order */
    size_t n_also;
    const struct json_value *body; /* an object; its "model" and "stream" are left out, see above */
};

/* `scratch` and `text` are for the length of the call; the latter's ceiling is what a request may
 * come to. */
MUST_USE enum cache_key_result cache_key_make(const struct cache_key_parts *p,
                                              struct arena *scratch, struct buf *text,
                                              struct cache_key *ret);
bool cache_key_equal(const struct cache_key *a, const struct cache_key *b);
