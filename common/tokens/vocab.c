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
    size_t at = VOCAB_HEADER;

    static_assert(sizeof(*header) <= VOCAB_HEADER, "the header is padded");
    v->header = header;
    v->mask = header->n_slots - 1;
    v->starts = part(header, &at, (size_t)header->n_tokens + 1, sizeof(*v->starts));
    v->parts = part(header, &at, header->n_tokens, sizeof(*v->parts));
    v->pieces = part(header, &at, header->n_slots, sizeof(*v->pieces));
    v->pairs = part(header, &at, header->n_slots, sizeof(*v->pairs));
    v->pair_bits = part(header, &at, VOCAB_PAIR_WORDS, sizeof(*v->pair_bits));
    v->merged_bytes = part(header, &at, 65536, sizeof(*v->merged_bytes));
    v->units = part(header, &at, header->n_units, sizeof(*v->units));
    v->bytes = part(header, &at, header->n_bytes, 1);
    return at;
}

enum vocab_result vocab_init(struct vocab *v, struct str file)
{
    const struct vocab_header *header = (const void *)file.data;
    uLong check;

    if (file.len < VOCAB_HEADER || memcmp(header->magic, VOCAB_MAGIC, sizeof(header->magic)) != 0)
        return VOCAB_FOREIGN;
    if (header->version != VOCAB_VERSION)
        return VOCAB_OTHER_VERSION;
    check = crc32(0, (const Bytef *)header, offsetof(struct vocab_header, check));
    if (check != header->check || header->family >= PRETOKEN_FAMILIES || header->n_slots == 0 ||
        (header->n_slots & (header->n_slots - 1)) != 0 || vocab_set_parts(v, header) != file.len)
        return VOCAB_DAMAGED;
    return VOCAB_OK;
}

bool vocab_is_intact(const struct vocab *v)
{
    struct vocab parts;
    size_t size = vocab_set_parts(&parts, v->header);
    uint8_t digest[DIGEST_SIZE];

    digest_sha256((struct str){(const char *)v->header + VOCAB_HEADER, size - VOCAB_HEADER},
                  digest);
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

uint64_t vocab_hash(const unsigned char *p, size_t len)
{
    static const uint64_t K1 = 0x9e3779b97f4a7c15, K2 = 0xd6e8feb86659fd93;
    uint64_t hash = len * K1, a, b;

    for (; len > 16; p += 16, len -= 16)
        hash = vocab_mix(eight(p) ^ hash, eight(p + 8) ^ K2);
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
    return vocab_mix(a ^ K1 ^ hash, b ^ K2);
}

struct str vocab_text(const struct vocab *v, uint32_t id)
{
    return (struct str){(const char *)v->bytes + v->starts[id], v->starts[id + 1] - v->starts[id]};
}

uint32_t vocab_find(const struct vocab *v, struct str piece, uint64_t hash)
{
    uint32_t tag = vocab_tag(hash), at = (uint32_t)hash & v->mask;

    for (unsigned n = 0; n < VOCAB_MAX_PROBES; n++, at = (at + 1) & v->mask) {
        struct vocab_slot slot = v->pieces[at];
        if (slot.id == VOCAB_NONE)
            break;
        if (slot.tag == tag && str_equal(vocab_text(v, slot.id), piece))
            return slot.id;
    }
    return VOCAB_NONE;
}

uint32_t vocab_merge(const struct vocab *v, struct vocab_parts pair, uint64_t hash, uint32_t before)
{
    uint32_t tag = vocab_tag(hash), at = (uint32_t)hash & v->mask;

    if (!vocab_may_merge(v, hash))
        return VOCAB_NONE;
    for (unsigned n = 0; n < VOCAB_MAX_PROBES; n++, at = (at + 1) & v->mask) {
        struct vocab_slot slot = v->pairs[at];
        if (slot.id == VOCAB_NONE)
            break;
        if (slot.tag == tag && slot.id < before && v->parts[slot.id].left == pair.left &&
            v->parts[slot.id].right == pair.right)
            return slot.id;
    }
    return VOCAB_NONE;
}

size_t vocab_prefixes(const struct vocab *v, struct str rest, uint32_t *ret)
{
    const unsigned char *p = (const unsigned char *)rest.data;
    const struct vocab_unit *unit = v->units;
    size_t n = 0;

    for (uint32_t i = 0; i < rest.len && unit->base > 0;) {
        const struct vocab_unit *child = v->units + unit->base + p[i];
        if (child->label != p[i++])
            break;
        ret[n] = child->id << 8 | i;
        n += child->id != VOCAB_NONE;
        unit = child;
    }
    return n;
}
