/* counter.h -- how many tokens does this model make of a message, of tools, of a whole request?
 *
 * Text is counted by the encoder of the model's table, or estimated where there is none; what the
 * format adds is the row of counting_rule.h. Tokens never cross a message's border: a conversation
 * is the sum of its messages and of what stands around them. A counter remembers which parts it
 * could not count exactly since it was made. Not for two threads at once.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fingerprint.h"
#include "base/json.h"
#include "base/str.h"
#include "counting_rule.h"
#include "encode.h"
#include "estimate.h"

#include <stdbool.h>
#include <stdint.h>

#define COUNTER_METHOD 96

enum counter_part {
    COUNTER_MESSAGES, /* what a message adds, which the provider does not publish */
    COUNTER_TOOLS,    /* definitions of tools, in a form that nobody publishes */
    COUNTER_CALLS,    /* calls of tools and their results */
    COUNTER_PICTURES,
    COUNTER_MEDIA, /* sound, documents */
    COUNTER_OTHER, /* whatever else the model sees */
    COUNTER_PARTS,
};

/* What a message has. */
struct counter_known {
    uint32_t tokens, doubt;
    unsigned parts;
};

/* Where such is remembered, by the message's bytes and the domain; find NULL: nowhere. */
struct counter_memory {
    /* *ret_of is set in any case, *ret_value where true. */
    bool (*find)(void *arg, uint64_t domain, struct str text, struct fingerprint *ret_of,
                 void *ret_value);
    void (*keep)(void *arg, const struct fingerprint *of, const void *value);
    void *arg;
};

/* What was learnt of a model without a table: fit.h. */
struct counter_weights {
    double of[ESTIMATE_FEATURES];
    double margin;
    bool is_learnt; /* else the rest is nothing */
};

struct counter {
    const struct counting_rule *rule;
    struct encode *encode; /* borrowed; NULL: all is estimated */
    struct counter_weights weights;
    struct counter_memory memory;    /* of struct counter_known */
    struct counter_memory estimates; /* of struct estimate_memory_parts */
    struct arena scratch;
    struct buf decoded;
    unsigned parts;    /* bit set: what was not counted exactly … */
    uint64_t doubt;    /* … and by how many tokens that may be off */
    uint64_t n, limit; /* so far, of the call under way */
};

struct count {
    uint64_t tokens;
    bool exact;
    double margin; /* relative error that the true count stays within */
    char method[COUNTER_METHOD];
};

/* `encode` is of the table that `rule` names. */
void counter_init(struct counter *c, const struct counting_rule *rule, struct encode *encode);
void counter_done(struct counter *c);
/* As fresh, for another model of the same table. */
void counter_renew(struct counter *c, const struct counting_rule *rule);

/* `c` may be NULL in these: estimated. */
uint64_t counter_message(struct counter *c, const struct json_value *message);
/* Of a conversation, on top of its messages. */
uint64_t counter_overhead(const struct counter *c);
uint64_t counter_messages(struct counter *c, const struct json_value *messages);

/* Text as it is. */
uint64_t counter_text(struct counter *c, struct str text);
uint64_t counter_string(struct counter *c, const struct json_value *string);

/* A request body: messages (or input, prompt), system, instructions, tools and what else the model
 * sees. Stops soon after `limit` tokens, with a number above it; UINT64_MAX: none. */
uint64_t counter_request(struct counter *c, const struct json_value *body, uint64_t limit);

/* What an estimate by learnt weights stands on: of the table's tokens, where there is a table. */
void counter_features(struct counter *c, const struct json_value *body,
                      double ret[ESTIMATE_FEATURES]);

/* What may be said of a number that was counted with `c`, or estimated (NULL). */
void counter_describe(const struct counter *c, uint64_t tokens, struct count *ret);
