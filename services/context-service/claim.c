#include "claim.h"

#include "cue.h"
#include "lexicon.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_PROSE 600 /* bytes: all of it counts as said; of more, its ends and its cues */

/* Thousandths of the conversation that a class may have. */
#define MAX_NAMED     20
#define MAX_DEMANDS   45
#define MAX_DECISIONS 30
#define MAX_ERRORS    25 /* by their shape, and what continues them */
#define MAX_WORDS     10 /* what a word or two tell to be one */
#define MAX_ASKED     25
#define MAX_BRIEF     15
#define MAX_SAID      50

#define NAMED        0.7F
#define SURELY_NAMED 0.9F

#define USER_BONUS      0.35F
#define ASSISTANT_BONUS 0.05F

#define TURNS         16 /* turn 0 is the surest; who has none of them does not claim */
#define FLOOD         3  /* so many lines of one pattern are enough */
#define FLOOD_TURN    6
#define NOT_TURN      2 /* of a line that says what is not */
#define BARE_TURN     4 /* of a line without a value */
#define LISTING_LINES 16
#define LISTING_TURN  3 /* of a line of code */
#define PATTERNS      512
#define MAX_BARE      2  /* of an output */
#define MAX_CHAIN     2  /* lines that continue the report of an error */
#define MAX_REST      60 /* tokens of each */

struct claims {
    struct unit_list *list;
    uint64_t total; /* tokens */
    uint8_t *turn;  /* by unit */
    uint32_t *candidate, *called;
    size_t n;
};

static int compare(const void *a, const void *b, void *arg)
{
    const struct unit *unit = arg;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;

    if (unit[i].score != unit[k].score)
        return unit[i].score > unit[k].score ? -1 : 1;
    return i < k ? 1 : -1; /* of equals the newer */
}

static void gather(struct claims *c)
{
    c->n = 0;
    for (size_t i = 0; i < c->list->n; i++)
        if (c->turn[i] < TURNS && c->list->unit[i].class == UNIT_REST)
            c->candidate[c->n++] = (uint32_t)i;
}

/* Returns the tokens of those whose turn it is. */
static uint64_t call(struct claims *c, unsigned turn, size_t *ret_n)
{
    uint64_t sum = 0;

    *ret_n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->turn[c->candidate[i]] == turn) {
            c->called[(*ret_n)++] = c->candidate[i];
            sum += c->list->unit[c->candidate[i]].tokens;
        }
    return sum;
}

/* Turn after turn until the share is used up. From the turn `unsure` on, all of a turn or none. */
static void settle(struct claims *c, enum unit_class class, unsigned thousandths, unsigned unsure)
{
    uint64_t left = c->total * thousandths / 1000;
    struct unit *unit = c->list->unit;
    bool is_over = false;

    gather(c);
    for (unsigned turn = 0; turn < TURNS && !is_over; turn++) {
        size_t n;
        is_over = call(c, turn, &n) > left;
        if (is_over && turn >= unsure)
            return;
        if (is_over)
            qsort_r(c->called, n, sizeof(*c->called), compare, unit);
        for (size_t i = 0; i < n; i++) {
            struct unit *u = &unit[c->called[i]];
            if (u->tokens > left)
                continue;
            left -= u->tokens;
            u->class = (uint8_t) class;
        }
    }
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
    return s->text.len <= SHORT_PROSE || is_end(l, i) || (l->unit[i].flags & (cue | LEXICON_WILL));
}

static size_t indent(struct str line)
{
    size_t n = 0;

    while (n < line.len && (line.data[n] == ' ' || line.data[n] == '\t'))
        n++;
    return n;
}

/* Without the number that a tool put before it: "   12\tx", "12: x", "12 | x", "12\u2192x". */
static struct str without_number(struct str line)
{
    size_t from = indent(line), n = from;

    while (n < line.len && line.data[n] >= '0' && line.data[n] <= '9')
        n++;
    if (n == from || n == line.len)
        return line;
    if (line.data[n] == '\t' || line.data[n] == ':')
        return (struct str){line.data + n + 1, line.len - n - 1};
    if (n + 3 <= line.len &&
        (memcmp(line.data + n, "\xe2\x86\x92", 3) == 0 || memcmp(line.data + n, " | ", 3) == 0))
        return (struct str){line.data + n + 3, line.len - n - 3};
    return line;
}

/* A number or a name that is hardly said elsewhere. */
static bool has_value(const struct unit_list *l, const struct unit *u)
{
    for (size_t k = without_number(u->text).data != u->text.data; k < u->n_terms; k++) {
        uint32_t id = l->term[u->first_term + k];
        const struct term *t = &l->terms.term[id];
        if (id == TERM_RARE || (t->has_digit && t->df <= 2 && t->word.len > 2))
            return true;
    }
    return false;
}

/* "11.086", "9.11.417-rc1", "v2_4417": a number of some length, or a name with one. */
static bool has_figure(struct str text)
{
    struct str word;

    while (str_cut(&text, ' ', &word)) {
        bool has_digit = false;
        for (size_t i = 0; i < word.len; i++)
            has_digit |= isdigit((unsigned char)word.data[i]);
        while (word.len > 0 && ispunct((unsigned char)word.data[word.len - 1]))
            word.len--;
        if (has_digit && word.len > 3)
            return true;
    }
    return false;
}

/* A word that says so, and a number; the word, or a promise with a value; a number; a value in the
 * midst of a long text. */
static unsigned tell_said(const struct unit_list *l, size_t i, enum unit_speaker speaker,
                          unsigned cue)
{
    const struct unit *u = &l->unit[i];
    const struct unit_source *s = &l->source[u->source];

    if (s->kind != PIECE_PROSE || s->speaker != speaker || u->is_repeat)
        return TURNS;
    if (u->flags & cue)
        return !u->has_digit;
    bool is_valued = has_value(l, u) || has_figure(u->text);
    if (u->flags & LEXICON_WILL && is_valued)
        return 1;
    if (s->text.len <= SHORT_PROSE || is_end(l, i))
        return u->has_digit ? 2 : TURNS;
    return is_valued ? 3 : TURNS;
}

static void settle_said(struct claims *c, enum unit_speaker speaker, unsigned cue,
                        enum unit_class class, unsigned thousandths)
{
    for (size_t i = 0; i < c->list->n; i++)
        c->turn[i] = (uint8_t)tell_said(c->list, i, speaker, cue);
    settle(c, class, thousandths, 2);
}

static void settle_named(struct claims *c)
{
    struct unit *unit = c->list->unit;

    for (size_t i = 0; i < c->list->n; i++) {
        bool is_named = unit[i].named >= NAMED && !unit[i].is_repeat;
        unit[i].score += is_named ? unit[i].named : 0;
        c->turn[i] = !is_named ? TURNS : unit[i].named < SURELY_NAMED;
    }
    settle(c, UNIT_NAMED, MAX_NAMED, TURNS);
}

static void settle_asked(struct claims *c)
{
    const struct unit_list *l = c->list;

    for (size_t i = 0; i < l->n; i++)
        c->turn[i] = l->unit[i].is_repeat            ? TURNS
                     : l->unit[i].relevance >= 0.6F  ? 0
                     : l->unit[i].relevance >= 0.35F ? 1
                                                     : TURNS;
    settle(c, UNIT_ASKED, MAX_ASKED, 1);
}

static void settle_rest(struct claims *c)
{
    const struct unit_list *l = c->list;

    for (size_t i = 0; i < l->n; i++)
        c->turn[i] = is_said(l, i, UNIT_USER, LEXICON_DEMAND) ? 0
                     : is_said(l, i, UNIT_ASSISTANT, LEXICON_DECISION) && has_value(l, &l->unit[i])
                         ? 1
                         : TURNS;
    settle(c, UNIT_SAID, MAX_SAID, 0);
    for (size_t i = 0; i < l->n; i++)
        c->turn[i] = is_said(l, i, UNIT_ASSISTANT, LEXICON_DECISION) ? 0 : TURNS;
    settle(c, UNIT_SAID, MAX_BRIEF, 0);
}

/* Of lines that differ in their numbers only. */
struct pattern {
    uint64_t hash;
    unsigned n;
};

static bool is_flood(const struct unit_list *l, const struct unit *u, struct pattern *patterns)
{
    uint64_t hash = 1;

    for (size_t k = 0; k < u->n_terms; k++) {
        uint32_t id = l->term[u->first_term + k];
        if (id != TERM_RARE && !l->terms.term[id].has_digit)
            hash = (hash ^ id) * UINT64_C(0x9e3779b97f4a7c15);
    }
    struct pattern *p = &patterns[(hash >> 32) % PATTERNS];
    if (p->hash != hash)
        *p = (struct pattern){.hash = hash};
    return ++p->n > FLOOD;
}

/* "DETAIL: x", "Caused by: x", "note: x": a word or two, and what they announce. */
static bool has_title(struct str line)
{
    size_t n = 0;

    while (n < line.len && n < 16 &&
           (((line.data[n] | 0x20) >= 'a' && (line.data[n] | 0x20) <= 'z') || line.data[n] == ' '))
        n++;
    return n >= 3 && n + 1 < line.len && line.data[n] == ':' && line.data[n + 1] == ' ';
}

/* Of several lines in a unit the last is the long one. */
static struct str last_line(struct str text)
{
    const char *newline = memrchr(text.data, '\n', text.len);
    size_t from = newline ? (size_t)(newline + 1 - text.data) : 0;

    return without_number((struct str){text.data + from, text.len - from});
}

/* Does the unit go on with what the one before it reports? */
static bool continues(const struct unit_list *l, size_t i)
{
    const struct unit *u = &l->unit[i], *before = u - 1;

    if (u->source != before->source || u->tokens > MAX_REST || unit_gap(l, i).len > 2)
        return false;
    struct str line = without_number(u->text);
    return before->text.data[before->text.len - 1] == ':' ||
           indent(line) > indent(last_line(before->text)) || has_title(line);
}

/* A statement that deals with errors, a remark on it, a row of a document: it reports none. */
static bool is_code(struct str line)
{
    static const char *const marks[] = {" = ", "==", "*/", "->", "!="};

    if (line.len < 2 || strchr("#;{(|*", line.data[0]) || strchr(";{(", line.data[line.len - 1]) ||
        memcmp(line.data, "//", 2) == 0 || memcmp(line.data, "/*", 2) == 0)
        return true;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (memmem(line.data, line.len, marks[i], strlen(marks[i])))
            return true;
    const char *call = memchr(line.data + 1, '(', line.len - 1); /* a name before it */
    return call && (((call[-1] | 0x20) >= 'a' && (call[-1] | 0x20) <= 'z') || call[-1] == '_');
}

/* Words of a sentence, and no marks of a program. */
static bool is_plain(struct str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (strchr("=|_*;{}<>\"\\", line.data[i]))
            return false;
    return line.data[line.len - 1] != ',' && line.data[line.len - 1] != ':';
}

static bool has_shape(const struct unit_list *l, size_t i)
{
    const struct unit *u = &l->unit[i];

    return (l->source[u->source].is_error && is_end(l, i)) ||
           (u->flags & LEXICON_ERROR && cue_is_error(u->text)) || cue_begins_error(u->text);
}

static unsigned tell_word(const struct unit_list *l, size_t i)
{
    const struct unit *u = &l->unit[i];
    bool is_word = u->flags & LEXICON_ERROR;

    if (!(u->flags & (LEXICON_ERROR | LEXICON_NOT)) || u->n_terms < 3)
        return TURNS;
    struct str line = str_trim(last_line(u->text));
    if (is_code(line))
        return TURNS;
    if (has_value(l, u) || (is_word && has_figure(line)))
        return is_word ? 0 : NOT_TURN;
    return is_word && is_plain(line) ? BARE_TURN : TURNS;
}

/* Does a text begin as code does, whose words for errors report none? */
static bool is_listing(const struct unit_list *l, const struct unit_source *s)
{
    size_t n = s->n < LISTING_LINES ? s->n : LISTING_LINES, code = 0;

    for (size_t i = s->first; i < s->first + n; i++)
        code += is_code(last_line(l->unit[i].text));
    return n == LISTING_LINES && code * 4 >= n;
}

/* The first reports of each output before the second ones. */
static void take_turns(struct claims *c, const struct unit_source *s, struct pattern *patterns,
                       bool is_shape)
{
    const struct unit_list *l = c->list;
    unsigned before[TURNS] = {0}, last = TURNS, chain = 0;
    unsigned later = !is_shape && s->kind == PIECE_OUTPUT && is_listing(l, s) ? LISTING_TURN : 0;

    for (size_t i = s->first; i < s->first + s->n; i++) {
        c->turn[i] = TURNS;
        if (s->kind != PIECE_OUTPUT)
            continue;
        unsigned turn = !is_shape ? tell_word(l, i) : has_shape(l, i) ? 0 : TURNS;
        if (turn < TURNS && !l->unit[i].is_repeat) {
            turn = turn == BARE_TURN && before[turn] == MAX_BARE ? TURNS : turn + before[turn]++;
            turn += later;
            turn += is_flood(l, &l->unit[i], patterns) ? FLOOD_TURN : 0;
        }
        chain =
            last < BARE_TURN && turn > last && chain < MAX_CHAIN && continues(l, i) ? chain + 1 : 0;
        if (chain > 0)
            turn = last + 1;
        c->turn[i] = turn < TURNS && !l->unit[i].is_repeat ? (uint8_t)turn : TURNS;
        last = turn; /* what continues it may be new */
    }
}

static bool settle_errors(struct claims *c, bool is_shape)
{
    struct unit_list *l = c->list;
    struct pattern *patterns = arena_alloc(l->arena, PATTERNS * sizeof(*patterns));

    if (!patterns)
        return false;
    for (size_t s = 0; s < l->n_sources; s++)
        take_turns(c, &l->source[s], patterns, is_shape);
    settle(c, UNIT_ERROR, is_shape ? MAX_ERRORS : MAX_WORDS, TURNS);
    return true;
}

static void prefer(struct unit_list *l, enum unit_speaker speaker, float bonus)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct unit_source *s = &l->source[l->unit[i].source];
        if (s->kind == PIECE_PROSE && s->speaker == speaker && !l->unit[i].is_repeat)
            l->unit[i].score += bonus;
    }
}

bool claim_classes(struct unit_list *l, bool is_asked)
{
    struct claims c = {.list = l,
                       .turn = arena_alloc(l->arena, l->n + 1),
                       .candidate = arena_alloc(l->arena, l->n * sizeof(*c.candidate) + 1),
                       .called = arena_alloc(l->arena, l->n * sizeof(*c.called) + 1)};

    if (!c.turn || !c.candidate || !c.called)
        return false;
    for (size_t i = 0; i < l->n; i++)
        c.total += l->unit[i].tokens;
    settle_said(&c, UNIT_USER, LEXICON_DEMAND, UNIT_DEMAND, MAX_DEMANDS);
    settle_said(&c, UNIT_ASSISTANT, LEXICON_DECISION, UNIT_DECISION, MAX_DECISIONS);
    if (!settle_errors(&c, true) || !settle_errors(&c, false))
        return false;
    settle_named(&c);
    prefer(l, UNIT_USER, USER_BONUS);
    prefer(l, UNIT_ASSISTANT, ASSISTANT_BONUS);
    if (is_asked)
        settle_asked(&c);
    settle_rest(&c);
    return true;
}
