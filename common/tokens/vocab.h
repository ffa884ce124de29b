/* vocab.h -- which tokens does this encoding have, and which of them merge?
 *
 * A view of a table file that vocab_make.h wrote and somebody mapped: nothing is parsed or copied,
 * so opening costs nothing and processes share the pages. The view borrows the bytes. A token is
 * its rank; bytes 0 to 255 in some order are the first 256.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "pretoken.h"

#include <stdbool.h>
#include <stdint.h>

#define VOCAB_ID_BITS    20
#define VOCAB_NONE       ((1U << VOCAB_ID_BITS) - 1)
#define VOCAB_MAGIC      "tokens\r\n"
#define VOCAB_VERSION    3
#define VOCAB_HEADER     192 /* bytes, with what pads it */
#define VOCAB_MAX_PROBES 64
#define VOCAB_PAIR_WORDS (1U << 16)
#define VOCAB_MAX_TOKEN  255 /* bytes */
#define VOCAB_NAME       32  /* bytes, with the NUL */

enum vocab_result {
    VOCAB_OK = 0,
    VOCAB_FOREIGN,       /* not a table */
    VOCAB_OTHER_VERSION, /* of another version of this program */
    VOCAB_DAMAGED,
};

struct vocab_header {
    char magic[8];
    uint32_t version;
    uint32_t family;    /* enum pretoken_family */
    uint32_t needs_nfc; /* 1: text is brought into normal form C first */
    char name[VOCAB_NAME];
    uint8_t source[32];  /* SHA-256 of the file it was made of */
    uint8_t content[32]; /* SHA-256 of all that follows the header */
    uint32_t n_tokens;   /* ids; some may be unused */
    uint32_t n_bytes;
    uint32_t n_slots; /* of either hash; a power of two */
    uint32_t n_units;
    uint32_t check; /* CRC-32 of all before it */
};

struct vocab_parts {
    uint32_t left,
        right; /* itself twice when it is one byte; VOCAB_NONE: merging cannot reach it */
};

struct vocab_slot {
    uint32_t tag : 32 - VOCAB_ID_BITS;
    uint32_t id : VOCAB_ID_BITS; /* VOCAB_NONE when free */
};

/* Tokens that merging can reach, as a tree of prefixes: the child of a unit for a byte stands at
 * the unit's base plus that byte, if that unit is labelled with the byte. No two have one base. */
struct vocab_unit {
    uint32_t label : 8, base : 24; /* base 0: no children */
    uint32_t id;                   /* VOCAB_NONE where no token ends */
};

struct vocab {
    const struct vocab_header *header;
    const uint32_t *starts; /* n_tokens + 1: where in `bytes` each begins */
    const struct vocab_parts *parts;
    const struct vocab_slot *pieces;
    const struct vocab_slot *pairs; /* by vocab_pair_hash() of a token's parts */
    const uint64_t *pair_bits;      /* VOCAB_PAIR_WORDS, by the hash from bit 40 on */
    const uint32_t *merged_bytes; /* 256 x 256: of the first 256 tokens, what left and right make */
    const struct vocab_unit *units;
    const unsigned char *bytes;
    uint32_t mask; /* n_slots - 1 */
};

/* `file` must be aligned to 8 bytes, as mapped memory is. The whole of it is not read: that is
 * vocab_is_intact()'s work, for whoever installs a table. */
MUST_USE enum vocab_result vocab_init(struct vocab *v, struct str file);
bool vocab_is_intact(const struct vocab *v);

/* Where the parts lie, from the counts in the header; returns the size of the file. */
size_t vocab_set_parts(struct vocab *v, const struct vocab_header *header);

uint64_t vocab_hash(const unsigned char *p, size_t len);

/* The tag of a slot. */
static inline uint32_t vocab_tag(uint64_t hash)
{
    return (uint32_t)(hash >> (32 + VOCAB_ID_BITS));
}

__extension__ typedef unsigned __int128 vocab_wide;

static inline uint64_t vocab_mix(uint64_t a, uint64_t b)
{
    vocab_wide product = (vocab_wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t vocab_pair_hash(uint32_t left, uint32_t right)
{
    return vocab_mix(((uint64_t)left << 32 | right) ^ 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93);
}

/* That somebody is about to ask vocab_find() for this hash. */
static inline void vocab_prefetch(const struct vocab *v, uint64_t hash)
{
    __builtin_prefetch(&v->pieces[(uint32_t)hash & v->mask]);
}

/* The token that is exactly these bytes; `hash` is theirs. */
uint32_t vocab_find(const struct vocab *v, struct str piece, uint64_t hash);

/* What a pair of this hash sets in its word of `pair_bits`. */
static inline uint64_t vocab_pair_bits(uint64_t hash)
{
    return 1ULL << (hash >> 24 & 63) | 1ULL << (hash >> 30 & 63);
}

/* False where no two of this hash merge. */
static inline bool vocab_may_merge(const struct vocab *v, uint64_t hash)
{
    return (~v->pair_bits[(hash >> 40) % VOCAB_PAIR_WORDS] & vocab_pair_bits(hash)) == 0;
}

/* The token that these two merge to, if it comes before that one; `hash` is theirs. */
uint32_t vocab_merge(const struct vocab *v, struct vocab_parts pair, uint64_t hash,
                     uint32_t before);

/* That somebody is about to ask vocab_prefixes() for what begins with these three bytes. */
static inline void vocab_prefetch_prefixes(const struct vocab *v, const char *three)
{
    const unsigned char *p = (const unsigned char *)three;
    const struct vocab_unit *first = v->units + v->units->base + p[0];
    const struct vocab_unit *second = v->units + first->base + p[1];

    __builtin_prefetch(v->units + second->base + p[2]);
}

/* Tokens that merging can reach at the front of `rest`, the shortest first; each is id << 8 |
 * length. `ret` has room for VOCAB_MAX_TOKEN. */
size_t vocab_prefixes(const struct vocab *v, struct str rest, uint32_t *ret);

struct str vocab_text(const struct vocab *v, uint32_t id);
