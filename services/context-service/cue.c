#include "cue.h"

#include "lexicon.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

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

/* "rm: cannot remove 'x'": right behind the name of a program that begins the line. */
static bool is_behind_name(struct str line, size_t from)
{
    if (from < 4 || memcmp(line.data + from - 2, ": ", 2) != 0 ||
        !islower((unsigned char)*line.data))
        return false;
    return !memchr(line.data, ' ', from - 2);
}

/* "(NoMethodError)", "Error 2": nothing follows but a number. */
static bool is_last_word(struct str line, size_t from, size_t end)
{
    bool is_part = from > 0 && islower((unsigned char)line.data[from - 1]);

    if (is_part)
        return end + 1 == line.len && line.data[end] == ')';
    size_t n = end + 1;
    while (n < line.len && isdigit((unsigned char)line.data[n]))
        n++;
    return end + 1 < n && n == line.len && line.data[end] == ' ' && line.data[end + 1] != '0';
}

/* "level=error", "\"level\":\"error\"": a line of a log tells how bad it is. */
static bool is_level(struct str line, size_t from)
{
    static const char *const keys[] = {"level", "lvl", "severity"};
    size_t n = from;

    while (n > 0 && strchr("=\": ", line.data[n - 1]))
        n--;
    for (size_t i = 0; n < from && i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t len = strlen(keys[i]);
        if (len <= n && strncasecmp(line.data + n - len, keys[i], len) == 0)
            return true;
    }
    return false;
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
    if (is_behind_name(line, from) || is_last_word(line, from, end) || is_level(line, from))
        return true;
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

/* Of a byte, in its lower five bits: a letter in any case, '_' beyond ASCII, '@' else. */
static const char letters[] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"
                              "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"
                              "@ABCDEFGHIJKLMNOPQRSTUVWXYZ@@@@@"
                              "@ABCDEFGHIJKLMNOPQRSTUVWXYZ@@@@@"
                              "________________________________"
                              "________________________________"
                              "________________________________"
                              "________________________________";

#define LETTER(c)  ((c)&31)
#define PAIR(a, b) (LETTER(a) << 5 | LETTER(b))
#define ONE(c)     (1U << LETTER(c))

/* By its first two letters, with which third one a word may be one that lexicon.h knows for an
 * error. */
static const uint32_t thirds[PAIR('_', '_') + 1] = {
    [PAIR('a', 'b')] = ONE('g') | ONE('o'),
    [PAIR('b', 'a')] = ONE('d'),
    [PAIR('b', 'r')] = ONE('o'),
    [PAIR('c', 'a')] = ONE('n'),
    [PAIR('c', 'o')] = ONE('n') | ONE('r'),
    [PAIR('c', 'r')] = ONE('a') | ONE('i'),
    [PAIR('d', 'e')] = ONE('a') | ONE('c') | ONE('n'),
    [PAIR('d', 'r')] = ONE('o'),
    [PAIR('d', 'u')] = ONE('p'),
    [PAIR('e', 'c')] = ONE('h'),
    [PAIR('e', 'r')] = ONE('r'),
    [PAIR('e', 'x')] = ONE('c') | ONE('h') | ONE('i') | ONE('p'),
    [PAIR('f', 'a')] = ONE('i') | ONE('l') | ONE('t'),
    [PAIR('f', 'e')] = ONE('h') | ONE('l'),
    [PAIR('f', 'o')] = ONE('u'),
    [PAIR('g', 'e')] = ONE('s'),
    [PAIR('i', 'l')] = ONE('l'),
    [PAIR('i', 'n')] = ONE('c') | ONE('t') | ONE('v'),
    [PAIR('k', 'i')] = ONE('l'),
    [PAIR('l', 'o')] = ONE('s'),
    [PAIR('m', 'i')] = ONE('s'),
    [PAIR('n', 'i')] = ONE('e'),
    [PAIR('o', 'd')] = ONE('m'),
    [PAIR('o', 'o')] = ONE('m'),
    [PAIR('o', 'v')] = ONE('e'),
    [PAIR('p', 'a')] = ONE('n'),
    [PAIR('p', 'r')] = ONE('o'),
    [PAIR('r', 'e')] = ONE('c') | ONE('f') | ONE('j'),
    [PAIR('r', 'i')] = ONE('f'),
    [PAIR('s', 'e')] = ONE('g'),
    [PAIR('s', 't')] = ONE('u'),
    [PAIR('t', 'i')] = ONE('m'),
    [PAIR('t', 'r')] = ONE('a'),
    [PAIR('u', 'n')] = ONE('a') | ONE('c') | ONE('d') | ONE('e') | ONE('g') | ONE('h') | ONE('k') |
                       ONE('r') | ONE('s'),
    [PAIR('v', 'e')] = ONE('r'),
    [PAIR('v', 'i')] = ONE('o'),
    [PAIR('b', '_')] = UINT32_MAX,
    [PAIR('_', '_')] = UINT32_MAX,
};

static unsigned letter_of(char c)
{
    return LETTER((unsigned char)letters[(unsigned char)c]);
}

/* From `at` on, the third letter of what such a word begins with; the line's end without one. */
static size_t find_third(struct str line, size_t at)
{
    unsigned first = letter_of(line.data[at - 2]), second = letter_of(line.data[at - 1]), third;

    for (; at < line.len; at++, first = second, second = third) {
        third = letter_of(line.data[at]);
        if (thirds[first << 5 | second] >> third & 1)
            break;
    }
    return at;
}

/* Behind the word's part that begins at `from`; 0 when none does or when it is not the last one:
 * "ValueError" is an error. */
static size_t part_end(struct str line, size_t from)
{
    char before = from > 0 ? kind_of(line.data[from - 1]) : '0';
    size_t at = from;

    if (kind_of(line.data[at]) <= before)
        return 0;
    for (char kind; at < line.len && (kind = kind_of(line.data[at])) != '0'; before = kind, at++)
        if (kind > before && at > from)
            return 0;
    return at;
}

/* Nobody but a program says so. */
static bool is_sure(struct str word)
{
    static const char *const words[] = {"panicked", "segfault", "segmentation", "uncaught",
                                        "unhandled"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (word.len == strlen(words[i]) && strncasecmp(word.data, words[i], word.len) == 0)
            return true;
    return false;
}

/* Of most words the shape tells that they report nothing, and it is told sooner than the word. */
static bool is_report(struct str line, size_t from, size_t end)
{
    char lower[16];
    struct str word = {lower, end - from};
    bool has_status = (line.data[from + 1] | 0x20) == 'x' && has_exit_status(line, end);

    if (word.len > sizeof(lower) || !(has_status || has_error_shape(line, from, end) ||
                                      is_sure((struct str){line.data + from, word.len})))
        return false;
    for (size_t i = 0; i < word.len; i++)
        lower[i] = (char)tolower((unsigned char)line.data[from + i]);
    return str_is(word, "exit") ? has_status : (lexicon_flags(word) & LEXICON_ERROR) != 0;
}

bool cue_is_error(struct str line)
{
    for (size_t at = 2; at < line.len && (at = find_third(line, at)) < line.len; at++) {
        size_t end = part_end(line, at - 2);
        if (end > at && is_report(line, at - 2, end))
            return true;
    }
    return false;
}

/* Of tests, of runtimes, of a cluster's events. */
static bool has_mark(struct str line)
{
    static const char *const marks[] = {"not ok ", "** (",      "SIGSEGV",  "SIGABRT",
                                        "SIGBUS",  "Warning  ", "Error in "};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (str_has_prefix(line, marks[i]))
            return true;
    return false;
}

bool cue_begins_error(struct str text)
{
    struct str line;

    while (str_cut(&text, '\n', &line))
        if (has_mark(str_trim(line)))
            return true;
    return false;
}
