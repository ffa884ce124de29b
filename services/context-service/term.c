#include "term.h"

#include "base/utf8.h"
#include "lexicon.h"
#include "tokens/unicode_class.h"

#include <string.h>

#define FIRST_TERMS 1024
#define MAX_PROBES  32

/* A word in the making. */
struct scan {
    struct term_dictionary *dictionary;
    struct term_list *list;
    char word[TERM_MAX_BYTES + 8];
    size_t len;
    size_t n_other; /* characters beyond ASCII */
    uint64_t hash;
    bool has_digit, after_lower;
    char before[4]; /* the character before, in a script without spaces */
    size_t before_len;
};

#define HASH_START UINT64_C(14695981039346656037)
#define HASH_STEP  UINT64_C(1099511628211)

bool term_init(struct term_dictionary *d, struct arena *a)
{
    *d = (struct term_dictionary){.arena = a, .n = 1, .cap = FIRST_TERMS};
    d->term = arena_alloc(a, d->cap * sizeof(*d->term));
    d->slot = arena_alloc(a, 2 * d->cap * sizeof(*d->slot));
    d->mask = 2 * d->cap - 1;
    return d->term && d->slot;
}

static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint64_t hash_of(struct str word)
{
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < word.len; i++)
        hash = (hash ^ (unsigned char)word.data[i]) * HASH_STEP;
    return mix(hash);
}

static bool grow(struct term_dictionary *d)
{
    uint32_t cap = d->cap * 2;
    struct term *term = arena_alloc(d->arena, cap * sizeof(*term));
    uint32_t *slot = arena_alloc(d->arena, 2 * (size_t)cap * sizeof(*slot));

    if (!term || !slot)
        return false;
    memcpy(term, d->term, d->n * sizeof(*term));
    d->mask = 2 * cap - 1;
    for (uint32_t id = 1; id < d->n; id++) {
        uint64_t at = hash_of(term[id].word);
        for (unsigned probe = 0; probe < MAX_PROBES && slot[at & d->mask]; probe++)
            at++;
        if (!slot[at & d->mask])
            slot[at & d->mask] = id;
    }
    d->term = term;
    d->slot = slot;
    d->cap = cap;
    return true;
}

static uint32_t add_term(struct term_dictionary *d, struct str word, uint64_t at)
{
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
        uint32_t id = d->slot[at & d->mask] = d->n++;
        d->term[id] = (struct term){.word = {copy, word.len}, .stem = id};
        return id;
    }
    return TERM_RARE;
}

static uint32_t find(const struct term_dictionary *d, struct str word, uint64_t at)
{
    for (unsigned probe = 0; probe < MAX_PROBES; probe++, at++) {
        uint32_t id = d->slot[at & d->mask];
        if (id == 0)
            return TERM_RARE;
        struct str other = d->term[id].word;
        if (other.len == word.len && memcmp(other.data, word.data, word.len) == 0)
            return id;
    }
    return TERM_RARE;
}

static uint32_t learn(struct scan *s, struct str word, uint64_t hash)
{
    struct term_dictionary *d = s->dictionary;
    char stem[TERM_MAX_BYTES + 8];

    uint32_t id = add_term(d, word, hash);
    if (id == TERM_RARE)
        return id;
    d->term[id].flags = (uint8_t)lexicon_flags(word);
    d->term[id].has_digit = s->has_digit;
    memcpy(stem, word.data, word.len);
    size_t len = lexicon_stem(stem, word.len, s->n_other);
    if (len == word.len && memcmp(stem, word.data, len) == 0)
        return id;
    struct str cut = {stem, len};
    uint64_t at = hash_of(cut);
    uint32_t shared = find(d, cut, at);
    if (shared == TERM_RARE)
        shared = add_term(d, cut, at);
    if (shared != TERM_RARE) {
        d->term[id].stem = shared;
        d->term[shared].has_digit |= s->has_digit;
    }
    return id;
}

static void emit(struct scan *s, struct str word, uint64_t hash)
{
    uint32_t id = find(s->dictionary, word, hash);

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
    if (s->len > 0)
        emit(s, (struct str){s->word, s->len}, mix(s->hash));
    s->len = s->n_other = 0;
    s->hash = HASH_START;
    s->has_digit = s->after_lower = false;
}

static void end_pairs(struct scan *s)
{
    s->before_len = 0;
}

static void add_byte(struct scan *s, char c)
{
    s->word[s->len++] = c;
    s->hash = (s->hash ^ (unsigned char)c) * HASH_STEP;
}

static void add_ascii(struct scan *s, char c)
{
    bool is_upper = c >= 'A' && c <= 'Z';

    if ((is_upper && s->after_lower) || s->len >= TERM_MAX_BYTES)
        end_word(s);
    s->after_lower = c >= 'a' && c <= 'z';
    s->has_digit |= c >= '0' && c <= '9';
    add_byte(s, is_upper ? (char)(c | 0x20) : c);
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
    if (c < 0x800) {
        add_byte(s, (char)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            add_byte(s, (char)(0xe0 | c >> 12));
        } else {
            add_byte(s, (char)(0xf0 | c >> 18));
            add_byte(s, (char)(0x80 | (c >> 12 & 0x3f)));
        }
        add_byte(s, (char)(0x80 | (c >> 6 & 0x3f)));
    }
    add_byte(s, (char)(0x80 | (c & 0x3f)));
    s->n_other++;
    s->after_lower = false;
}

static void add_pair(struct scan *s, const char *character, size_t len)
{
    char pair[8];

    end_word(s);
    memcpy(pair, s->before, s->before_len);
    memcpy(pair + s->before_len, character, len);
    if (s->before_len > 0) {
        struct str both = {pair, s->before_len + len};
        s->n_other = 2;
        emit(s, both, hash_of(both));
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

static bool is_ascii_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void term_scan(struct term_dictionary *d, struct str text, struct term_list *ret)
{
    struct scan s = {.dictionary = d, .list = ret, .hash = HASH_START};

    for (size_t i = 0; i < text.len;) {
        char c = text.data[i];
        if (is_ascii_word(c)) {
            end_pairs(&s);
            add_ascii(&s, c);
            i++;
        } else if (!(c & 0x80)) {
            end_word(&s);
            end_pairs(&s);
            i++;
        } else {
            size_t n = utf8_step(text.data + i, text.len - i);
            if (n > 0)
                take_character(&s, text.data + i, n);
            i += n ? n : 1;
        }
    }
    end_word(&s);
}
