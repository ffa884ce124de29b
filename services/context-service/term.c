#include "term.h"

#include "base/utf8.h"
#include "lexicon.h"
#include "tokens/unicode_class.h"

#include <string.h>

#define FIRST_TERMS 1024
#define MAX_PROBES  32
#define PART        sizeof(uint64_t) /* words are compared by so many bytes */
#define WORD_ROOM   (TERM_MAX_BYTES + 2 * PART)

/* A word in the making. */
struct scan {
    struct term_dictionary *dictionary;
    struct term_list *list;
    char word[WORD_ROOM];
    size_t len;
    size_t n_other; /* characters beyond ASCII */
    bool has_digit, after_lower;
    char before[4]; /* the character before, in a script without spaces */
    size_t before_len;
};

bool term_init(struct term_dictionary *d, struct arena *a)
{
    *d = (struct term_dictionary){.arena = a, .n = 1, .cap = FIRST_TERMS};
    d->term = arena_alloc(a, d->cap * sizeof(*d->term));
    d->slot = arena_alloc(a, 2 * d->cap * sizeof(*d->slot));
    d->mask = 2 * d->cap - 1;
    return d->term && d->slot;
}

/* Zeros follow the word, up to a whole part. */
static uint64_t hash_of(struct str word)
{
    uint64_t hash = word.len, part;

    for (size_t i = 0; i < word.len; i += PART) {
        memcpy(&part, word.data + i, PART);
        hash = (hash ^ part) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash * UINT64_C(0xd6e8feb86659fd93);
}

/* A slot: the upper half of a word's hash, and its number. */
static uint64_t tag_of(uint64_t hash)
{
    return hash >> 32 << 32;
}

static bool grow(struct term_dictionary *d)
{
    uint32_t cap = d->cap * 2;
    struct term *term = arena_alloc(d->arena, cap * sizeof(*term));
    uint64_t *slot = arena_alloc(d->arena, 2 * (size_t)cap * sizeof(*slot));

    if (!term || !slot)
        return false;
    memcpy(term, d->term, d->n * sizeof(*term));
    d->mask = 2 * cap - 1;
    for (uint32_t id = 1; id < d->n; id++) {
        uint64_t at = term[id].hash;
        for (unsigned probe = 0; probe < MAX_PROBES && slot[at & d->mask]; probe++)
            at++;
        if (!slot[at & d->mask])
            slot[at & d->mask] = tag_of(term[id].hash) | id;
    }
    d->term = term;
    d->slot = slot;
    d->cap = cap;
    return true;
}

static uint32_t add_term(struct term_dictionary *d, struct str word, uint64_t hash)
{
    uint64_t at = hash;

    if (d->n == TERM_MAX || d->is_full)
        return TERM_RARE;
    char *copy = arena_alloc(d->arena, word.len);
    if (!copy || (d->n == d->cap && !grow(d))) {
        d->is_full = true;
        return TERM_RARE;
    }
    memcpy(copy, word.data, word.len);
    for (unsigned probe = 0; probe < MAX_PROBES; probe++, at++) {
        if (d->slot[at & d->mask])
            continue;
        uint32_t id = d->n++;
        d->slot[at & d->mask] = tag_of(hash) | id;
        d->term[id] = (struct term){.word = {copy, word.len}, .hash = hash, .stem = id};
        return id;
    }
    return TERM_RARE;
}

static uint32_t find(const struct term_dictionary *d, uint64_t hash)
{
    for (unsigned probe = 0; probe < MAX_PROBES; probe++) {
        uint64_t slot = d->slot[(hash + probe) & d->mask];
        if (slot == 0)
            return TERM_RARE;
        if (tag_of(slot ^ hash) == 0 && d->term[(uint32_t)slot].hash == hash)
            return (uint32_t)slot;
    }
    return TERM_RARE;
}

static uint32_t learn(struct scan *s, struct str word, uint64_t hash)
{
    struct term_dictionary *d = s->dictionary;
    char stem[WORD_ROOM];

    uint32_t id = add_term(d, word, hash);
    if (id == TERM_RARE)
        return id;
    d->term[id].flags = (uint8_t)lexicon_flags(word);
    d->term[id].has_digit = s->has_digit;
    memcpy(stem, word.data, word.len);
    size_t len = lexicon_stem(stem, word.len, s->n_other);
    if (len == word.len && memcmp(stem, word.data, len) == 0)
        return id;
    memset(stem + len, 0, PART);
    struct str cut = {stem, len};
    uint64_t shared_hash = hash_of(cut);
    uint32_t shared = find(d, shared_hash);
    if (shared == TERM_RARE)
        shared = add_term(d, cut, shared_hash);
    if (shared != TERM_RARE) {
        d->term[id].stem = shared;
        d->term[shared].has_digit |= s->has_digit;
    }
    return id;
}

static void emit(struct scan *s, struct str word)
{
    uint64_t hash = hash_of(word);
    uint32_t id = find(s->dictionary, hash);

    if (id == TERM_RARE)
        id = learn(s, word, hash);
    const struct term *t = &s->dictionary->term[id];
    s->list->flags |= t->flags;
    s->list->has_digit |= s->has_digit;
    /* A lone letter is a variable or what an apostrophe cut off. */
    if (!(t->flags & LEXICON_STOP) && (word.len > 1 || s->has_digit))
        s->list->id[s->list->n++] = id == TERM_RARE ? TERM_RARE : t->stem;
}

static void end_word(struct scan *s)
{
    if (s->len == 0)
        return;
    memset(s->word + s->len, 0, PART);
    emit(s, (struct str){s->word, s->len});
    s->len = s->n_other = 0;
    s->has_digit = s->after_lower = false;
}

static void end_pairs(struct scan *s)
{
    s->before_len = 0;
}

enum kind {
    KIND_BREAK = 0,
    KIND_LOWER = 1,
    KIND_UPPER = 2,
    KIND_DIGIT = 4,
    KIND_OTHER = 8, /* beyond ASCII */
};

/* Of a byte, as a digit. */
static const char kinds[] = "00000000000000000000000000000000"
                            "00000000000000004444444444000000"
                            "02222222222222222222222222200000"
                            "01111111111111111111111111100000"
                            "88888888888888888888888888888888"
                            "88888888888888888888888888888888"
                            "88888888888888888888888888888888"
                            "88888888888888888888888888888888";

static unsigned kind_of(char c)
{
    return (unsigned)kinds[(unsigned char)c] - '0';
}

/* Letters and digits of ASCII; returns how many bytes they are. */
static size_t take_ascii(struct scan *s, const char *p, size_t max)
{
    size_t n = 0, len = s->len;
    unsigned seen = 0, kind = s->after_lower ? KIND_LOWER : 0;

    for (; n < max; n++) {
        unsigned before = kind;
        kind = kind_of(p[n]);
        if (!(kind & (KIND_LOWER | KIND_UPPER | KIND_DIGIT)))
            break;
        if ((kind == KIND_UPPER && before == KIND_LOWER) || len >= TERM_MAX_BYTES) {
            s->len = len;
            s->has_digit |= (seen & KIND_DIGIT) != 0;
            end_word(s);
            len = seen = 0;
        }
        seen |= kind;
        s->word[len++] = (char)(p[n] | (kind & KIND_UPPER) << 4); /* in lower case */
    }
    s->len = len;
    s->has_digit |= (seen & KIND_DIGIT) != 0;
    s->after_lower = n > 0 && kind_of(p[n - 1]) == KIND_LOWER;
    return n;
}

static bool has_no_spaces(uint32_t c)
{
    return (c >= 0x0e00 && c < 0x0f00) || (c >= 0x1000 && c < 0x10a0) ||
           (c >= 0x1780 && c < 0x1800) || (c >= 0x2e80 && c < 0xa000) ||
           (c >= 0xac00 && c < 0xd7b0) || (c >= 0xf900 && c < 0xfb00) || c >= 0x20000;
}

/* What most alphabets with cases agree on; the rest compare as they are spelled. */
static uint32_t lower(uint32_t c)
{
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3ab) ||
        (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if (c >= 0x531 && c <= 0x556)
        return c + 48;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
        (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f) || (c >= 0x1e00 && c <= 0x1eff))
        return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
        return c + (c & 1);
    switch (c) {
    case 0x386:
        return 0x3ac;
    case 0x388:
    case 0x389:
    case 0x38a:
        return c + 37;
    case 0x38c:
        return 0x3cc;
    case 0x3c2:
        return 0x3c3;
    default:
        return c;
    }
}

static void add_other(struct scan *s, uint32_t c)
{
    if (s->len + 4 > TERM_MAX_BYTES)
        end_word(s);
    c = lower(c);
    char *to = s->word + s->len;
    if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xe0 | c >> 12);
        } else {
            *to++ = (char)(0xf0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *to++ = (char)(0x80 | (c & 0x3f));
    s->len = (size_t)(to - s->word);
    s->n_other++;
    s->after_lower = false;
}

static void add_pair(struct scan *s, const char *character, size_t len)
{
    char pair[2 * PART] = {0};

    end_word(s);
    memcpy(pair, s->before, s->before_len);
    memcpy(pair + s->before_len, character, len);
    if (s->before_len > 0) {
        struct str both = {pair, s->before_len + len};
        s->n_other = 2;
        emit(s, both);
        s->n_other = 0;
    }
    memcpy(s->before, character, len);
    s->before_len = len;
}

static uint32_t decode(const char *p, size_t n)
{
    static const unsigned char head[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)p[0] & head[n];

    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    return c;
}

static void take_character(struct scan *s, const char *p, size_t n)
{
    uint32_t c = decode(p, n);

    switch (unicode_class_of(c)) {
    case UNICODE_CLASS_NUMBER:
    case UNICODE_CLASS_UPPER:
    case UNICODE_CLASS_LOWER:
    case UNICODE_CLASS_PLAIN:
    case UNICODE_CLASS_MARK:
        if (has_no_spaces(c)) {
            add_pair(s, p, n);
            return;
        }
        end_pairs(s);
        add_other(s, c);
        return;
    case UNICODE_CLASS_OTHER:
    case UNICODE_CLASS_SYMBOL:
    case UNICODE_CLASS_SPACE:
    case UNICODE_CLASS_NEWLINE:
        end_word(s);
        end_pairs(s);
        return;
    }
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* In each of eight bytes below 0x80: its upper bit, when it is in the range. */
static uint64_t in_range(uint64_t bytes, unsigned char first, unsigned char last)
{
    return (bytes + EACH(0x80 - first)) & ~(bytes + EACH(0x7f - last)) & EACH(0x80);
}

/* A whole word of ASCII of less than eight bytes, of which eight can be read: its
 * length. 0 where the word is another one: take_ascii(). */
static size_t take_short(struct scan *s, const char *p)
{
    uint64_t bytes;

    memcpy(&bytes, p, sizeof(bytes));
    uint64_t low = bytes & EACH(0x7f), ascii = ~bytes & EACH(0x80), small = bytes << 2;
    uint64_t letters = in_range(low | EACH(0x20), 'a', 'z') & ascii;
    uint64_t digits = in_range(low, '0', '9') & ascii;
    uint64_t upper = letters & ~small, humps = upper & (letters & small) << 8;
    uint64_t ends = (~(letters | digits) & EACH(0x80)) | humps;
    if (!ends)
        return 0;
    size_t len = (size_t)__builtin_ctzll(ends) / 8;
    uint64_t mask = (UINT64_C(1) << 8 * len) - 1;
    if (p[len] & 0x80)
        return 0;
    bytes = (bytes | upper >> 2) & mask;
    memcpy(s->word, &bytes, sizeof(bytes));
    s->has_digit = (digits & mask) != 0;
    emit(s, (struct str){s->word, len});
    s->has_digit = false;
    return len;
}

void term_scan(struct term_dictionary *d, struct str text, struct term_list *ret)
{
    struct scan s = {.dictionary = d, .list = ret};

    for (size_t i = 0; i < text.len;) {
        size_t n = 0;
        switch (kind_of(text.data[i])) {
        case KIND_BREAK:
            end_word(&s);
            end_pairs(&s);
            while (++i < text.len && kind_of(text.data[i]) == KIND_BREAK)
                continue;
            break;
        case KIND_OTHER:
            n = utf8_step(text.data + i, text.len - i);
            if (n > 0)
                take_character(&s, text.data + i, n);
            i += n ? n : 1;
            break;
        default:
            end_pairs(&s);
            if (s.len == 0 && text.len - i >= PART)
                n = take_short(&s, text.data + i);
            i += n ? n : take_ascii(&s, text.data + i, text.len - i);
            break;
        }
    }
    end_word(&s);
}
