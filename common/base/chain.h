/* chain.h -- is this list of records as it was written? Lines, each sealed with the one before it.
 *
 *   {"seq":7,"time":"2026-11-21T16:58:00.123456Z","event":"key.created","data":{…},
 *    "prev":"<hash of record 6>","hash":"<HMAC-SHA-256>"}
 *
 * on one line, in exactly this form. The hash is keyed and taken over every field with its length
 * before it, so who has no key can change, insert, move or leave out no record unnoticed. That the
 * end is missing only the last record's number and hash tell, kept elsewhere (see trail_head.h).
 */
#pragma once

#include "base/buf.h"
#include "base/digest.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define CHAIN_MAX_DATA 8192
#define CHAIN_MAX_LINE (CHAIN_MAX_DATA + 512) /* with its newline */
#define CHAIN_KEY_SIZE 32

/* As a record's own seal says; the first that fits is told. */
enum chain_verdict {
    CHAIN_OK = 0,
    CHAIN_ALTERED,      /* the hash is not of these fields and this key */
    CHAIN_MISSING,      /* records between the last one and this one are not there */
    CHAIN_OUT_OF_ORDER, /* it was written before the last one */
    CHAIN_FOREIGN,      /* it follows another record of the last one's number */
};

/* Where the chain has got to; all zero: nothing was written. */
struct chain {
    uint64_t seq;
    uint8_t hash[DIGEST_SIZE];
};

struct chain_record { /* texts are borrowed from the line */
    uint64_t seq;
    struct str time, event, data;
    uint8_t prev[DIGEST_SIZE], hash[DIGEST_SIZE];
};

/* Writes the next record with its newline. `time` and `event` are letters, digits and ":.-_";
 * `data` is a JSON object on one line of at most CHAIN_MAX_DATA bytes. BUF_FULL: nothing changed.
 */
MUST_USE enum buf_result chain_append(struct chain *c, const uint8_t key[CHAIN_KEY_SIZE],
                                      const struct chain_record *record, struct buf *out);

/* A line without its newline. False: it is not of the form above, to the byte. */
MUST_USE bool chain_read(struct str line, struct chain_record *ret);

/* Is `r` the record after *c? CHAIN_OK, CHAIN_MISSING and CHAIN_FOREIGN move *c to it. */
MUST_USE enum chain_verdict chain_check(struct chain *c, const uint8_t key[CHAIN_KEY_SIZE],
                                        const struct chain_record *r);
