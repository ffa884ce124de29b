#include "cue.h"

#include "lexicon.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define MAX_STATUS  24  /* bytes between "exit" and its number */
#define SHORT_PROSE 600 /* bytes: all of it counts as said; of more, its ends and its cues */

/* Thousandths of the conversation that a class may have. */
#define MAX_DEMANDS   45
#define MAX_DECISIONS 30
#define MAX_ERRORS    25
#define MAX_ASKED     25
#define MAX_USER      50

#define USER_BONUS      0.35F
#define ASSISTANT_BONUS 0.05F

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

/* "error: no such file", "ValueError: x", "[ERROR] x"; but not "except ValueError:" or "{error}".
 */
static bool has_error_shape(struct str line, size_t from, size_t end)
{
    bool is_loud = true;

    for (size_t i = from; i < end; i++)
        is_loud &= is_upper(line.data[i]);
    if (is_loud) /* a constant's name is longer */
        return (from == 0 || line.data[from - 1] != '_') &&
               (end == line.len || !strchr("_,(;", line.data[end]));
    while (end < line.len && strchr(")]\"'*", line.data[end]))
        end++;
    if (end < line.len && line.data[end] == '[') /* error[E0308]: */
        while (end < line.len && line.data[end] != ':')
            end++;
    if (end + 1 >= line.len || line.data[end] != ':')
        return false;
    struct str rest = str_trim((struct str){line.data + end + 1, line.len - end - 1});
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
    case THREE('a', 'b', 'o'):
    case THREE('c', 'a', 'n'):
    case THREE('c', 'o', 'r'):
    case THREE('c', 'r', 'a'):
    case THREE('c', 'r', 'i'):
    case THREE('d', 'e', 'a'):
    case THREE('d', 'e', 'n'):
    case THREE('e', 'r', 'r'):
    case THREE('e', 'x', 'c'):
    case THREE('e', 'x', 'i'):
    case THREE('f', 'a', 'i'):
    case THREE('f', 'a', 'l'):
    case THREE('f', 'a', 't'):
    case THREE('f', 'e', 'h'):
    case THREE('f', 'e', 'l'):
    case THREE('f', 'o', 'u'):
    case THREE('i', 'n', 'v'):
    case THREE('m', 'i', 's'):
    case THREE('o', 'v', 'e'):
    case THREE('p', 'a', 'n'):
    case THREE('r', 'e', 'f'):
    case THREE('s', 'e', 'g'):
    case THREE('t', 'i', 'm'):
    case THREE('t', 'r', 'a'):
    case THREE('u', 'n', 'a'):
    case THREE('u', 'n', 'c'):
    case THREE('u', 'n', 'd'):
    case THREE('u', 'n', 'h'):
    case THREE('u', 'n', 'r'):
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

static bool is_end(const struct unit_list *l, size_t i)
{
    const struct unit_source *s = &l->source[l->unit[i].source];

    return i == s->first || i + 1 == s->first + s->n;
}

static bool is_said(const struct unit_list *l, size_t i, enum unit_speaker speaker, unsigned cue)
{
    const struct unit_source *s = &l->source[l->unit[i].source];

    if (s->kind != PIECE_PROSE || s->speaker != speaker || l->unit[i].is_repeat)
        return false;
    return s->text.len <= SHORT_PROSE || is_end(l, i) || (l->unit[i].flags & cue);
}

typedef bool (*claim_fn)(const struct unit_list *l, size_t i);

static bool is_demand(const struct unit_list *l, size_t i)
{
    return is_said(l, i, UNIT_USER, LEXICON_DEMAND) && (l->unit[i].flags & LEXICON_DEMAND);
}

static bool may_be_demand(const struct unit_list *l, size_t i)
{
    return is_demand(l, i) || (is_said(l, i, UNIT_USER, LEXICON_DEMAND) && l->unit[i].has_digit);
}

static bool is_sure_demand(const struct unit_list *l, size_t i)
{
    return is_demand(l, i) && l->unit[i].has_digit;
}

static bool is_decision(const struct unit_list *l, size_t i)
{
    return is_said(l, i, UNIT_ASSISTANT, LEXICON_DECISION) && (l->unit[i].flags & LEXICON_DECISION);
}

static bool may_be_decision(const struct unit_list *l, size_t i)
{
    return is_decision(l, i) ||
           (is_said(l, i, UNIT_ASSISTANT, LEXICON_DECISION) && l->unit[i].has_digit);
}

static bool is_sure_decision(const struct unit_list *l, size_t i)
{
    return is_decision(l, i) && l->unit[i].has_digit;
}

static bool is_user_said(const struct unit_list *l, size_t i)
{
    return is_said(l, i, UNIT_USER, LEXICON_DEMAND);
}

static bool is_asked_for(const struct unit_list *l, size_t i)
{
    return l->unit[i].relevance >= 0.35F && !l->unit[i].is_repeat;
}

static bool is_surely_asked_for(const struct unit_list *l, size_t i)
{
    return l->unit[i].relevance >= 0.6F && !l->unit[i].is_repeat;
}

/* False, and nothing changed, when the class would have more than its share. */
static bool claim(struct unit_list *l, enum unit_class class, claim_fn claims, uint64_t most)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < l->n; i++)
        if (claims(l, i))
            sum += l->unit[i].tokens;
    if (sum > most)
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (l->unit[i].class > class && claims(l, i))
            l->unit[i].class = (uint8_t) class;
    return true;
}

static bool is_failed_end(const struct unit_list *l, size_t i)
{
    return l->source[l->unit[i].source].is_error && is_end(l, i);
}

/* Up to `max` lines of each output. */
static uint64_t claim_errors(struct unit_list *l, const uint8_t *strength, size_t max, bool is_dry)
{
    uint64_t sum = 0;

    for (size_t s = 0; s < l->n_sources; s++) {
        size_t left = max;
        for (size_t i = l->source[s].first; left > 0 && i < l->source[s].first + l->source[s].n;
             i++) {
            if (strength[i] < 2 || l->unit[i].is_repeat)
                continue;
            left--;
            sum += l->unit[i].tokens;
            if (!is_dry && l->unit[i].class > UNIT_ERROR)
                l->unit[i].class = UNIT_ERROR;
        }
    }
    return sum;
}

static void classify_errors(struct unit_list *l, uint64_t total)
{
    static const size_t per_output[] = {12, 6, 3, 2, 1};
    uint8_t *strength = arena_alloc(l->arena, l->n + 1);
    size_t n = sizeof(per_output) / sizeof(per_output[0]), i = 0;

    if (!strength)
        return;
    for (size_t u = 0; u < l->n; u++) {
        const struct unit_source *s = &l->source[l->unit[u].source];
        if (s->kind == PIECE_OUTPUT &&
            ((l->unit[u].flags & LEXICON_ERROR) || l->unit[u].has_digit || s->is_error))
            strength[u] = is_failed_end(l, u) ? 2 : (uint8_t)cue_error(l->unit[u].text);
    }
    while (i + 1 < n && claim_errors(l, strength, per_output[i], true) > total * MAX_ERRORS / 1000)
        i++;
    claim_errors(l, strength, per_output[i], false);
}

static void prefer(struct unit_list *l, enum unit_speaker speaker, float bonus)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct unit_source *s = &l->source[l->unit[i].source];
        if (s->kind == PIECE_PROSE && s->speaker == speaker && !l->unit[i].is_repeat)
            l->unit[i].score += bonus;
    }
}

void cue_classify(struct unit_list *l, bool is_asked)
{
    uint64_t total = 0;

    for (size_t i = 0; i < l->n; i++)
        total += l->unit[i].tokens;
    uint64_t demands = total * MAX_DEMANDS / 1000, decisions = total * MAX_DECISIONS / 1000;
    (void)(claim(l, UNIT_DEMAND, may_be_demand, demands) ||
           claim(l, UNIT_DEMAND, is_demand, demands) ||
           claim(l, UNIT_DEMAND, is_sure_demand, demands));
    (void)(claim(l, UNIT_DECISION, may_be_decision, decisions) ||
           claim(l, UNIT_DECISION, is_decision, decisions) ||
           claim(l, UNIT_DECISION, is_sure_decision, decisions));
    prefer(l, UNIT_USER, USER_BONUS);
    prefer(l, UNIT_ASSISTANT, ASSISTANT_BONUS);
    classify_errors(l, total);
    if (is_asked && !claim(l, UNIT_ASKED, is_asked_for, total * MAX_ASKED / 1000))
        (void)claim(l, UNIT_ASKED, is_surely_asked_for, total * MAX_ASKED / 1000);
    (void)claim(l, UNIT_USER_SAID, is_user_said, total * MAX_USER / 1000);
}
