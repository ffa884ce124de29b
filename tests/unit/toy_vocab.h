/* toy_vocab.h -- a vocabulary small enough to read, and byte-pair encoding as its definition says.
 */
#pragma once

#include "tokens/vocab_ranks.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Rank 256 and up; "lll" is there, but merging cannot reach it. */
static const char *const toy_words[] = {
    "ab", "bc", "abc", "aa",   "aaaa", "ca",  "abca", "bb",  "  ",  "    ",
    "th", "he", "the", " the", "in",   "ing", "ba",   "lll", "bab", "aba",
};
#define TOY_WORDS (sizeof(toy_words) / sizeof(toy_words[0]))

static inline void toy_add_line(struct buf *ranks, struct str text, size_t rank)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < text.len; i += 3) {
        uint32_t bits = 0;
        char four[5] = "====";
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < text.len ? (unsigned char)text.data[i + k] : 0);
        for (size_t k = 0; k < 4 && i + k <= text.len; k++)
            four[k] = digits[bits >> (18 - 6 * k) & 63];
        if (buf_printf(ranks, "%s", four) != BUF_OK)
            abort();
    }
    if (buf_printf(ranks, " %zu\n", rank) != BUF_OK)
        abort();
}

static inline void toy_ranks(struct buf *ranks)
{
    for (int i = 0; i < 256; i++) {
        char byte = (char)(i ^ 0x55);
        toy_add_line(ranks, (struct str){&byte, 1}, (size_t)i);
    }
    for (size_t i = 0; i < TOY_WORDS; i++)
        toy_add_line(ranks, str_from(toy_words[i]), 256 + i);
}

/* `table` holds what `v` shows; done with it, buf_done(). */
static inline void toy_make(struct vocab *v, struct buf *table, enum pretoken_family family)
{
    struct vocab_source source;
    struct buf ranks;

    buf_init(&ranks, 1 << 20);
    buf_init(table, 16 << 20);
    toy_ranks(&ranks);
    if (vocab_ranks_read(buf_str(&ranks), family, &source) != VOCAB_RANKS_OK ||
        vocab_make(&source, "toy", table) != VOCAB_MAKE_OK ||
        vocab_init(v, buf_str(table)) != VOCAB_OK)
        abort();
    vocab_source_done(&source);
    buf_done(&ranks);
}

static inline uint32_t toy_rank(const char *p, size_t len)
{
    if (len == 1)
        return (unsigned char)*p ^ 0x55;
    for (size_t i = 0; i < TOY_WORDS; i++) {
        if (strlen(toy_words[i]) == len && memcmp(toy_words[i], p, len) == 0)
            return (uint32_t)(256 + i);
    }
    return VOCAB_NONE;
}

/* Merge the pair of the lowest rank, the leftmost of equals, until none is left. */
static inline size_t toy_merge(struct str piece, uint32_t *ids)
{
    size_t *cuts = malloc((piece.len + 1) * sizeof(*cuts)), n = piece.len;

    for (size_t i = 0; i <= n; i++)
        cuts[i] = i;
    for (;;) {
        uint32_t best = VOCAB_NONE;
        size_t where = 0;
        for (size_t i = 0; i + 2 <= n; i++) {
            uint32_t rank = toy_rank(piece.data + cuts[i], cuts[i + 2] - cuts[i]);
            if (rank < best) {
                best = rank;
                where = i;
            }
        }
        if (best == VOCAB_NONE)
            break;
        memmove(&cuts[where + 1], &cuts[where + 2], (n - where - 1) * sizeof(*cuts));
        n--;
    }
    for (size_t i = 0; i < n; i++)
        ids[i] = toy_rank(piece.data + cuts[i], cuts[i + 1] - cuts[i]);
    free(cuts);
    return n;
}

static inline size_t toy_encode(enum pretoken_family family, struct str text, uint32_t *ids)
{
    size_t n = 0;

    while (text.len > 0) {
        struct str piece = {text.data, pretoken_length(family, text)};
        uint32_t whole = toy_rank(piece.data, piece.len);
        if (whole != VOCAB_NONE)
            ids[n++] = whole;
        else
            n += toy_merge(piece, ids + n);
        text.data += piece.len;
        text.len -= piece.len;
    }
    return n;
}
