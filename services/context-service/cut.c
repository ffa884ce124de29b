#include "cut.h"

#include "base/utf8.h"
#include "tokens/unicode_class.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MIN_BYTES  24  /* a shorter line costs more to mark than to keep */
#define GOOD_BYTES 240 /* what is longer than MAX_BYTES is cut to about this */
#define MAX_BYTES  400
#define MAX_SIGN   256 /* bytes looked through for the end of one sign */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t cut_blanks(struct str rest)
{
    size_t n = 0;

    while (n < rest.len && is_blank(rest.data[n]))
        n++;
    return n;
}

/* Bytes to the end of the line, carriage return and newline left out. */
static size_t line_length(struct str rest)
{
    const char *end = memchr(rest.data, '\n', rest.len);

    return end ? (size_t)(end - rest.data) : rest.len;
}

static uint32_t character_at(const char *p, size_t n)
{
    uint32_t c = (unsigned char)p[0];

    if (n == 1)
        return c;
    c &= 0x7fU >> n;
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    return c;
}

/* Marks, joiners, variants, skin tones, flags, tags: they change the character before them. */
static bool joins_before(uint32_t c)
{
    return c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0x1f3fb && c <= 0x1f3ff) ||
           (c >= 0x1f1e6 && c <= 0x1f1ff) || (c >= 0xe0020 && c <= 0xe007f) ||
           unicode_class_of(c) == UNICODE_CLASS_MARK;
}

/* The first end of a sign at or after `at`, which is a boundary of characters. */
static size_t end_sign(struct str text, size_t at)
{
    size_t limit = at + MAX_SIGN;
    bool after_joiner = at >= 3 && memcmp(text.data + at - 3, "\xe2\x80\x8d", 3) == 0;

    while (at < text.len && at < limit) {
        size_t n = utf8_step(text.data + at, text.len - at);
        uint32_t c = n ? character_at(text.data + at, n) : 0;
        if (!after_joiner && !joins_before(c))
            break;
        after_joiner = c == 0x200d;
        at += n ? n : 1;
    }
    return at;
}

size_t cut_prefix(struct str text, size_t max)
{
    return max < text.len ? end_sign(text, utf8_prefix(text.data, text.len, max)) : text.len;
}

/* A line that is too long: in its first part where a record ends, or a field, or a word. */
static size_t cut_long(struct str line)
{
    static const char *const ends[] = {"}", ",;", " \t\r"};

    for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++)
        for (size_t at = GOOD_BYTES; at > GOOD_BYTES / 2; at--)
            if (line.data[at - 1] && strchr(ends[k], line.data[at - 1]))
                return at;
    return cut_prefix(line, GOOD_BYTES);
}

size_t cut_line(struct str rest)
{
    size_t len = line_length(rest);

    if (len > MAX_BYTES)
        return cut_long((struct str){rest.data, len});
    while (len < MIN_BYTES && len + 1 < rest.len) {
        size_t next = line_length((struct str){rest.data + len + 1, rest.len - len - 1});
        if (len + 1 + next > MAX_BYTES)
            break;
        len += 1 + next;
    }
    return len;
}

/* Behind the sentence that ends at `at`, or 0. */
static size_t sentence_end(struct str line, size_t at)
{
    static const char *const wide[] = {"\xe3\x80\x82", "\xef\xbc\x81", "\xef\xbc\x9f"};
    char c = line.data[at];

    if (c == '.' || c == '!' || c == '?')
        return at + 1 == line.len || is_blank(line.data[at + 1]) ? at + 1 : 0;
    if (!(c & 0x80) || at + 3 > line.len)
        return 0;
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
        if (memcmp(line.data + at, wide[i], 3) == 0)
            return at + 3;
    return 0;
}

size_t cut_question(struct str rest)
{
    struct str line = {rest.data, line_length(rest)};

    for (size_t at = 0; at < line.len; at++) {
        size_t end = sentence_end(line, at);
        if (end > 0)
            return end;
    }
    return line.len;
}

size_t cut_sentence(struct str rest)
{
    struct str line = {rest.data, line_length(rest)};
    size_t good = 0;

    if (line.len <= GOOD_BYTES)
        return line.len;
    for (size_t at = 0; at < line.len && at < MAX_BYTES; at++) {
        size_t end = sentence_end(line, at);
        if (end == 0)
            continue;
        if (good > 0 && end > GOOD_BYTES)
            break;
        good = end;
    }
    if (good > 0)
        return good;
    return line.len > MAX_BYTES ? cut_long(line) : line.len;
}
