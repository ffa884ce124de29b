#include "encode.h"

#include "normal_form.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES 14
#define WORD_SLOTS 65536
#define LINE_BYTES 54
#define LINE_SLOTS 16384
#define PAIR_SLOTS 32768
#define BATCH      32         /* pieces */
#define KEPT_ROOM  (1U << 18) /* bytes of a piece */

/* The bytes of a short piece, then its length; a look-up compares two words. */
struct word {
    uint64_t low;
    uint64_t high; /* length << 48 | tokens << 56; 0 when free */
};

struct line {
    uint64_t hash;
    uint8_t len; /* 0 when free */
    uint8_t count;
    char bytes[LINE_BYTES];
};

struct encode {
    const struct vocab *v;
    struct word *words; /* what was counted of pieces up to WORD_BYTES */
    struct line *lines; /* of those up to LINE_BYTES */
    uint64_t *pairs;    /* left, right, whether they stand together, 1: what was found of pairs */
    uint32_t *stack;    /* tokens of a piece, one after another; they may still be taken back */
    uint64_t *dead;     /* bit a position: no way to the end of the piece begins there */
    size_t room;        /* bytes of a piece that both have room for */
};

/* A piece that is cut but not looked up yet, so that memory can be on its way meanwhile. */
struct waiting {
    struct str piece;
    struct word word;
    uint64_t hash;
};

struct encode *encode_new(const struct vocab *v)
{
    struct encode *e = calloc(1, sizeof(*e));

    if (!e || !(e->words = calloc(WORD_SLOTS, sizeof(*e->words))) ||
        !(e->lines = calloc(LINE_SLOTS, sizeof(*e->lines))) ||
        !(e->pairs = calloc(PAIR_SLOTS, sizeof(*e->pairs))))
        abort();
    e->v = v;
    return e;
}

void encode_free(struct encode **e)
{
    if (!*e)
        return;
    free((*e)->words);
    free((*e)->lines);
    free((*e)->pairs);
    free((*e)->stack);
    free((*e)->dead);
    free(*e);
    *e = NULL;
}

const char *encode_name(const struct encode *e)
{
    return e->v->header->name;
}

static void forget_room(struct encode *e)
{
    free(e->stack);
    free(e->dead);
    e->stack = NULL;
    e->dead = NULL;
    e->room = 0;
}

static void make_room(struct encode *e, size_t len)
{
    if (len <= e->room)
        return;
    forget_room(e);
    e->room = len < 4096 ? 4096 : len + len / 4;
    e->stack = malloc(e->room * sizeof(*e->stack));
    e->dead = malloc((e->room / 64 + 1) * sizeof(*e->dead));
    if (!e->stack || !e->dead)
        abort();
}

/* Would merging leave these two side by side? Their merges are undone from the last to the first:
 * no pair that meets at the border meanwhile may merge to a token that would have come before the
 * merge undone. */
static bool would_stand(const struct vocab *v, uint32_t left, uint32_t right, uint64_t hash)
{
    uint32_t before = VOCAB_NONE;

    for (;; hash = vocab_pair_hash(left, right)) {
        if ((left | right) < 256)
            return v->merged_bytes[left << 8 | right] >= before;
        if (vocab_merge(v, (struct vocab_parts){left, right}, hash) < before)
            return false;
        if (left > right) {
            before = left;
            left = v->parts[left].right;
        } else {
            before = right + 1; /* of two alike, the one further left merges first */
            right = v->parts[right].left;
        }
    }
}

static bool stand_together(struct encode *e, uint32_t left, uint32_t right)
{
    uint64_t hash = vocab_pair_hash(left, right);
    uint64_t key = ((uint64_t)left << VOCAB_ID_BITS | right) << 2 | 1;
    uint64_t *found = &e->pairs[(hash >> 20) % PAIR_SLOTS];

    if ((*found & ~(uint64_t)2) != key)
        *found = key | (would_stand(e->v, left, right, hash) ? 2 : 0);
    return *found & 2;
}

static bool is_dead(const struct encode *e, size_t at)
{
    return e->dead[at / 64] >> at % 64 & 1;
}

/* Tokens of the piece, now in e->stack, each as vocab_prefixes() gives it. */
static size_t encode_piece(struct encode *e, struct str piece)
{
    uint32_t found[VOCAB_MAX_TOKEN], token;
    size_t at = 0, n = 0, n_found;

    make_room(e, piece.len);
    memset(e->dead, 0, (piece.len / 64 + 1) * sizeof(*e->dead));
    n_found = vocab_prefixes(e->v, piece, found);
    while (at < piece.len) {
        for (; n_found > 0; n_found--) {
            token = found[n_found - 1];
            if (!is_dead(e, at + (token & 0xff)) &&
                (n == 0 || stand_together(e, e->stack[n - 1] >> 8, token >> 8)))
                break;
        }
        struct str rest;
        if (n_found > 0) {
            e->stack[n++] = token;
            at += token & 0xff;
            rest = (struct str){piece.data + at, piece.len - at};
        } else {
            e->dead[at / 64] |= 1ULL << at % 64;
            token = e->stack[--n];
            at -= token & 0xff;
            rest = (struct str){piece.data + at, (token & 0xff) - 1}; /* to the shorter ones */
        }
        n_found = vocab_prefixes(e->v, rest, found);
    }
    return n;
}

static size_t count_anew(struct encode *e, struct str piece, uint64_t hash)
{
    return vocab_find(e->v, piece, hash) != VOCAB_NONE ? 1 : encode_piece(e, piece);
}

static inline uint64_t eight(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return le64toh(word);
}

static struct word word_of(struct str piece, const char *end)
{
    struct word w;
    char copy[16] = {0};
    const char *p = piece.data;

    if (end - p < 16)
        p = memcpy(copy, p, piece.len);
    w.low = eight(p);
    w.high = eight(p + 8);
    if (piece.len <= 8) {
        w.low &= ~0ULL >> (64 - 8 * piece.len);
        w.high = 0;
    } else {
        w.high &= ~0ULL >> (128 - 8 * piece.len);
    }
    w.high |= (uint64_t)piece.len << 48;
    return w;
}

static inline struct word *word_slot(struct encode *e, struct word w)
{
    return &e->words[vocab_word_hash(w.low, w.high) % WORD_SLOTS];
}

static inline struct line *line_slot(struct encode *e, uint64_t hash)
{
    return &e->lines[(hash >> 20) % LINE_SLOTS];
}

static size_t count_word(struct encode *e, const struct waiting *c)
{
    struct word *known = word_slot(e, c->word);

    if (known->low != c->word.low || (known->high & ~0ULL >> 8) != c->word.high) {
        uint64_t hash = vocab_hash((const unsigned char *)c->piece.data, c->piece.len);
        *known = c->word;
        known->high |= (uint64_t)count_anew(e, c->piece, hash) << 56;
    }
    return known->high >> 56;
}

static size_t count_line(struct encode *e, const struct waiting *c)
{
    struct line *known = line_slot(e, c->hash);

    if (known->hash != c->hash || known->len != c->piece.len ||
        memcmp(known->bytes, c->piece.data, c->piece.len) != 0) {
        known->hash = c->hash;
        known->len = (uint8_t)c->piece.len;
        known->count = (uint8_t)count_anew(e, c->piece, c->hash);
        memcpy(known->bytes, c->piece.data, c->piece.len);
    }
    return known->count;
}

static size_t count_piece(struct encode *e, const struct waiting *c)
{
    if (c->piece.len <= WORD_BYTES)
        return count_word(e, c);
    if (c->piece.len <= LINE_BYTES)
        return count_line(e, c);
    return count_anew(e, c->piece, c->hash);
}

static struct str cut_piece(const struct encode *e, struct str *rest)
{
    struct str piece = {rest->data, 0};

    piece.len = pretoken_length((enum pretoken_family)e->v->header->family, *rest);
    rest->data += piece.len;
    rest->len -= piece.len;
    return piece;
}

static size_t cut_batch(struct encode *e, struct str *rest, struct waiting *batch)
{
    const char *end = rest->data + rest->len;
    size_t n = 0;

    while (n < BATCH && rest->len > 0) {
        struct waiting *c = &batch[n++];
        c->piece = cut_piece(e, rest);
        if (c->piece.len <= WORD_BYTES) {
            c->word = word_of(c->piece, end);
            __builtin_prefetch(word_slot(e, c->word));
        } else {
            c->hash = vocab_hash((const unsigned char *)c->piece.data, c->piece.len);
            __builtin_prefetch(line_slot(e, c->hash));
        }
    }
    return n;
}

static enum encode_result count_pieces(struct encode *e, struct str text, uint64_t limit,
                                       uint64_t *ret_count)
{
    struct waiting batch[BATCH];
    uint64_t count = 0;
    size_t n;

    while ((n = cut_batch(e, &text, batch)) > 0) {
        for (size_t i = 0; i < n; i++) {
            if (batch[i].piece.len > ENCODE_MAX_PIECE)
                return ENCODE_TOO_LONG;
            count += count_piece(e, &batch[i]);
            if (count > limit)
                return ENCODE_OVER_LIMIT;
        }
    }
    *ret_count = count;
    return ENCODE_OK;
}

/* One long piece must not cost its memory for ever. */
enum encode_result encode_count(struct encode *e, struct str text, uint64_t limit,
                                uint64_t *ret_count)
{
    enum encode_result r = count_pieces(e, text, limit, ret_count);

    if (e->room > KEPT_ROOM)
        forget_room(e);
    if (r == ENCODE_OK && e->v->header->needs_nfc && !normal_form_is_sure(text))
        return ENCODE_ABOUT;
    return r;
}

enum encode_result encode_ids(struct encode *e, struct str text, uint32_t *ids, size_t *ret_n)
{
    size_t n = 0;

    while (text.len > 0) {
        struct str piece = cut_piece(e, &text);
        uint64_t hash = vocab_hash((const unsigned char *)piece.data, piece.len);
        uint32_t whole = vocab_find(e->v, piece, hash);
        size_t more;
        if (piece.len > ENCODE_MAX_PIECE)
            return ENCODE_TOO_LONG;
        if (whole != VOCAB_NONE) {
            ids[n++] = whole;
            continue;
        }
        more = encode_piece(e, piece);
        for (size_t i = 0; i < more; i++)
            ids[n++] = e->stack[i] >> 8;
    }
    *ret_n = n;
    return ENCODE_OK;
}
