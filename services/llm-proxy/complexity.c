#include "complexity.h"

#include "complexity_text.h"
#include "complexity_words.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define WORDS_HEAD 640 /* of the window: where the ask is looked for */
#define WORDS_TAIL 384
#define SHORT_ASK  240 /* a paragraph this short may be the ask about the others */

/* What one pass over the window has seen. */
struct scan {
    unsigned found[COMPLEXITY_CLASSES];     /* different words of each class */
    uint8_t seen[COMPLEXITY_WORDS_MAX / 8]; /* rows met already */
    enum complexity_class lead;             /* the first kind of work; BOUND: none yet */
    bool in_payload;                        /* the rest is what the work is done on */
    bool in_code;
    unsigned n_code_lines, n_items, n_clauses, n_questions, n_formulas;
};

static double at_most(double x, double most)
{
    return x < most ? x : most;
}

static bool is_lead(enum complexity_class class)
{
    return class >= COMPLEXITY_FACT;
}

static bool has_payload(enum complexity_class lead)
{
    return lead == COMPLEXITY_TRANSFORM || lead == COMPLEXITY_CONDENSE;
}

static size_t take_word(struct scan *s, struct str text)
{
    const struct complexity_word *w = complexity_words_find(text);

    if (!w)
        return 1;
    size_t row = (size_t)(w - complexity_words);
    if (!(s->seen[row / 8] & (1u << row % 8)))
        s->found[w->class]++;
    s->seen[row / 8] |= (uint8_t)(1u << row % 8);
    if (is_lead(w->class) && s->lead == COMPLEXITY_BOUND)
        s->lead = w->class;
    return w->text.len;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* "- item", "* item", "1. item", "1) item" */
static bool is_item(struct str line)
{
    size_t i = 0;

    while (i < line.len && line.data[i] >= '0' && line.data[i] <= '9')
        i++;
    if (i + 1 >= line.len || i > 3)
        return false;
    if (i == 0)
        return (line.data[0] == '-' || line.data[0] == '*') && line.data[1] == ' ';
    return line.data[i] == '.' || line.data[i] == ')';
}

/* Lines of code outside a fence end or begin in a way that prose does not. */
static bool is_code_line(struct str line)
{
    char last = line.len > 0 ? line.data[line.len - 1] : ' ';

    return last == '{' || last == '}' || (last == ';' && line.len > 1) ||
           str_has_prefix(line, "def ") || str_has_prefix(line, "#include") ||
           str_has_prefix(line, "import ");
}

static void take_line(struct scan *s, struct str line)
{
    line = str_trim(line);
    if (str_has_prefix(line, "```")) {
        s->in_code = !s->in_code;
        return;
    }
    if (s->in_code)
        s->n_code_lines += line.len > 0;
    else if (is_code_line(line))
        s->n_code_lines++;
    else if (is_item(line))
        s->n_items++;
}

static void take_mark(struct scan *s, char c)
{
    s->n_clauses += c == ',' || c == ';';
    s->n_questions += c == '?';
    s->n_formulas += c == '^' || c == '=' || c == '<' || c == '>';
}

/* A translation's text is not the ask. */
static void end_of_ask(struct scan *s, char c)
{
    if ((c == ':' || c == '"' || c == '\n') && has_payload(s->lead))
        s->in_payload = true;
}

/* Where words count: near both ends, outside code, and not in what is worked on. */
static bool is_in_ask(const struct scan *s, size_t at, size_t len)
{
    return !s->in_code && !s->in_payload && (at < WORDS_HEAD || at + WORDS_TAIL >= len);
}

static size_t line_length(struct str text)
{
    const char *end = memchr(text.data, '\n', text.len);

    return end ? (size_t)(end - text.data) : text.len;
}

static void scan_text(struct scan *s, struct str text)
{
    bool is_start = true; /* of a word */

    for (size_t i = 0, n; i < text.len; i += n) {
        char c = text.data[i];
        if (i == 0 || text.data[i - 1] == '\n')
            take_line(s, (struct str){text.data + i,
                                      line_length((struct str){text.data + i, text.len - i})});
        n = 1;
        if (!is_letter(c)) {
            is_start = true;
            take_mark(s, c);
            end_of_ask(s, c);
            continue;
        }
        bool is_han = complexity_words_is_han(c);
        if ((is_start || is_han) && is_in_ask(s, i, text.len))
            n = take_word(s, (struct str){text.data + i, text.len - i});
        if (n == 1 && is_han)
            n = text.len - i < 3 ? text.len - i : 3;
        is_start = is_han;
    }
}

/* A short last paragraph that says what to do with the text above it. */
static bool find_last_ask(struct str text, struct str *ret)
{
    size_t at = text.len;

    while (at > 0 && text.data[at - 1] == '\n')
        at--;
    text.len = at;
    while (at > 0 && text.data[at - 1] != '\n')
        at--;
    *ret = (struct str){text.data + at, text.len - at};
    return at > SHORT_ASK && ret->len < SHORT_ASK;
}

static void scan_init(struct scan *s)
{
    *s = (struct scan){.lead = COMPLEXITY_BOUND};
}

static void scan_prompt(struct scan *s, struct str text)
{
    struct str last;

    scan_init(s);
    if (find_last_ask(text, &last)) {
        scan_text(s, last);
        if (s->lead == COMPLEXITY_TRANSFORM || s->lead == COMPLEXITY_FACT ||
            s->lead == COMPLEXITY_CONDENSE)
            return;
        scan_init(s);
    }
    scan_text(s, text);
}

/* The kind of work, from 0 to 0.8. */
static double rate_question(const struct scan *s, uint64_t n_units)
{
    const unsigned *n = s->found;
    double topics = at_most(n[COMPLEXITY_TOPIC], 4);

    if (n[COMPLEXITY_PROOF] > 0)
        return at_most(0.66 + 0.03 * topics + 0.03 * n[COMPLEXITY_HARD], 0.8);
    if (s->lead == COMPLEXITY_TRANSFORM)
        return 0.1 + 0.1 * at_most(n[COMPLEXITY_HARD], 3) +
               0.05 * at_most(n[COMPLEXITY_EXPLAIN], 3);
    if (s->lead == COMPLEXITY_FACT && n_units < 100)
        return 0.1 + 0.12 * at_most(n[COMPLEXITY_HARD], 3) +
               0.08 * at_most(n[COMPLEXITY_EXPLAIN], 3) + 0.04 * topics;
    if (n[COMPLEXITY_HARD] > 0)
        return at_most(0.5 + 0.06 * (n[COMPLEXITY_HARD] - 1) + 0.07 * topics, 0.8);
    if (n[COMPLEXITY_EXPLAIN] + n[COMPLEXITY_CONDENSE] > 0)
        return 0.37 + 0.03 * at_most(n[COMPLEXITY_EXPLAIN], 4) + 0.04 * topics;
    if (n[COMPLEXITY_CHAT] + n[COMPLEXITY_FACT] > 0)
        return 0.08 + 0.04 * topics;
    return n_units < 40 ? 0.1 : 0.2 + 0.05 * topics;
}

/* Characters, about: one of three bytes says as much as two letters and a half. */
static uint64_t count_units(const struct complexity_text *t)
{
    uint64_t n_han = 0;

    for (size_t i = 0; i < t->len; i++)
        n_han += complexity_words_is_han(t->data[i]);
    uint64_t weighted = (uint64_t)t->len - n_han / 2;
    return t->len > 0 ? t->n_bytes * weighted / t->len : 0;
}

static double rate_structure(const struct scan *s)
{
    double clauses = s->n_clauses > 1 ? 0.015 * (s->n_clauses - 1) : 0;
    double questions = s->n_questions > 1 ? 0.03 * (s->n_questions - 1) : 0;

    return at_most(clauses, 0.08) + at_most(questions, 0.09) + at_most(0.02 * s->n_items, 0.12) +
           at_most(0.02 * s->n_formulas, 0.06) + at_most(0.03 * s->found[COMPLEXITY_BOUND], 0.12);
}

static double rate_code(const struct scan *s)
{
    return s->n_code_lines > 0 ? at_most(0.04 + 0.008 * s->n_code_lines, 0.16) : 0;
}

static double rate_length(uint64_t n_units)
{
    return n_units > 64 ? at_most(0.025 * log2((double)n_units / 64), 0.12) : 0;
}

static bool is_role(const struct json_value *message, const char *role)
{
    const struct json_value *v = json_get(message, "role");

    return v && str_is((struct str){v->raw.data + 1, v->raw.len - 2}, role);
}

/* The last user message, and what its conversation adds. */
static const struct json_value *read_history(const struct json_value *messages,
                                             struct complexity *c)
{
    const struct json_value *last = NULL;
    unsigned n_user = 0, n_tool = 0;

    for (const struct json_value *m = messages ? messages->child : NULL; m; m = m->next) {
        if (is_role(m, "user")) {
            last = m;
            n_user++;
        }
        n_tool += is_role(m, "tool");
    }
    c->parts[COMPLEXITY_PART_HISTORY] =
        at_most(n_user > 2 ? 0.015 * (n_user - 2) : 0, 0.1) + at_most(0.02 * n_tool, 0.06);
    return last;
}

/* Whichever API asks: messages, items of a response, or one text. */
static const struct json_value *find_ask(const struct json_value *body, struct complexity *c)
{
    const struct json_value *messages = json_get(body, "messages");
    const struct json_value *input = json_get(body, "input");

    if (!messages && json_is(input, JSON_ARRAY))
        messages = input;
    if (messages)
        return json_get(read_history(messages, c), "content");
    return input ? input : json_get(body, "prompt");
}

/* The length, code and lists of what is only to be worked on make it longer, not harder. */
static void discount(struct complexity *c)
{
    c->parts[COMPLEXITY_PART_LENGTH] *= 0.25;
    c->parts[COMPLEXITY_PART_STRUCTURE] *= 0.25;
    c->parts[COMPLEXITY_PART_CODE] *= 0.5;
    c->parts[COMPLEXITY_PART_STEPS] *= 0.25;
}

struct complexity complexity_score(const struct json_value *body)
{
    const struct json_value *tools = json_get(body, "tools");
    struct complexity c = {0};
    struct complexity_text text;
    struct scan s;

    complexity_text_read(find_ask(body, &c), &text);
    uint64_t n_units = count_units(&text);
    scan_prompt(&s, (struct str){text.data, text.len});

    c.parts[COMPLEXITY_PART_QUESTION] = rate_question(&s, n_units);
    c.parts[COMPLEXITY_PART_LENGTH] = rate_length(n_units);
    c.parts[COMPLEXITY_PART_STRUCTURE] = rate_structure(&s) + at_most(0.04 * text.n_media, 0.08);
    c.parts[COMPLEXITY_PART_CODE] = rate_code(&s);
    c.parts[COMPLEXITY_PART_STEPS] = at_most(0.03 * s.found[COMPLEXITY_STEP], 0.12);
    if (json_is(tools, JSON_ARRAY) && tools->n_children > 0)
        c.parts[COMPLEXITY_PART_TOOLS] = at_most(0.02 + 0.01 * tools->n_children, 0.1);
    if (c.parts[COMPLEXITY_PART_QUESTION] < 0.2)
        discount(&c);
    for (unsigned i = 0; i < COMPLEXITY_PARTS; i++)
        c.score += c.parts[i];
    c.score = at_most(c.score, 1);
    return c;
}

enum complexity_level complexity_cut(double score, double medium_at, double high_at)
{
    if (score >= high_at)
        return COMPLEXITY_HIGH;
    return score >= medium_at ? COMPLEXITY_MEDIUM : COMPLEXITY_LOW;
}

const char *complexity_level_text(enum complexity_level level)
{
    static const char *const text[] = {"low", "medium", "high"};

    return text[level];
}

const char *complexity_part_text(enum complexity_part part)
{
    static const char *const text[] = {"question", "length", "structure", "code",
                                       "steps",    "tools",  "history"};

    return text[part];
}
