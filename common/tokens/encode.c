#include "encode.h"

#include "normal_form.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WORD_BYTES  14
#define WORD_SLOTS  65536
#define LINE_BYTES  54
#define LINE_SLOTS  12288
#define PAIR_SLOTS  32768
#define AHEAD       4
#define KNOWN_BYTES (2U << 20)
#define PATIENCE    1024       /* pairs that are new before none is looked up any more … */
#define PAUSE       16384      /* … for so many */
#define BATCH       32         /* pieces */
#define KEPT_ROOM   (1U << 18) /* bytes of a piece */

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

/* What was found before. */
struct known {
    struct word words[WORD_SLOTS]; /* tokens of pieces up to WORD_BYTES */
    struct line lines[LINE_SLOTS]; /* of those up to LINE_BYTES */
    uint64_t pairs[PAIR_SLOTS];    /* left, right, whether they stand together; all ones: free */
};

struct encode {
    const struct vocab *v;
    pretoken_fn next;
    struct known *known;
    uint32_t *stack; /* tokens of a piece, one after another; they may still be taken back */
    uint64_t *dead;  /* bit a position: no way to the end of the piece begins there */
    size_t room;     /* bytes of a piece that both have room for */
    unsigned patience, pause; /* with `pairs`, which in random text cost more than they save */
};

/* A piece that is cut but not looked up yet, so that memory can be on its way meanwhile. */
struct waiting {
    struct str piece;
    struct word word;
    uint64_t hash;
    void *slot; /* where it is known, if it is: a struct word or line; NULL: it is too long */
};

struct encode *encode_new(const struct vocab *v)
{
    struct encode *e = calloc(1, sizeof(*e));

    if (!e || !(e->known = aligned_alloc(KNOWN_BYTES, KNOWN_BYTES)))
        abort();
    /* One large page instead of 512 small ones, where the kernel has one. */
    (void)madvise(e->known, KNOWN_BYTES, MADV_HUGEPAGE);
    memset(e->known, 0, KNOWN_BYTES);
    memset(e->known->pairs, 0xff, sizeof(e->known->pairs));
    e->v = v;
    e->patience = PATIENCE;
    e->next = pretoken_of((enum pretoken_family)v->header->family);
    return e;
}

void encode_free(struct encode **e)
{
    if (!*e)
        return;
    free((*e)->known);
    free((*e)->stack);
    free((*e)->dead);
    free(*e);
    *e = NULL;
}

const char *encode_name(const struct encode *e)
{
    return e->v->header->name;
}

uint32_t encode_identity(const struct encode *e)
{
    return e->v->header->check;
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
static inline bool would_stand(const struct vocab *v, uint32_t left, uint32_t right, uint64_t hash)
{
    uint32_t before = VOCAB_NONE;

    for (;; hash = vocab_pair_hash(left, right)) {
        if ((left | right) < 256)
            return v->merged_bytes[left << 8 | right] >= before;
        if (vocab_may_merge(v, hash) &&
            vocab_merge(v, (struct vocab_parts){left, right}, hash, before) != VOCAB_NONE)
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
    uint64_t key = ((uint64_t)left << VOCAB_ID_BITS | right) << 1;
    uint64_t *found = &e->known->pairs[(hash >> 20) % PAIR_SLOTS];

    if (e->pause > 0) {
        e->pause--;
        return would_stand(e->v, left, right, hash);
    }
    if ((*found & ~(uint64_t)1) == key) {
        e->patience += e->patience < PATIENCE ? 3 : 0;
        return *found & 1;
    }
    if (--e->patience == 0) {
        e->patience = PATIENCE;
        e->pause = PAUSE;
    }
    *found = key | would_stand(e->v, left, right, hash);
    return *found & 1;
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
            if (piece.len - at > AHEAD + 3)
                vocab_prefetch_prefixes(e->v, piece.data + at + AHEAD);
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

static inline uint64_t eight(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return le64toh(word);
}

static inline struct word word_of(struct str piece, const char *end)
{
    unsigned in_low = piece.len < 8 ? (unsigned)piece.len : 8;
    unsigned in_high = (unsigned)piece.len - in_low;
    char copy[16] = {0};
    const char *p = piece.data;

    if (end - p < 16)
        p = memcpy(copy, p, piece.len);
    return (struct word){
        .low = eight(p) & ~0ULL >> (64 - 8 * in_low),
        .high = (eight(p + 8) & ((1ULL << 8 * in_high) - 1)) | (uint64_t)piece.len << 48,
    };
}

static inline struct word *word_slot(struct encode *e, struct word w)
{
    return &e->known->words[vocab_mix(w.low ^ 0x9e3779b97f4a7c15, w.high ^ 0xd6e8feb86659fd93) %
                            WORD_SLOTS];
}

static uint64_t hash_of(struct str piece)
{
    return vocab_hash((const unsigned char *)piece.data, piece.len);
}

static struct str cut_piece(const struct encode *e, struct str *rest)
{
    const unsigned char *p = (const unsigned char *)rest->data;
    struct str piece = {rest->data, (size_t)(e->next(p, p + rest->len) - p)};

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
            c->slot = word_slot(e, c->word);
        } else {
            c->hash = hash_of(c->piece);
            c->slot =
                c->piece.len <= LINE_BYTES ? &e->known->lines[(c->hash >> 20) % LINE_SLOTS] : NULL;
        }
        __builtin_prefetch(c->slot);
    }
    return n;
}

/* Its tokens; 0 when nothing is known of it. */
static inline size_t look_up(const struct waiting *c)
{
    if (c->piece.len <= WORD_BYTES) {
        const struct word *known = c->slot;
        bool is_it = known->low == c->word.low && (known->high & ~0ULL >> 8) == c->word.high;
        return is_it ? known->high >> 56 : 0;
    }
    const struct line *known = c->slot;
    bool is_it = known && known->hash == c->hash && known->len == c->piece.len &&
                 memcmp(known->bytes, c->piece.data, c->piece.len) == 0;
    return is_it ? known->count : 0;
}

static size_t count_anew(struct encode *e, const struct waiting *c)
{
    size_t n = vocab_find(e->v, c->piece, c->hash) != VOCAB_NONE ? 1 : encode_piece(e, c->piece);

    if (c->piece.len <= WORD_BYTES) {
        *(struct word *)c->slot = (struct word){c->word.low, c->word.high | (uint64_t)n << 56};
    } else if (c->slot) {
        struct line *l = c->slot;
        l->hash = c->hash;
        l->len = (uint8_t)c->piece.len;
        l->count = (uint8_t)n;
        memcpy(l->bytes, c->piece.data, c->piece.len);
    }
    return n;
}

static size_t count_batch(struct encode *e, struct waiting *batch, size_t n)
{
    struct waiting *unknown[BATCH];
    size_t n_unknown = 0, count = 0;

    for (size_t i = 0; i < n; i++) {
        struct waiting *c = &batch[i];
        size_t tokens = look_up(c);
        count += tokens;
        if (tokens > 0)
            continue;
        if (c->piece.len <= WORD_BYTES)
            c->hash = hash_of(c->piece);
        vocab_prefetch(e->v, c->hash);
        unknown[n_unknown++] = c;
    }
    for (size_t i = 0; i < n_unknown; i++)
        count += count_anew(e, unknown[i]);
    return count;
}

static enum encode_result count_pieces(struct encode *e, struct str text, uint64_t limit,
                                       uint64_t *ret_count)
{
    struct waiting batch[BATCH];
    uint64_t count = 0;
    size_t n;

    while ((n = cut_batch(e, &text, batch)) > 0) {
        for (size_t i = 0; i < n; i++)
            if (batch[i].piece.len > ENCODE_MAX_PIECE)
                return ENCODE_TOO_LONG;
        count += count_batch(e, batch, n);
        if (count > limit)
            return ENCODE_OVER_LIMIT;
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
        uint32_t whole = vocab_find(e->v, piece, hash_of(piece));
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
