#include "vocab_make.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAX_TOKENS  (1U << 20)
#define MAX_RANK    9 /* digits */
#define HEADER_SIZE 128

struct making {
    struct vocab v; /* a view of what is below */
    uint32_t n_tokens;
    uint32_t n_bytes;
    uint32_t n_slots;
    uint32_t n_nodes;
    struct vocab_token *tokens;
    struct vocab_slot *pieces;
    struct vocab_slot *pairs;
    struct vocab_node *nodes;
    unsigned char *last_bytes;
    unsigned char *bytes;
    uint32_t *sorted; /* tokens that merging reaches, by their bytes */
    uint32_t n_sorted;
    struct range {
        uint32_t from, to; /* in `sorted` */
        uint32_t depth;
        uint32_t longest; /* the last token on the way to here */
    } * ranges;           /* of each node */
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
    free(m->tokens);
    free(m->pieces);
    free(m->pairs);
    free(m->nodes);
    free(m->last_bytes);
    free(m->bytes);
    free(m->sorted);
    free(m->ranges);
}

static int sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Bytes written, or 0 for what is not base64 of something. */
static uint32_t decode(struct str text, unsigned char *ret_bytes)
{
    uint32_t n = 0, bits = 0;
    unsigned held = 0;

    while (text.len > 0 && text.data[text.len - 1] == '=')
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        int digit = sextet(text.data[i]);
        if (digit < 0)
            return 0;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            ret_bytes[n++] = (unsigned char)(bits >> held);
        }
    }
    return n;
}

static bool read_rank(struct str text, uint32_t *ret_rank)
{
    uint32_t rank = 0;

    if (text.len == 0 || text.len > MAX_RANK)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        rank = rank * 10 + (uint32_t)(text.data[i] - '0');
    }
    *ret_rank = rank;
    return true;
}

static enum vocab_make_result add_line(struct making *m, struct str line)
{
    struct str base64;
    uint32_t rank, n;

    if (!str_cut(&line, ' ', &base64) || !read_rank(line, &rank) || rank < m->n_tokens)
        return VOCAB_MAKE_SYNTAX;
    if (rank >= MAX_TOKENS || base64.len / 4 * 3 > VOCAB_MAX_TOKEN)
        return VOCAB_MAKE_TOO_BIG;
    n = decode(base64, m->bytes + m->n_bytes);
    if (n == 0)
        return VOCAB_MAKE_SYNTAX;
    if ((rank < 256) != (n == 1) || (rank < 256 && rank != m->n_tokens))
        return VOCAB_MAKE_BYTES;
    while (m->n_tokens <= rank)
        m->tokens[m->n_tokens++].at = m->n_bytes;
    m->n_bytes += n;
    return VOCAB_MAKE_OK;
}

static enum vocab_make_result read_ranks(struct making *m, struct str ranks)
{
    struct str line;

    m->v.bytes = m->bytes = room(ranks.len + 1, 1);
    m->v.tokens = m->tokens = room(MAX_TOKENS + 1, sizeof(*m->tokens));
    while (str_cut(&ranks, '\n', &line)) {
        enum vocab_make_result r = line.len == 0 ? VOCAB_MAKE_OK : add_line(m, line);
        if (r != VOCAB_MAKE_OK)
            return r;
    }
    m->tokens[m->n_tokens].at = m->n_bytes;
    return m->n_tokens < 256 ? VOCAB_MAKE_BYTES : VOCAB_MAKE_OK;
}

static bool add_slot(struct vocab_slot *slots, uint32_t mask, uint64_t hash, uint32_t id)
{
    uint32_t at = (uint32_t)hash & mask;

    for (unsigned n = 0; n < VOCAB_MAX_PROBES; n++, at = (at + 1) & mask) {
        if (slots[at].id == VOCAB_NONE) {
            slots[at] = (struct vocab_slot){(uint32_t)(hash >> 32), id};
            return true;
        }
    }
    return false;
}

static struct vocab_slot *free_slots(uint32_t n)
{
    struct vocab_slot *slots = room(n, sizeof(*slots));

    memset(slots, 0xff, n * sizeof(*slots));
    return slots;
}

static bool add_pieces(struct making *m)
{
    for (m->n_slots = 1024; m->n_slots < m->n_tokens * 5 / 2;)
        m->n_slots *= 2;
    m->v.mask = m->n_slots - 1;
    m->v.pieces = m->pieces = free_slots(m->n_slots);
    m->v.pairs = m->pairs = free_slots(m->n_slots);
    for (uint32_t id = 0; id < m->n_tokens; id++) {
        struct str text = vocab_text(&m->v, id);
        uint64_t hash = vocab_hash((const unsigned char *)text.data, text.len);
        if (text.len == 0)
            continue;
        if (vocab_find(&m->v, text, hash) != VOCAB_NONE ||
            !add_slot(m->pieces, m->v.mask, hash, id))
            return false;
    }
    return true;
}

static uint32_t rank_of(const struct vocab *v, const char *p, const char *end)
{
    struct str text = {p, (size_t)(end - p)};

    return vocab_find(v, text, vocab_hash((const unsigned char *)p, text.len));
}

/* What byte-pair encoding makes of a token's bytes before it may use the token itself: two parts
 * if merging can reach it. */
static void split(struct making *m, uint32_t id)
{
    struct str text = vocab_text(&m->v, id);
    const char *cuts[VOCAB_MAX_TOKEN + 2];
    size_t n = text.len;

    for (size_t i = 0; i <= n; i++)
        cuts[i] = text.data + i;
    for (;;) {
        uint32_t best = VOCAB_NONE;
        size_t where = 0;
        for (size_t i = 0; i + 2 <= n; i++) {
            uint32_t rank = rank_of(&m->v, cuts[i], cuts[i + 2]);
            if (rank < id && rank < best) {
                best = rank;
                where = i;
            }
        }
        if (best == VOCAB_NONE)
            break;
        memmove(&cuts[where + 1], &cuts[where + 2], (n - where - 1) * sizeof(cuts[0]));
        n--;
    }
    m->tokens[id].left = n == 2 ? rank_of(&m->v, cuts[0], cuts[1]) : VOCAB_NONE;
    m->tokens[id].right = n == 2 ? rank_of(&m->v, cuts[1], cuts[2]) : VOCAB_NONE;
}

static bool add_pairs(struct making *m)
{
    m->sorted = room(m->n_tokens, sizeof(*m->sorted));
    for (uint32_t id = 0; id < m->n_tokens; id++) {
        struct vocab_token *t = &m->tokens[id];
        t->shorter = VOCAB_NONE;
        if (id < 256)
            t->left = t->right = id;
        else
            split(m, id);
        if (t->left == VOCAB_NONE)
            continue;
        m->sorted[m->n_sorted++] = id;
        if (id >= 256 && !add_slot(m->pairs, m->v.mask, vocab_pair_hash(t->left, t->right), id))
            return false;
    }
    return true;
}

static int by_bytes(const void *a, const void *b, void *arg)
{
    const struct making *m = arg;
    struct str x = vocab_text(&m->v, *(const uint32_t *)a);
    struct str y = vocab_text(&m->v, *(const uint32_t *)b);
    int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);

    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static unsigned char byte_of(const struct making *m, uint32_t sorted, uint32_t depth)
{
    return m->bytes[m->tokens[m->sorted[sorted]].at + depth];
}

/* Append the children of `node`: what follows its own token in the sorted list, by the next byte.
 */
static void grow(struct making *m, uint32_t node)
{
    struct range r = m->ranges[node];
    uint32_t first = m->sorted[r.from];

    m->nodes[node] = (struct vocab_node){m->n_nodes, VOCAB_NONE};
    if (vocab_text(&m->v, first).len == r.depth) {
        m->nodes[node].id = first;
        m->tokens[first].shorter = r.longest;
        r.longest = first;
        r.from++;
    }
    while (r.from < r.to) {
        unsigned char byte = byte_of(m, r.from, r.depth);
        uint32_t to = r.from + 1;
        while (to < r.to && byte_of(m, to, r.depth) == byte)
            to++;
        m->last_bytes[m->n_nodes] = byte;
        m->ranges[m->n_nodes++] = (struct range){r.from, to, r.depth + 1, r.longest};
        r.from = to;
    }
}

static void grow_tree(struct making *m)
{
    size_t most = (size_t)m->n_bytes + 2;

    qsort_r(m->sorted, m->n_sorted, sizeof(*m->sorted), by_bytes, m);
    m->nodes = room(most, sizeof(*m->nodes));
    m->last_bytes = room(most, 1);
    m->ranges = room(most, sizeof(*m->ranges));
    m->ranges[0] = (struct range){0, m->n_sorted, 0, VOCAB_NONE};
    m->n_nodes = 1;
    for (uint32_t node = 0; node < m->n_nodes; node++)
        grow(m, node);
    m->nodes[m->n_nodes] = (struct vocab_node){m->n_nodes, VOCAB_NONE};
}

static void copy(const void *part, const void *from, size_t n, size_t size)
{
    memcpy((void *)(uintptr_t)part, from, n * size);
}

static void write_pair_bits(const struct making *m, const struct vocab *v)
{
    uint8_t *bits = (void *)(uintptr_t)v->pair_bits;

    for (uint32_t i = 0; i < m->n_sorted; i++) {
        const struct vocab_token *t = &m->tokens[m->sorted[i]];
        uint32_t bit = (uint32_t)(vocab_pair_hash(t->left, t->right) >> 40) % VOCAB_PAIR_BITS;
        bits[bit / 8] |= (uint8_t)(1U << bit % 8);
    }
}

static void write_shortcuts(const struct making *m, const struct vocab *v)
{
    uint32_t *node_of_two = (void *)(uintptr_t)v->node_of_two;
    uint32_t *id_of_byte = (void *)(uintptr_t)v->id_of_byte;

    for (uint32_t a = m->nodes[0].first_child; a < m->nodes[1].first_child; a++) {
        id_of_byte[m->last_bytes[a]] = m->nodes[a].id;
        for (uint32_t b = m->nodes[a].first_child; b < m->nodes[a + 1].first_child; b++)
            node_of_two[m->last_bytes[a] << 8 | m->last_bytes[b]] = b;
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
    copy(v.tokens, m->tokens, (size_t)m->n_tokens + 1, sizeof(*v.tokens));
    copy(v.pieces, m->pieces, m->n_slots, sizeof(*v.pieces));
    copy(v.pairs, m->pairs, m->n_slots, sizeof(*v.pairs));
    copy(v.nodes, m->nodes, (size_t)m->n_nodes + 1, sizeof(*v.nodes));
    copy(v.last_bytes, m->last_bytes, m->n_nodes, 1);
    copy(v.bytes, m->bytes, m->n_bytes, 1);
    write_pair_bits(m, &v);
    write_shortcuts(m, &v);
    digest_sha256((struct str){start + HEADER_SIZE, size - HEADER_SIZE}, header->content);
    header->check = (uint32_t)crc32(0, (const Bytef *)header, offsetof(struct vocab_header, check));
    buf_commit(table, size);
    return VOCAB_MAKE_OK;
}

enum vocab_make_result vocab_make(struct str ranks, const char *name, enum pretoken_family family,
                                  struct buf *ret_table)
{
    CLEANUP(done) struct making m = {0};
    struct vocab_header header = {.version = VOCAB_VERSION, .family = family};
    enum vocab_make_result r = read_ranks(&m, ranks);

    if (r != VOCAB_MAKE_OK)
        return r;
    if (!add_pieces(&m) || !add_pairs(&m))
        return VOCAB_MAKE_CROWDED;
    grow_tree(&m);
    memcpy(header.magic, VOCAB_MAGIC, sizeof(header.magic));
    str_copy(header.name, sizeof(header.name), str_from(name));
    digest_sha256(ranks, header.source);
    header.n_tokens = m.n_tokens;
    header.n_bytes = m.n_bytes;
    header.n_slots = m.n_slots;
    header.n_nodes = m.n_nodes;
    return write_table(&m, &header, ret_table);
}
