#include "vocab.h"

#include "base/digest.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

static const void *part(const struct vocab_header *header, size_t *at, size_t n, size_t size)
{
    const void *start = (const char *)header + *at;

    *at += (n * size + 63) & ~(size_t)63;
    return start;
}

size_t vocab_set_parts(struct vocab *v, const struct vocab_header *header)
{
    size_t at = 128;

    static_assert(sizeof(*header) <= 128, "the header is padded to 128 bytes");
    v->header = header;
    v->mask = header->n_slots - 1;
    v->tokens = part(header, &at, (size_t)header->n_tokens + 1, sizeof(*v->tokens));
    v->pieces = part(header, &at, header->n_slots, sizeof(*v->pieces));
    v->pairs = part(header, &at, header->n_slots, sizeof(*v->pairs));
    v->pair_bits = part(header, &at, VOCAB_PAIR_BITS / 8, 1);
    v->nodes = part(header, &at, (size_t)header->n_nodes + 1, sizeof(*v->nodes));
    v->node_of_two = part(header, &at, 65536, sizeof(*v->node_of_two));
    v->id_of_byte = part(header, &at, 256, sizeof(*v->id_of_byte));
    v->last_bytes = part(header, &at, header->n_nodes, 1);
    v->bytes = part(header, &at, header->n_bytes, 1);
    return at;
}

enum vocab_result vocab_init(struct vocab *v, struct str file)
{
    const struct vocab_header *header = (const void *)file.data;
    uLong check;

    if (file.len < 128 || memcmp(header->magic, VOCAB_MAGIC, sizeof(header->magic)) != 0)
        return VOCAB_FOREIGN;
    if (header->version != VOCAB_VERSION)
        return VOCAB_OTHER_VERSION;
    check = crc32(0, (const Bytef *)header, offsetof(struct vocab_header, check));
    if (check != header->check || header->family > PRETOKEN_O200K || header->n_slots == 0 ||
        (header->n_slots & (header->n_slots - 1)) != 0 || vocab_set_parts(v, header) != file.len)
        return VOCAB_DAMAGED;
    return VOCAB_OK;
}

bool vocab_is_intact(const struct vocab *v)
{
    struct vocab parts;
    size_t size = vocab_set_parts(&parts, v->header);
    uint8_t digest[DIGEST_SIZE];

    digest_sha256((struct str){(const char *)v->header + 128, size - 128}, digest);
    return digest_equal(digest, v->header->content);
}

static inline uint64_t eight(const unsigned char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

static inline uint64_t four(const unsigned char *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

__extension__ typedef unsigned __int128 wide;

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t vocab_hash(const unsigned char *p, size_t len)
{
    static const uint64_t K1 = 0x9e3779b97f4a7c15, K2 = 0xd6e8feb86659fd93;
    uint64_t hash = len * K1, a, b;

    for (; len > 16; p += 16, len -= 16)
        hash = mix(eight(p) ^ hash, eight(p + 8) ^ K2);
    if (len >= 8) {
        a = eight(p);
        b = eight(p + len - 8);
    } else if (len >= 4) {
        a = four(p);
        b = four(p + len - 4);
    } else {
        a = len > 0 ? (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1] : 0;
        b = 0;
    }
    return mix(a ^ K1 ^ hash, b ^ K2);
}

uint64_t vocab_pair_hash(uint32_t left, uint32_t right)
{
    return mix(((uint64_t)left << 32 | right) ^ 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93);
}

struct str vocab_text(const struct vocab *v, uint32_t id)
{
    const struct vocab_token *t = &v->tokens[id];

    return (struct str){(const char *)v->bytes + t[0].at, t[1].at - t[0].at};
}

uint32_t vocab_find(const struct vocab *v, struct str piece, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32), at = (uint32_t)hash & v->mask;

    for (unsigned n = 0; n < VOCAB_MAX_PROBES; n++, at = (at + 1) & v->mask) {
        struct vocab_slot slot = v->pieces[at];
        if (slot.id == VOCAB_NONE)
            break;
        if (slot.tag == tag && str_equal(vocab_text(v, slot.id), piece))
            return slot.id;
    }
    return VOCAB_NONE;
}

uint32_t vocab_merge(const struct vocab *v, uint32_t left, uint32_t right)
{
    uint64_t hash = vocab_pair_hash(left, right);
    uint32_t bit = (uint32_t)(hash >> 40) % VOCAB_PAIR_BITS;
    uint32_t tag = (uint32_t)(hash >> 32), at = (uint32_t)hash & v->mask;

    if (!(v->pair_bits[bit / 8] >> bit % 8 & 1))
        return VOCAB_NONE;
    for (unsigned n = 0; n < VOCAB_MAX_PROBES; n++, at = (at + 1) & v->mask) {
        struct vocab_slot slot = v->pairs[at];
        if (slot.id == VOCAB_NONE)
            break;
        if (slot.tag == tag && v->tokens[slot.id].left == left && v->tokens[slot.id].right == right)
            return slot.id;
    }
    return VOCAB_NONE;
}

/* The child of `node` for `byte`, or 0: the root is nobody's child. */
static uint32_t child(const struct vocab *v, uint32_t node, unsigned char byte)
{
    uint32_t first = v->nodes[node].first_child, end = v->nodes[node + 1].first_child;
    const unsigned char *found =
        first < end ? memchr(v->last_bytes + first, byte, end - first) : NULL;

    return found ? (uint32_t)(found - v->last_bytes) : 0;
}

uint32_t vocab_longest(const struct vocab *v, struct str rest)
{
    const unsigned char *p = (const unsigned char *)rest.data;
    uint32_t best = v->id_of_byte[p[0]], node;
    size_t i = 2;

    if (rest.len < 2)
        return best;
    for (node = v->node_of_two[p[0] << 8 | p[1]]; node != 0; node = child(v, node, p[i++])) {
        if (v->nodes[node].id != VOCAB_NONE)
            best = v->nodes[node].id;
        if (i == rest.len)
            break;
    }
    return best;
}
