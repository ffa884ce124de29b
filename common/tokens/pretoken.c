#include "pretoken.h"

#include "unicode_class.h"

#define IN(class)   (1U << UNICODE_CLASS_##class)
#define LETTERS     (IN(UPPER) | IN(LOWER) | IN(PLAIN))
#define SPACES      (IN(SPACE) | IN(NEWLINE))
#define SYMBOLS     (IN(OTHER) | IN(MARK))
#define BEFORE_WORD (IN(OTHER) | IN(MARK) | IN(SPACE)) /* what a word may take in front */
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
    S = IN(SPACE),
    N = IN(NEWLINE),
    D = IN(NUMBER),
    U = IN(UPPER),
    L = IN(LOWER)
};

/* clang-format off */
static const unsigned char ascii[128] = {
    O, O, O, O, O, O, O, O, O, S, N, S, S, N, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    D, D, D, D, D, D, D, D, D, D, O, O, O, O, O, O,
    O, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    U, U, U, U, U, U, U, U, U, U, U, O, O, O, O, O,
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O,
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

static const unsigned char *next_cl100k(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *body = skip_contraction(p, end, true);
    struct character c = at(p, end), second;

    if (body != p)
        return body;
    if (c.in & LETTERS)
        return skip(p, end, LETTERS);
    if (c.in & IN(NUMBER))
        return skip_numbers(p, end, 3);
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

static const unsigned char *next_o200k(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *word = skip_word_and_front(p, end);
    struct character c;

    if (word)
        return skip_contraction(word, end, true);
    c = at(p, end);
    if (c.in & IN(NUMBER))
        return skip_numbers(p, end, 3);
    if (c.in & SYMBOLS)
        return skip_symbols(p, end, true);
    if (*p == ' ' && at(p + 1, end).in & SYMBOLS)
        return skip_symbols(p + 1, end, true);
    return skip_spaces(p, end, true);
}

size_t pretoken_length(enum pretoken_family family, struct str rest)
{
    const unsigned char *p = (const unsigned char *)rest.data, *end = p + rest.len;

    if (rest.len == 0)
        return 0;
    switch (family) {
    case PRETOKEN_GPT2:
        return (size_t)(next_gpt2(p, end) - p);
    case PRETOKEN_CL100K:
        return (size_t)(next_cl100k(p, end) - p);
    case PRETOKEN_O200K:
        return (size_t)(next_o200k(p, end) - p);
    }
    return rest.len;
}
