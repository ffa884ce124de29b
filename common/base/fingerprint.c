#include "base/fingerprint.h"

#include "base/digest.h"

#include <string.h>

#define BLOCK (FINGERPRINT_WORDS * sizeof(uint64_t))

__extension__ typedef unsigned __int128 uint128;

void fingerprint_make_key(struct fingerprint_key *k)
{
    digest_random(k, sizeof(*k));
}

static uint128 product(const uint64_t key[2], const char *p)
{
    uint64_t words[2];

    memcpy(words, p, sizeof(words));
    return (uint128)(words[0] + key[0]) * (words[1] + key[1]);
}

/* The end is filled with zeros: what the text's length, in the chain, tells apart. */
static uint128 add_end(uint128 sum, const uint64_t key[2], const char *p, size_t len)
{
    char last[16] = {0};

    if (len == 0)
        return sum;
    memcpy(last, p, len);
    return sum + product(key, last);
}

static uint128 hash_block(const uint64_t *key, const char *p, size_t len)
{
    uint128 a = 0, b = 0, c = 0, d = 0; /* additions that need not wait for each other */
    size_t at = 0;

    for (; at + 64 <= len; at += 64) {
        a += product(key + at / 8, p + at);
        b += product(key + at / 8 + 2, p + at + 16);
        c += product(key + at / 8 + 4, p + at + 32);
        d += product(key + at / 8 + 6, p + at + 48);
    }
    for (; at + 16 <= len; at += 16)
        a += product(key + at / 8, p + at);
    return add_end(a + b + c + d, key + at / 8, p + at, len - at);
}

/* A step of the chain takes what the one before gave, first the domain and the length, and what as
 * many blocks of the text give as fill a block again. */
struct fingerprint fingerprint_of(const struct fingerprint_key *k, uint64_t domain, struct str text)
{
    struct fingerprint f = {{domain, text.len}};
    uint64_t step[FINGERPRINT_WORDS];

    do {
        size_t n = 2;
        memcpy(step, f.half, sizeof(f.half));
        for (; text.len > 0 && n < FINGERPRINT_WORDS; n += 2) {
            size_t len = text.len < BLOCK ? text.len : BLOCK;
            uint128 sum = hash_block(k->block, text.data, len);
            step[n] = (uint64_t)sum;
            step[n + 1] = (uint64_t)(sum >> 64);
            text.data += len;
            text.len -= len;
        }
        uint128 sum = hash_block(k->chain, (const char *)step, n * sizeof(*step));
        f.half[0] = (uint64_t)(sum >> 64);
        f.half[1] = (uint64_t)sum;
    } while (text.len > 0);
    return f;
}
