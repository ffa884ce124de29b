#include "cue.h"

#include "lexicon.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define MAX_STATUS 24 /* bytes between "exit" and its number */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Of a byte, as a digit: 0 between words, 2 an upper letter, 1 any other one and a digit. */
static const char kinds[] = "00000000000000000000000000000000"
                            "00000000000000001111111111000000"
                            "02222222222222222222222222200000"
                            "01111111111111111111111111100000"
                            "11111111111111111111111111111111"
                            "11111111111111111111111111111111"
                            "11111111111111111111111111111111"
                            "11111111111111111111111111111111";

static char kind_of(char c)
{
    return kinds[(unsigned char)c];
}

/* Behind " TS2322" or " 1054 (42S22)" before a colon; `end` when there is no such thing. */
static size_t after_number(struct str line, size_t end)
{
    size_t at = end;
    bool has_digit = false;

    while (at < line.len && at < end + MAX_STATUS && line.data[at] != ':') {
        if (islower((unsigned char)line.data[at]))
            return end;
        has_digit |= isdigit((unsigned char)line.data[at++]);
    }
    return has_digit && at < line.len && line.data[at] == ':' ? at : end;
}

/* "error: no such file", "error 12: x", "ValueError: x", "[ERROR] x"; but not "except ValueError:"
 * or "{error}".
 */
static bool has_error_shape(struct str line, size_t from, size_t end)
{
    bool is_loud = true;

    for (size_t i = from; i < end; i++)
        is_loud &= is_upper(line.data[i]);
    if (is_loud) /* a constant's name is longer */
        return (from == 0 || line.data[from - 1] != '_') &&
               (end == line.len || !strchr("_,();", line.data[end]));
    while (end < line.len && strchr(")]\"'*", line.data[end]))
        end++;
    end = after_number(line, end);
    if (end < line.len && line.data[end] == '[') /* error[E0308]: */
        while (end < line.len && line.data[end] != ':')
            end++;
    if (end + 1 >= line.len || line.data[end] != ':')
        return false;
    struct str rest = {line.data + end + 1, line.len - end - 1}, same_line;
    (void)str_cut(&rest, '\n', &same_line);
    rest = str_trim(same_line);
    return rest.len > 2 && rest.data[0] != ':';
}

/* "exit code 1", "exited with status 127": a number other than 0 soon after the word. */
static bool has_exit_status(struct str line, size_t end)
{
    size_t limit = end + MAX_STATUS < line.len ? end + MAX_STATUS : line.len;

    while (end < limit &&
           (islower((unsigned char)line.data[end]) || strchr(" :=(", line.data[end])))
        end++;
    return end < limit && line.data[end] >= '1' && line.data[end] <= '9';
}

#define THREE(a, b, c) ((a) << 16 | (b) << 8 | (c))

/* By its first three bytes, in any case: false for most words that lexicon.h knows for no error. */
static bool may_be_error(const char *word, size_t len)
{
    if (len < 3)
        return false;
    if ((word[0] | word[1]) & 0x80)
        return true;
    switch (THREE(word[0] | 0x20, word[1] | 0x20, word[2] | 0x20)) {
    case THREE('a', 'b', 'g'):
    case THREE('a', 'b', 'o'):
    case THREE('b', 'a', 'd'):
    case THREE('b', 'r', 'o'):
    case THREE('c', 'a', 'n'):
    case THREE('c', 'o', 'n'):
    case THREE('c', 'o', 'r'):
    case THREE('c', 'r', 'a'):
    case THREE('c', 'r', 'i'):
    case THREE('d', 'e', 'a'):
    case THREE('d', 'e', 'c'):
    case THREE('d', 'e', 'n'):
    case THREE('d', 'r', 'o'):
    case THREE('d', 'u', 'p'):
    case THREE('e', 'c', 'h'):
    case THREE('e', 'r', 'r'):
    case THREE('e', 'x', 'c'):
    case THREE('e', 'x', 'h'):
    case THREE('e', 'x', 'i'):
    case THREE('e', 'x', 'p'):
    case THREE('f', 'a', 'i'):
    case THREE('f', 'a', 'l'):
    case THREE('f', 'a', 't'):
    case THREE('f', 'e', 'h'):
    case THREE('f', 'e', 'l'):
    case THREE('f', 'o', 'u'):
    case THREE('g', 'e', 's'):
    case THREE('i', 'l', 'l'):
    case THREE('i', 'n', 'c'):
    case THREE('i', 'n', 't'):
    case THREE('i', 'n', 'v'):
    case THREE('k', 'i', 'l'):
    case THREE('m', 'i', 's'):
    case THREE('n', 'i', 'e'):
    case THREE('o', 'd', 'm'):
    case THREE('o', 'o', 'm'):
    case THREE('o', 'v', 'e'):
    case THREE('p', 'a', 'n'):
    case THREE('p', 'r', 'o'):
    case THREE('r', 'e', 'c'):
    case THREE('r', 'e', 'f'):
    case THREE('r', 'e', 'j'):
    case THREE('r', 'i', 'f'):
    case THREE('s', 'e', 'g'):
    case THREE('t', 'i', 'm'):
    case THREE('t', 'r', 'a'):
    case THREE('u', 'n', 'a'):
    case THREE('u', 'n', 'c'):
    case THREE('u', 'n', 'd'):
    case THREE('u', 'n', 'e'):
    case THREE('u', 'n', 'g'):
    case THREE('u', 'n', 'h'):
    case THREE('u', 'n', 'k'):
    case THREE('u', 'n', 'r'):
    case THREE('u', 'n', 's'):
    case THREE('v', 'e', 'r'):
    case THREE('v', 'i', 'o'):
        return true;
    default:
        return false;
    }
}

static unsigned judge_word(struct str line, size_t from, size_t end)
{
    char word[16];
    size_t n = end - from;

    if (n > sizeof(word))
        return 0;
    for (size_t k = 0; k < n; k++)
        word[k] = (char)tolower((unsigned char)line.data[from + k]);
    if (n == 4 && memcmp(word, "exit", 4) == 0)
        return has_exit_status(line, end) ? 2 : 0;
    if (!(lexicon_flags((struct str){word, n}) & LEXICON_ERROR))
        return 0;
    return has_error_shape(line, from, end) || (word[1] == 'x' && has_exit_status(line, end)) ? 2
                                                                                              : 1;
}

unsigned cue_error(struct str line)
{
    const char *p = line.data, *end = p + line.len;
    unsigned found = 0;

    while (p < end && found < 2) {
        const char *from = p; /* of the last part of a camelCase word: "ValueError" is an error */
        char before = kind_of(*p++);
        if (before == '0')
            continue;
        for (char kind; p < end && (kind = kind_of(*p)) != '0'; before = kind, p++)
            if (kind > before)
                from = p;
        if (!may_be_error(from, (size_t)(p - from)))
            continue;
        unsigned judged = judge_word(line, (size_t)(from - line.data), (size_t)(p - line.data));
        found = judged > found ? judged : found;
    }
    return found;
}
