#include "pretoken.h"

#include "unicode_class.h"

#include <endian.h>
#include <string.h>

#define IN(class)   (1U << UNICODE_CLASS_##class)
#define LETTERS     (IN(UPPER) | IN(LOWER) | IN(PLAIN))
#define SPACES      (IN(SPACE) | IN(NEWLINE))
#define SYMBOLS     (IN(OTHER) | IN(SYMBOL) | IN(MARK))
#define BEFORE_WORD (SYMBOLS | IN(SPACE)) /* what a word may take in front */
#define CASELESS    (IN(PLAIN) | IN(MARK))
#define WORDLY      (LETTERS | IN(MARK))

struct character {
    unsigned in;     /* IN() its class; 0 at the end of the text */
    unsigned length; /* in bytes */
};

static bool is_tail(const unsigned char *p, const unsigned char *end)
{
    return p < end && (*p & 0xc0) == 0x80;
}

static struct character wide_at(const unsigned char *p, const unsigned char *end)
{
    uint32_t character = 0;
    unsigned length = 1;

    if (*p >= 0xc2 && *p <= 0xdf && is_tail(p + 1, end)) {
        character = (uint32_t)(*p & 0x1f) << 6 | (p[1] & 0x3f);
        length = 2;
    } else if (*p >= 0xe0 && *p <= 0xef && is_tail(p + 1, end) && is_tail(p + 2, end)) {
        character = (uint32_t)(*p & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
        length = 3;
    } else if (*p >= 0xf0 && *p <= 0xf4 && is_tail(p + 1, end) && is_tail(p + 2, end) &&
               is_tail(p + 3, end)) {
        character = (uint32_t)(*p & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
                    (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
        length = 4;
    } else {
        return (struct character){IN(OTHER), 1};
    }
    return (struct character){1U << unicode_class_of(character), length};
}

enum {
    O = IN(OTHER),
    P = IN(SYMBOL),
    S = IN(SPACE),
    N = IN(NEWLINE),
    D = IN(NUMBER),
    U = IN(UPPER),
    L = IN(LOWER)
};

/* clang-format off */
static const uint16_t ascii[128] = {
    O, O, O, O, O, O, O, O, O, S, N, S, S, N, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    S, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    D, D, D, D, D, D, D, D, D, D, P, P, P, P, P, P,
    P, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    U, U, U, U, U, U, U, U, U, U, U, P, P, P, P, P,
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, O,
};
/* clang-format on */

static inline struct character at(const unsigned char *p, const unsigned char *end)
{
    if (p >= end)
        return (struct character){0, 0};
    if (*p < 0x80)
        return (struct character){ascii[*p], 1};
    return wide_at(p, end);
}

static inline const unsigned char *skip(const unsigned char *p, const unsigned char *end,
                                        unsigned classes)
{
    for (struct character c; (c = at(p, end)).in & classes;)
        p += c.length;
    return p;
}

/* A high bit for each byte that is no small ASCII letter; with `fold` 0x20s, capitals pass as well.
 */
static inline uint64_t no_letters(const unsigned char *p, uint64_t fold)
{
    const uint64_t each = 0x0101010101010101;
    uint64_t word, low;

    memcpy(&word, p, sizeof(word));
    word = le64toh(word);
    low = (word | fold) & 0x7f * each;
    return (~(low + (0x80 - 'a') * each) | (low + (0x7f - 'z') * each) | word) & 0x80 * each;
}

/* Behind the small ASCII letters, or any with `fold`, eight at a time. */
static inline const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end,
                                              uint64_t fold, unsigned classes)
{
    for (; end - p >= 8; p += 8) {
        uint64_t no = no_letters(p, fold);
        if (no)
            return p + __builtin_ctzll(no) / 8;
    }
    while (p < end && *p < 0x80 && ascii[*p] & classes)
        p++;
    return p;
}

static const unsigned char *skip_numbers(const unsigned char *p, const unsigned char *end,
                                         unsigned most)
{
    struct character c;

    for (unsigned n = 0; n < most && (c = at(p, end)).in & IN(NUMBER); n++)
        p += c.length;
    return p;
}

/* Behind 's 't 're 've 'm 'll 'd, or `p` itself. */
static const unsigned char *skip_contraction(const unsigned char *p, const unsigned char *end,
                                             bool any_case)
{
    unsigned char a, b, fold = any_case ? 0x20 : 0;

    if (end - p < 2 || *p != '\'')
        return p;
    a = p[1] | fold;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return p + 2;
    if (end - p < 3)
        return p;
    b = p[2] | fold;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
        return p + 3;
    /* U+017F, the long s, is another case of s. */
    return any_case && p[1] == 0xc5 && p[2] == 0xbf ? p + 3 : p;
}

/* A run of white space: up to its last line end where `by_line`; else all but the last character,
 * which belongs to what follows; else all. */
static const unsigned char *skip_spaces(const unsigned char *p, const unsigned char *end,
                                        bool by_line)
{
    const unsigned char *start = p, *last = p, *line = NULL;
    struct character c;

    while ((c = at(p, end)).in & SPACES) {
        last = p;
        p += c.length;
        if (c.in & IN(NEWLINE))
            line = p;
    }
    if (by_line && line)
        return line;
    return p == end || last == start ? p : last;
}

static const unsigned char *next_gpt2(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *body = skip_contraction(p, end, false);
    struct character c;

    if (body != p)
        return body;
    body = *p == ' ' ? p + 1 : p;
    c = at(body, end);
    if (c.in & LETTERS)
        return skip(body, end, LETTERS);
    if (c.in & IN(NUMBER))
        return skip(body, end, IN(NUMBER));
    if (c.in & SYMBOLS)
        return skip(body, end, SYMBOLS);
    return skip_spaces(p, end, false);
}

static const unsigned char *skip_symbols(const unsigned char *p, const unsigned char *end,
                                         bool with_slashes)
{
    p = skip(p, end, SYMBOLS);
    while (p < end && (*p == '\r' || *p == '\n' || (with_slashes && *p == '/')))
        p++;
    return p;
}

/* The common case, a word of ASCII letters with or without a character in front; NULL when it may
 * be another. */
static inline const unsigned char *letters_and_front(const unsigned char *p,
                                                     const unsigned char *end)
{
    const unsigned char *start = p;

    if (*p < 0x80 && *p != '\'' && ascii[*p] & BEFORE_WORD)
        start = ++p;
    p = skip_ascii(p, end, 0x2020202020202020, IN(UPPER) | IN(LOWER));
    return p > start && (p == end || *p < 0x80) ? p : NULL;
}

static inline const unsigned char *next_cl100k(const unsigned char *p, const unsigned char *end,
                                               unsigned digits)
{
    const unsigned char *body = letters_and_front(p, end);
    struct character c, second;

    if (body)
        return body;
    body = skip_contraction(p, end, true);
    if (body != p)
        return body;
    c = at(p, end);
    if (c.in & LETTERS)
        return skip(p, end, LETTERS);
    if (c.in & IN(NUMBER))
        return skip_numbers(p, end, digits);
    second = at(p + c.length, end);
    if (c.in & BEFORE_WORD && second.in & LETTERS)
        return skip(p + c.length, end, LETTERS);
    if (c.in & SYMBOLS)
        return skip_symbols(p, end, false);
    if (*p == ' ' && second.in & SYMBOLS)
        return skip_symbols(p + 1, end, false);
    return skip_spaces(p, end, true);
}

/* A word is capitals, then small letters; what has no case counts as either. The expression would
 * rather end it with something small than with capitals. NULL when there is no word at `p`. */
static const unsigned char *skip_word(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *start = p, *caseless_end = NULL;
    struct character c;

    while ((c = at(p, end)).in & (IN(UPPER) | CASELESS)) {
        p += c.length;
        if (c.in & CASELESS)
            caseless_end = p;
    }
    if (c.in & IN(LOWER))
        return skip(p, end, IN(LOWER) | CASELESS);
    if (caseless_end)
        return caseless_end;
    return p == start ? NULL : p;
}

/* The expression asks first for a word with something small in it, with then without the
 * character in front, and only then for one of capitals. */
static const unsigned char *skip_word_and_front(const unsigned char *p, const unsigned char *end)
{
    struct character c = at(p, end);
    const unsigned char *word;

    if (c.in & LETTERS)
        return skip_word(p, end);
    if (!(c.in & BEFORE_WORD))
        return NULL;
    word = skip_word(p + c.length, end);
    if (!(c.in & IN(MARK)))
        return word;
    /* A mark is caseless itself: alone it is a word, before capitals it stays alone. */
    return word && skip(p + c.length, end, IN(UPPER)) != word ? word : p + c.length;
}

/* The common case, small ASCII letters behind at most one capital and one character in front;
 * NULL when it may be another. */
static inline const unsigned char *small_and_front(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *start;

    if (*p < 0x80 && ascii[*p] & BEFORE_WORD)
        p++;
    if (p < end && *p < 0x80 && ascii[*p] & IN(UPPER))
        p++;
    start = p;
    p = skip_ascii(p, end, 0, IN(LOWER));
    return p > start && (p == end || *p < 0x80) ? p : NULL;
}

static inline const unsigned char *next_o200k(const unsigned char *p, const unsigned char *end,
                                              unsigned digits, bool with_contractions)
{
    const unsigned char *word = small_and_front(p, end);
    struct character c;

    if (!word)
        word = skip_word_and_front(p, end);
    if (word)
        return with_contractions ? skip_contraction(word, end, true) : word;
    c = at(p, end);
    if (c.in & IN(NUMBER))
        return skip_numbers(p, end, digits);
    if (c.in & SYMBOLS)
        return skip_symbols(p, end, true);
    if (*p == ' ' && at(p + 1, end).in & SYMBOLS)
        return skip_symbols(p + 1, end, true);
    return skip_spaces(p, end, true);
}

/* U+3040 to U+30FF and U+4E00 to U+9FA5, which DeepSeek cuts out first, as it does numbers. */
static bool is_cut_out(const unsigned char *p, const unsigned char *end)
{
    uint32_t bytes;

    if (end - p < 3 || (*p & 0xf0) != 0xe0 || !is_tail(p + 1, end) || !is_tail(p + 2, end))
        return false;
    bytes = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    return (bytes >= 0xe38180 && bytes <= 0xe383bf) || (bytes >= 0xe4b880 && bytes <= 0xe9bea5);
}

/* As at(), but what is cut out ends the text. */
static struct character part_at(const unsigned char *p, const unsigned char *end)
{
    struct character c = at(p, end);

    return c.in & IN(NUMBER) || is_cut_out(p, end) ? (struct character){0, 0} : c;
}

static const unsigned char *skip_part(const unsigned char *p, const unsigned char *end,
                                      unsigned classes)
{
    for (struct character c; (c = part_at(p, end)).in & classes;)
        p += c.length;
    return p;
}

/* What no part of the expression matches is a piece, up to the next match. */
static const unsigned char *skip_unmatched(const unsigned char *p, const unsigned char *end)
{
    for (struct character c; (c = part_at(p, end)).in & IN(OTHER);) {
        if (part_at(p + c.length, end).in & WORDLY)
            break;
        p += c.length;
    }
    return p;
}

static const unsigned char *next_in_part(const unsigned char *p, const unsigned char *end)
{
    struct character c = part_at(p, end), second = part_at(p + c.length, end);
    const unsigned char *after;

    if (c.in & WORDLY)
        return skip_part(p, end, WORDLY);
    if (*p < 0x80 && c.in & IN(SYMBOL) && p + 1 < end && p[1] < 0x80 && ascii[p[1]] & LETTERS)
        return skip_ascii(p + 1, end, 0x2020202020202020, IN(UPPER) | IN(LOWER));
    if (c.in & (IN(SPACE) | IN(OTHER)) && second.in & WORDLY)
        return skip_part(p + c.length, end, WORDLY);
    if (c.in & IN(SYMBOL) || (*p == ' ' && second.in & IN(SYMBOL))) {
        after = skip_part(p + c.length, end, IN(SYMBOL));
        while (after < end && (*after == '\r' || *after == '\n'))
            after++;
        return after;
    }
    if (c.in & IN(OTHER))
        return skip_unmatched(p, end);
    after = skip(p, end, SPACES);
    return skip_spaces(p, part_at(after, end).in ? end : after, true);
}

static const unsigned char *next_deepseek(const unsigned char *p, const unsigned char *end)
{
    if (at(p, end).in & IN(NUMBER))
        return skip_numbers(p, end, 3);
    if (!is_cut_out(p, end))
        return next_in_part(p, end);
    while (is_cut_out(p, end))
        p += 3;
    return p;
}

static const unsigned char *next_by_threes(const unsigned char *p, const unsigned char *end)
{
    return next_cl100k(p, end, 3);
}

static const unsigned char *next_qwen2(const unsigned char *p, const unsigned char *end)
{
    return next_cl100k(p, end, 1);
}

static const unsigned char *next_with_contractions(const unsigned char *p, const unsigned char *end)
{
    return next_o200k(p, end, 3, true);
}

static const unsigned char *next_tekken(const unsigned char *p, const unsigned char *end)
{
    return next_o200k(p, end, 1, false);
}

pretoken_fn pretoken_of(enum pretoken_family family)
{
    static const pretoken_fn next[PRETOKEN_FAMILIES] = {
        [PRETOKEN_GPT2] = next_gpt2,
        [PRETOKEN_CL100K] = next_by_threes,
        [PRETOKEN_O200K] = next_with_contractions,
        [PRETOKEN_QWEN2] = next_qwen2,
        [PRETOKEN_TEKKEN] = next_tekken,
        [PRETOKEN_DEEPSEEK] = next_deepseek,
    };

    return next[family];
}

size_t pretoken_length(enum pretoken_family family, struct str rest)
{
    const unsigned char *p = (const unsigned char *)rest.data;

    return rest.len > 0 ? (size_t)(pretoken_of(family)(p, p + rest.len) - p) : 0;
}
