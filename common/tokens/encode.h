/* encode.h -- exactly how many tokens is this text, and which?
 *
 * Each piece of the text is looked up whole; else it takes the longest token that byte-pair
 * encoding could have left standing after the one before, and steps back where that leads nowhere.
 * Dead ends are marked, so time grows with the length whatever the text. What the API calls special
 * tokens is ordinary text here. Pieces seen lately are remembered: one encoder a thread.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "vocab.h"

#define ENCODE_MAX_PIECE (16U << 20) /* bytes: scratch memory is five times as much at most */

enum encode_result {
    ENCODE_OK = 0,
    ENCODE_ABOUT, /* counted as it is, but the tokenizer may normalize it first */
    ENCODE_OVER_LIMIT,
    ENCODE_TOO_LONG, /* one piece, such as a run of one letter, is longer than ENCODE_MAX_PIECE */
};

struct encode;

/* `v` must live longer. About 2 MB, in one large page where the system has one. */
struct encode *encode_new(const struct vocab *v);
void encode_free(struct encode **e);

/* Of its table: "o200k_base". */
const char *encode_name(const struct encode *e);
/* Another table has another, but for one in 2^32. */
uint32_t encode_identity(const struct encode *e);

/* `ret_count` is set on ENCODE_OK and ENCODE_ABOUT. ENCODE_OVER_LIMIT as soon as more than `limit`
 * are seen; UINT64_MAX is no limit. */
MUST_USE enum encode_result encode_count(struct encode *e, struct str text, uint64_t limit,
                                         uint64_t *ret_count);

/* The tokens themselves; `ids` has room for `text.len`, which is enough. */
MUST_USE enum encode_result encode_ids(struct encode *e, struct str text, uint32_t *ids,
                                       size_t *ret_n);
