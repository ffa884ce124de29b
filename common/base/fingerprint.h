/* fingerprint.h -- 128 bits that stand for a text, at memory speed.
 *
 * Keyed: without the key, which never leaves the process, nobody can choose two texts that share
 * one; by chance two do once in 2^64 pairs. No digest: whoever sees fingerprints could find the
 * key. (NH of 64-bit words, as in VMAC, a block; then NH of what the blocks gave.)
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

#define FINGERPRINT_WORDS 128 /* of a block */

struct fingerprint_key {
    uint64_t block[FINGERPRINT_WORDS];
    uint64_t chain[FINGERPRINT_WORDS];
};

struct fingerprint {
    uint64_t half[2]; /* the low bits of the first are spread best */
};

void fingerprint_make_key(struct fingerprint_key *k);

/* Of this text in this domain: the same text in another has another. */
struct fingerprint fingerprint_of(const struct fingerprint_key *k, uint64_t domain,
                                  struct str text);
