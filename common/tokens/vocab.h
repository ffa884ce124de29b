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

#define VOCAB_NONE       UINT32_MAX
#define VOCAB_MAGIC      "tokens\r\n"
#define VOCAB_VERSION    1
#define VOCAB_MAX_PROBES 64
#define VOCAB_PAIR_BITS  (1U << 22)
#define VOCAB_MAX_TOKEN  255 /* bytes */

enum vocab_result {
    VOCAB_OK = 0,
    VOCAB_FOREIGN,       /* not a table */
    VOCAB_OTHER_VERSION, /* of another version of this program */
    VOCAB_DAMAGED,
};

struct vocab_header {
    char magic[8];
    uint32_t version;
    uint32_t family; /* enum pretoken_family */
    char name[16];   /* "o200k_base" */
    uint8_t source[32];
    uint8_t content[32]; /* SHA-256 of all that follows the header */
    uint32_t n_tokens;   /* ids; some may be unused */
    uint32_t n_bytes;
    uint32_t n_slots; /* of either hash; a power of two */
    uint32_t n_nodes;
    uint8_t unused[4];
    uint32_t check; /* CRC-32 of all before it */
};

struct vocab_token {
    uint32_t at;          /* in `bytes`; it ends where the next begins */
    uint32_t shorter;     /* the longest other token that it begins with, or VOCAB_NONE */
    uint32_t left, right; /* the two it was merged of; itself twice when it is one byte */
};

struct vocab_slot {
    uint32_t tag;
    uint32_t id; /* VOCAB_NONE when free */
};

/* Tokens that merging can reach, as a tree of prefixes in order of breadth: the children of a node
 * lie side by side, up to the first child of the next node. */
struct vocab_node {
    uint32_t first_child;
    uint32_t id; /* VOCAB_NONE where no token ends */
};

struct vocab {
    const struct vocab_header *header;
    const struct vocab_token *tokens; /* n_tokens + 1 */
    const struct vocab_slot *pieces;
    const struct vocab_slot *pairs;
    const uint8_t *pair_bits;        /* VOCAB_PAIR_BITS: clear where no pair has that hash */
    const struct vocab_node *nodes;  /* n_nodes + 1 */
    const uint32_t *node_of_two;     /* for the first two bytes; 0 when no token has them */
    const uint32_t *id_of_byte;      /* 256 */
    const unsigned char *last_bytes; /* of each node */
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
uint64_t vocab_pair_hash(uint32_t left, uint32_t right);

/* The token that is exactly these bytes; `hash` is theirs. */
uint32_t vocab_find(const struct vocab *v, struct str piece, uint64_t hash);

/* The token that these two merge to. */
uint32_t vocab_merge(const struct vocab *v, uint32_t left, uint32_t right);

/* The longest token at the front of `rest`, which is not empty. */
uint32_t vocab_longest(const struct vocab *v, struct str rest);

struct str vocab_text(const struct vocab *v, uint32_t id);
