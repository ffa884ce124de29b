#include "vocab_make.h"

#include "base/digest.h"
#include "vocab_tree.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct making {
    struct vocab v; /* a view of what is below */
    uint32_t n_tokens;
    uint32_t n_bytes;
    uint32_t n_slots;
    uint32_t *starts;
    struct vocab_parts *parts;
    struct vocab_slot *pieces;
    struct vocab_slot *pairs;
    uint64_t *pair_bits;
    unsigned char *bytes;
    uint32_t id_of_byte[256];
    struct vocab_tree tree;
};

static void *room(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (!p)
        abort();
    return p;
}

static void done(struct making *m)
{
    free(m->starts);
    free(m->parts);
    free(m->pieces);
    free(m->pairs);
    free(m->pair_bits);
    free(m->bytes);
    vocab_tree_done(&m->tree);
}

static void make_room(struct making *m, const struct vocab_source *source)
{
    for (m->n_slots = 1024; m->n_slots < source->n_tokens * 5 / 2;)
        m->n_slots *= 2;
    m->v.mask = m->n_slots - 1;
    m->v.starts = m->starts = room((size_t)source->n_tokens + 1, sizeof(*m->starts));
    m->v.parts = m->parts = room(source->n_tokens, sizeof(*m->parts));
    m->v.pieces = m->pieces = room(m->n_slots, sizeof(*m->pieces));
    m->v.pairs = m->pairs = room(m->n_slots, sizeof(*m->pairs));
    m->v.pair_bits = m->pair_bits = room(VOCAB_PAIR_WORDS, sizeof(*m->pair_bits));
    m->v.bytes = m->bytes = room((size_t)source->n_bytes + 1, 1);
    memset(m->pieces, 0xff, m->n_slots * sizeof(*m->pieces));
    memset(m->pairs, 0xff, m->n_slots * sizeof(*m->pairs));
}

static uint32_t merge(const struct making *m, uint32_t left, uint32_t right)
{
    return vocab_merge(&m->v, (struct vocab_parts){left, right}, vocab_pair_hash(left, right),
                       VOCAB_NONE);
}

/* What byte-pair encoding makes of a token's bytes before it may use the token itself: two parts
 * if merging can reach it. */
static struct vocab_parts split(const struct making *m, const unsigned char *text, size_t n)
{
    uint32_t ids[VOCAB_MAX_TOKEN];

    for (size_t i = 0; i < n; i++)
        ids[i] = m->id_of_byte[text[i]];
    for (;;) {
        uint32_t best = VOCAB_NONE;
        size_t where = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            uint32_t id = merge(m, ids[i], ids[i + 1]);
            if (id < best) {
                best = id;
                where = i;
            }
        }
        if (best == VOCAB_NONE)
            break;
        ids[where] = best;
        n--;
        memmove(&ids[where + 1], &ids[where + 2], (n - where - 1) * sizeof(ids[0]));
    }
    return n == 2 ? (struct vocab_parts){ids[0], ids[1]}
                  : (struct vocab_parts){VOCAB_NONE, VOCAB_NONE};
}

static bool add_slot(struct making *m, struct vocab_slot *slots, uint64_t hash, uint32_t id)
{
    uint32_t at = (uint32_t)hash & m->v.mask;

    for (unsigned n = 0; n < VOCAB_MAX_PROBES; n++, at = (at + 1) & m->v.mask) {
        if (slots[at].id == VOCAB_NONE) {
            slots[at] = (struct vocab_slot){.id = id, .tag = vocab_tag(hash)};
            return true;
        }
    }
    return false;
}

static bool add_pair(struct making *m, struct vocab_parts pair, uint32_t id)
{
    uint64_t hash = vocab_pair_hash(pair.left, pair.right);

    m->pair_bits[(hash >> 40) % VOCAB_PAIR_WORDS] |= vocab_pair_bits(hash);
    return add_slot(m, m->pairs, hash, id);
}

static enum vocab_make_result add_token(struct making *m, struct str text, uint64_t hash,
                                        struct vocab_parts parts)
{
    uint32_t id = m->n_tokens++;

    memcpy(m->bytes + m->n_bytes, text.data, text.len);
    m->n_bytes += (uint32_t)text.len;
    m->starts[id + 1] = m->n_bytes;
    m->parts[id] = parts;
    if (text.len == 0)
        return VOCAB_MAKE_OK;
    if ((id < 256) != (text.len == 1))
        return VOCAB_MAKE_BYTES;
    if (text.len == 1)
        m->id_of_byte[(unsigned char)text.data[0]] = m->parts[id].left = m->parts[id].right = id;
    else if (parts.left != VOCAB_NONE && !add_pair(m, parts, id))
        return VOCAB_MAKE_CROWDED;
    return add_slot(m, m->pieces, hash, id) ? VOCAB_MAKE_OK : VOCAB_MAKE_CROWDED;
}

static enum vocab_make_result add_entry(struct making *m, const struct vocab_source *source,
                                        const struct vocab_entry *entry)
{
    const unsigned char *start = source->bytes + entry->at;
    struct str text = {(const char *)start, entry->length};
    struct vocab_parts parts = {VOCAB_NONE, VOCAB_NONE};
    uint64_t hash = vocab_hash(start, text.len);

    if (text.len > 0 && vocab_find(&m->v, text, hash) != VOCAB_NONE)
        return entry->kind == VOCAB_ENTRY_RANKED ? VOCAB_MAKE_CROWDED : VOCAB_MAKE_OK;
    if (text.len > 1 && entry->kind != VOCAB_ENTRY_WHOLE)
        parts = split(m, start, text.len);
    if (entry->kind == VOCAB_ENTRY_MERGED &&
        (parts.left == VOCAB_NONE || vocab_text(&m->v, parts.left).len != entry->cut))
        return VOCAB_MAKE_OK;
    if (m->n_tokens == source->n_tokens)
        return VOCAB_MAKE_TOO_BIG;
    return add_token(m, text, hash, parts);
}

static void copy(const void *part, const void *from, size_t n, size_t size)
{
    memcpy((void *)(uintptr_t)part, from, n * size);
}

static void write_merged_bytes(const struct making *m, const struct vocab *v)
{
    uint32_t *merged = (void *)(uintptr_t)v->merged_bytes;

    for (uint32_t left = 0; left < 256; left++) {
        for (uint32_t right = 0; right < 256; right++)
            merged[left << 8 | right] = merge(m, left, right);
    }
}

static enum vocab_make_result write_table(const struct making *m, struct vocab_header *header,
                                          struct buf *table)
{
    struct vocab v;
    size_t size = vocab_set_parts(&v, header);
    char *start = buf_reserve(table, size);

    if (!start)
        return VOCAB_MAKE_TOO_BIG;
    memset(start, 0, size);
    *(struct vocab_header *)(void *)start = *header;
    header = (void *)start;
    vocab_set_parts(&v, header);
    copy(v.starts, m->starts, (size_t)m->n_tokens + 1, sizeof(*v.starts));
    copy(v.parts, m->parts, m->n_tokens, sizeof(*v.parts));
    copy(v.pieces, m->pieces, m->n_slots, sizeof(*v.pieces));
    copy(v.pairs, m->pairs, m->n_slots, sizeof(*v.pairs));
    copy(v.pair_bits, m->pair_bits, VOCAB_PAIR_WORDS, sizeof(*v.pair_bits));
    write_merged_bytes(m, &v);
    copy(v.units, m->tree.units, m->tree.n_units, sizeof(*v.units));
    copy(v.bytes, m->bytes, m->n_bytes, 1);
    digest_sha256((struct str){start + VOCAB_HEADER, size - VOCAB_HEADER}, header->content);
    header->check = (uint32_t)crc32(0, (const Bytef *)header, offsetof(struct vocab_header, check));
    buf_commit(table, size);
    return VOCAB_MAKE_OK;
}

enum vocab_make_result vocab_make(const struct vocab_source *source, const char *name,
                                  struct buf *ret_table)
{
    CLEANUP(done) struct making m = {0};
    struct vocab_header header = {
        .version = VOCAB_VERSION, .family = source->family, .needs_nfc = source->needs_nfc};

    if (source->n_tokens > VOCAB_NONE)
        return VOCAB_MAKE_TOO_BIG;
    make_room(&m, source);
    for (uint32_t i = 0; i < source->n_entries; i++) {
        enum vocab_make_result r = add_entry(&m, source, &source->entries[i]);
        if (r != VOCAB_MAKE_OK)
            return r;
    }
    if (m.n_tokens < 256)
        return VOCAB_MAKE_BYTES;
    if (!vocab_tree_grow(&m.tree, &m.v, m.n_tokens))
        return VOCAB_MAKE_TOO_BIG;
    memcpy(header.magic, VOCAB_MAGIC, sizeof(header.magic));
    str_copy(header.name, sizeof(header.name), str_from(name));
    digest_sha256(source->file, header.source);
    header.n_tokens = m.n_tokens;
    header.n_bytes = m.n_bytes;
    header.n_slots = m.n_slots;
    header.n_units = m.tree.n_units;
    return write_table(&m, &header, ret_table);
}

const char *vocab_make_result_text(enum vocab_make_result r)
{
    switch (r) {
    case VOCAB_MAKE_OK:
        return "no fault";
    case VOCAB_MAKE_BYTES:
        return "the first 256 tokens are not the 256 bytes";
    case VOCAB_MAKE_TOO_BIG:
        return "more or longer tokens than a table holds";
    case VOCAB_MAKE_CROWDED:
        return "a token twice, or too many collisions";
    }
    return "unknown";
}
