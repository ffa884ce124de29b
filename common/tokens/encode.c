#include "encode.h"

#include <stdlib.h>
#include <string.h>

#define MEMO_SLOTS 65536
#define MEMO_BYTES 54
#define KEPT_ROOM  (1U << 18) /* bytes of a piece */

struct memo {
    uint64_t hash;
    uint8_t len; /* 0 when free */
    uint8_t count;
    char bytes[MEMO_BYTES];
};

struct encode {
    const struct vocab *v;
    struct memo *memo;
    uint32_t *stack; /* tokens of a piece, one after another; they may still be taken back */
    uint64_t *dead;  /* bit a position: no way to the end of the piece begins there */
    size_t room;     /* bytes of a piece that both have room for */
};

struct encode *encode_new(const struct vocab *v)
{
    struct encode *e = calloc(1, sizeof(*e));

    if (!e || !(e->memo = calloc(MEMO_SLOTS, sizeof(*e->memo))))
        abort();
    e->v = v;
    return e;
}

void encode_free(struct encode **e)
{
    if (!*e)
        return;
    free((*e)->memo);
    free((*e)->stack);
    free((*e)->dead);
    free(*e);
    *e = NULL;
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
static bool stand_together(const struct vocab *v, uint32_t left, uint32_t right)
{
    uint32_t before = VOCAB_NONE;

    for (;;) {
        uint32_t merged = vocab_merge(v, left, right);
        if (merged < before)
            return false;
        if (left < 256 && right < 256)
            return true;
        if (left > right) {
            before = left;
            left = v->tokens[left].right;
        } else {
            before = right + 1; /* of two alike, the one further left merges first */
            right = v->tokens[right].left;
        }
    }
}

static uint32_t length_of(const struct vocab *v, uint32_t id)
{
    return v->tokens[id + 1].at - v->tokens[id].at;
}

/* Tokens of the piece, now in e->stack. */
static size_t encode_piece(struct encode *e, struct str piece)
{
    const struct vocab *v = e->v;
    size_t at = 0, n = 0;
    uint32_t id;

    make_room(e, piece.len);
    memset(e->dead, 0, (piece.len / 64 + 1) * sizeof(*e->dead));
    id = vocab_longest(v, piece);
    while (at < piece.len) {
        for (; id != VOCAB_NONE; id = v->tokens[id].shorter) {
            size_t next = at + length_of(v, id);
            if (!(e->dead[next / 64] >> next % 64 & 1) &&
                (n == 0 || stand_together(v, e->stack[n - 1], id)))
                break;
        }
        if (id != VOCAB_NONE) {
            e->stack[n++] = id;
            at += length_of(v, id);
            if (at < piece.len)
                id = vocab_longest(v, (struct str){piece.data + at, piece.len - at});
        } else {
            e->dead[at / 64] |= 1ULL << at % 64;
            id = e->stack[--n];
            at -= length_of(v, id);
        }
    }
    return n;
}

static size_t count_anew(struct encode *e, struct str piece, uint64_t hash)
{
    return vocab_find(e->v, piece, hash) != VOCAB_NONE ? 1 : encode_piece(e, piece);
}

static size_t count_piece(struct encode *e, struct str piece)
{
    uint64_t hash = vocab_hash((const unsigned char *)piece.data, piece.len);
    struct memo *m = &e->memo[(hash >> 20) % MEMO_SLOTS];

    if (piece.len > MEMO_BYTES)
        return count_anew(e, piece, hash);
    if (m->hash != hash || m->len != piece.len || memcmp(m->bytes, piece.data, piece.len) != 0) {
        m->hash = hash;
        m->len = (uint8_t)piece.len;
        m->count = (uint8_t)count_anew(e, piece, hash);
        memcpy(m->bytes, piece.data, piece.len);
    }
    return m->count;
}

static struct str cut_piece(const struct encode *e, struct str *rest)
{
    struct str piece = {rest->data, 0};

    piece.len = pretoken_length((enum pretoken_family)e->v->header->family, *rest);
    rest->data += piece.len;
    rest->len -= piece.len;
    return piece;
}

static enum encode_result count_pieces(struct encode *e, struct str text, uint64_t limit,
                                       uint64_t *ret_count)
{
    uint64_t count = 0;

    while (text.len > 0) {
        struct str piece = cut_piece(e, &text);
        if (piece.len > ENCODE_MAX_PIECE)
            return ENCODE_TOO_LONG;
        count += count_piece(e, piece);
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
        memcpy(ids + n, e->stack, more * sizeof(*ids));
        n += more;
    }
    *ret_n = n;
    return ENCODE_OK;
}
