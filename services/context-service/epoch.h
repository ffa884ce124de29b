/* epoch.h -- does this turn of a conversation go on with what was frozen, or is it time to condense
 * anew?
 *
 * A provider reads a prompt from its cache as far as it begins with the bytes of the one before, at
 * a tenth of the price. So a conversation is condensed seldom and then by much: above the
 * high-water mark to the low-water mark, and until the next time what came out stays as it is, byte
 * by byte, with each turn's new messages behind it. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct epoch_water {
    uint64_t high, low; /* tokens */
};

struct epoch_situation {
    uint64_t tokens; /* of this turn with the frozen messages in place */
    uint64_t budget; /* the most there may be */
    struct epoch_water water;
    uint64_t turns;     /* of the model's since the last epoch, or ever */
    uint64_t grown;     /* tokens that came with them */
    double write_price; /* of a token in the provider's cache; reading one costs a tenth */
    bool is_cold;       /* what the cache had of it is gone */
};

enum epoch_verdict { EPOCH_GO_ON, EPOCH_BEGIN };

/* Over the budget, or a quarter over the high-water mark, there is no choice. Up to there an epoch
 * begins when the turns that it lasts, if it comes as far as this one, save well more than it costs
 * to write the shorter prompt to the cache. */
enum epoch_verdict epoch_decide(const struct epoch_situation *s);

/* What names the first messages of a conversation, for each number of them. */
struct epoch_chain {
    uint8_t (*digests)[DIGEST_SIZE]; /* without their cache_control members, which wander */
    uint8_t (*marks)[DIGEST_SIZE];   /* with them */
    size_t n;
};

/* False when the arena is full. */
MUST_USE bool epoch_chain_make(struct arena *a, const struct json_value *messages,
                               struct epoch_chain *ret);

/* A condensed array, cut where the messages begin that it has as they were. */
struct epoch_split {
    size_t n_source;   /* messages of the conversation that come before, at least one … */
    struct str frozen; /* … and what stands for them, with commas between them */
};

/* At least `ahead` messages come before. False when the arena is full. */
MUST_USE bool epoch_split_make(struct arena *a, const struct json_value *messages,
                               struct str condensed, size_t ahead, struct epoch_split *ret);

/* "[frozen,message,…]" with the messages from number `from` on; data NULL when the arena is full.
 */
struct str epoch_join(struct arena *a, struct str frozen, const struct json_value *messages,
                      size_t from);

/* Frozen messages without their cache markers, which the caller has moved on since; data NULL when
 * the arena is full. */
struct str epoch_unmark(struct arena *a, struct str frozen);
