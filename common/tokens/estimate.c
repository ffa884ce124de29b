#include "tokens/estimate.h"

#include "base/parse.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What the formats add to the text, in tokens: OpenAI's rule for chats; its rendering of tools,
 * measured; the preamble that Anthropic puts before them. */
#define SAMPLE_FROM   8192 /* bytes of one string */
#define SAMPLE_BLOCK  4096
#define SAMPLE_WINDOW 512

#define BLOCK 8 /* bytes that are looked at together */

#define PER_MESSAGE     3
#define PER_NAME        1
#define PER_ANSWER      3
#define FIRST_TOOL      14
#define PER_TOOL        7
#define ANTHROPIC_TOOLS 340
#define IMAGE           765 /* 1024 x 1024 on a tile model */
#define IMAGE_LOW       85
#define MEDIA_BYTES     1000 /* of base64 to a token: sound, documents */

enum class {
    LOWER,
    UPPER,
    DIGIT,
    SPACE,
    NEWLINE,
    PUNCT,
    SPECIAL, /* the backslash, and all that is not ASCII */
};

/* The class of a byte, as a digit. */
static const char class_of[] = "55555555534554555555555555555555"
                               "35555555555555552222222222555555"
                               "51111111111111111111111111156555"
                               "50000000000000000000000000055555"
                               "66666666666666666666666666666666"
                               "66666666666666666666666666666666"
                               "66666666666666666666666666666666"
                               "66666666666666666666666666666666";

enum script {
    LATIN,
    GREEK,
    CYRILLIC,
    ARABIC, /* and Hebrew */
    INDIC,
    THAI,
    RARE, /* hardly in the tables: spelled byte by byte */
    GEORGIAN,
    KHMER, /* and Burmese */
    SYMBOL,
    KANA,
    HAN,
    HANGUL,
    EMOJI,
};

/* The weights are hundredths of a token, found by non-negative least squares over 590 samples of
 * prose in 60 languages, code and data. [before][now]; the last row is for what follows a script
 * other than Latin. */
#define TOKEN        ESTIMATE_TOKEN
#define AFTER_SCRIPT SPECIAL

static const uint8_t ascii_weight[7][8] = {
    {25, 126, 40, 29, 39, 4},  {4, 19, 136, 78, 80, 35},  {155, 159, 27, 47, 59, 90},
    {8, 4, 147, 5, 26, 83},    {29, 121, 130, 10, 4, 48}, {75, 78, 86, 15, 79, 31},
    {41, 58, 62, 60, 17, 170},
};

/* the first character of a run, and each further one */
static const uint8_t script_weight[][2] = {
    [LATIN] = {34, 126}, [GREEK] = {104, 12},  [CYRILLIC] = {64, 12}, [ARABIC] = {43, 20},
    [INDIC] = {4, 34},   [THAI] = {50, 41},    [RARE] = {53, 190},    [GEORGIAN] = {45, 18},
    [KHMER] = {37, 58},  [SYMBOL] = {168, 56}, [KANA] = {99, 67},     [HAN] = {91, 86},
    [HANGUL] = {50, 57}, [EMOJI] = {94, 55},
};

struct walk {
    uint64_t sum;
    enum class before;
    enum script script; /* when `before` is AFTER_SCRIPT */
    bool samples;       /* long strings are not read in full */
    uint64_t *by;       /* hundredths of each feature, or NULL */
    bool is_in_tools;
};

static void attribute(struct walk *w, enum estimate_feature f, uint64_t weight)
{
    if (w->by)
        w->by[w->is_in_tools ? ESTIMATE_TOOLS : f] += weight;
}

static enum estimate_feature feature_of(enum class now)
{
    static const enum estimate_feature features[] = {
        [LOWER] = ESTIMATE_WORDS, [UPPER] = ESTIMATE_WORDS,   [DIGIT] = ESTIMATE_DIGITS,
        [SPACE] = ESTIMATE_WORDS, [NEWLINE] = ESTIMATE_LINES, [PUNCT] = ESTIMATE_SIGNS,
    };

    return features[now];
}

static enum estimate_feature feature_of_script(enum script now)
{
    static const enum estimate_feature features[] = {
        [LATIN] = ESTIMATE_ACCENTS, [GREEK] = ESTIMATE_SCRIPTS,    [CYRILLIC] = ESTIMATE_CYRILLIC,
        [ARABIC] = ESTIMATE_ARABIC, [INDIC] = ESTIMATE_SCRIPTS,    [THAI] = ESTIMATE_SCRIPTS,
        [RARE] = ESTIMATE_SCRIPTS,  [GEORGIAN] = ESTIMATE_SCRIPTS, [KHMER] = ESTIMATE_SCRIPTS,
        [SYMBOL] = ESTIMATE_SIGNS,  [KANA] = ESTIMATE_KANA,        [HAN] = ESTIMATE_HAN,
        [HANGUL] = ESTIMATE_HANGUL, [EMOJI] = ESTIMATE_SIGNS,
    };

    return features[now];
}

static enum script script_of_e0(unsigned char second)
{
    if (second < 0xa4)
        return ARABIC;
    if (second < 0xb8)
        return INDIC;
    return second < 0xba ? THAI : RARE;
}

static enum script script_of_e1(unsigned char second)
{
    if (second >= 0xb8)
        return second < 0xbc ? LATIN : GREEK;
    if (second <= 0x81 || second == 0x9e || second == 0x9f)
        return KHMER;
    return second == 0x82 || second == 0x83 ? GEORGIAN : RARE;
}

/* By the first two bytes of the character in UTF-8. */
static enum script script_of(unsigned char lead, unsigned char second)
{
    if (lead < 0xcc || (lead == 0xcd && second < 0xb0) || lead == 0xcc)
        return LATIN;
    if (lead < 0xe0)
        return lead < 0xd0 ? GREEK : lead < 0xd5 ? CYRILLIC : lead < 0xdc ? ARABIC : RARE;
    if (lead == 0xe0)
        return script_of_e0(second);
    if (lead == 0xe1)
        return script_of_e1(second);
    if (lead == 0xe2 || lead == 0xee || lead == 0xef)
        return SYMBOL;
    if (lead < 0xee)
        return lead == 0xe3 ? KANA : lead < 0xea ? HAN : HANGUL;
    return EMOJI;
}

static void add_ascii(struct walk *w, enum class now)
{
    w->sum += ascii_weight[w->before][now];
    attribute(w, feature_of(now), ascii_weight[w->before][now]);
    w->before = now;
}

static void add_script(struct walk *w, enum script now)
{
    if (now == LATIN) {
        w->sum += script_weight[LATIN][w->before <= UPPER];
        attribute(w, ESTIMATE_ACCENTS, script_weight[LATIN][w->before <= UPPER]);
        w->before = LOWER;
        return;
    }
    uint8_t weight = script_weight[now][w->before == AFTER_SCRIPT && w->script == now];
    w->sum += weight;
    attribute(w, feature_of_script(now), weight);
    w->before = AFTER_SCRIPT;
    w->script = now;
}

static void add_code_point(struct walk *w, uint64_t code)
{
    if (code < 0x80)
        add_ascii(w, class_of[code] == '6' ? PUNCT : (enum class)(class_of[code] - '0'));
    else if (code < 0x800)
        add_script(w, script_of((unsigned char)(0xc0 | code >> 6), 0x80 | (code & 0x3f)));
    else if (code >= 0xd800 && code < 0xdc00) /* the second half adds nothing */
        add_script(w, EMOJI);
    else if (code < 0xdc00 || code > 0xdfff)
        add_script(w, script_of((unsigned char)(0xe0 | code >> 12), 0x80 | (code >> 6 & 0x3f)));
}

/* A backslash and what it escapes, or a character beyond ASCII; returns its length. */
static size_t add_special(struct walk *w, const unsigned char *p, size_t len)
{
    uint64_t code;

    if (*p >= 0x80) {
        size_t n = *p < 0xc0 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
        add_script(w, script_of(*p, len > 1 ? p[1] : 0));
        return n < len ? n : len;
    }
    if (len >= 6 && p[1] == 'u' && parse_hex((struct str){(const char *)p + 2, 4}, &code)) {
        add_code_point(w, code);
        return 6;
    }
    char next = len > 1 ? (char)p[1] : '\0';
    bool is_newline = next == 'n' || next == 'r';
    add_ascii(w, is_newline ? NEWLINE : next == 't' ? SPACE : PUNCT);
    return is_newline || next == 't' || next == '"' || next == '\\' || next == '/' ? 2 : 1;
}

/* None of BLOCK bytes is a special one. */
static inline bool is_plain(const unsigned char *p)
{
    static const uint64_t each = 0x0101010101010101;
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return ((((word ^ each * '\\') - each) | word) & 0x80 * each) == 0;
}

/* Adds to the sum of its class, or to the only one there is. */
static inline unsigned add_byte(unsigned before, unsigned char byte, uint64_t *sums, bool by_class)
{
    unsigned now = (unsigned char)class_of[byte] - '0';

    sums[by_class ? now : 0] += ascii_weight[before][now];
    return now;
}

static inline void add_block(struct walk *w, const unsigned char *p, uint64_t *sums, bool by_class)
{
    unsigned c = w->before;

    c = add_byte(c, p[0], sums, by_class);
    c = add_byte(c, p[1], sums, by_class);
    c = add_byte(c, p[2], sums, by_class);
    c = add_byte(c, p[3], sums, by_class);
    c = add_byte(c, p[4], sums, by_class);
    c = add_byte(c, p[5], sums, by_class);
    c = add_byte(c, p[6], sums, by_class);
    w->before = add_byte(c, p[7], sums, by_class);
}

/* Returns where the first block begins that is not all plain. */
static const unsigned char *add_blocks(struct walk *w, const unsigned char *p,
                                       const unsigned char *end)
{
    uint64_t sums[SPECIAL] = {0};

    if (!w->by) {
        for (; end - p >= BLOCK && is_plain(p); p += BLOCK)
            add_block(w, p, sums, false);
        w->sum += sums[0];
        return p;
    }
    for (; end - p >= BLOCK && is_plain(p); p += BLOCK)
        add_block(w, p, sums, true);
    for (enum class c = 0; c < SPECIAL; c++) {
        w->sum += sums[c];
        attribute(w, feature_of(c), sums[c]);
    }
    return p;
}

static void add_text(struct walk *w, struct str text)
{
    const unsigned char *p = (const unsigned char *)text.data, *end = p + text.len;

    while (p < end) {
        p = add_blocks(w, p, end);
        for (; p < end && class_of[*p] != '6'; p++)
            add_ascii(w, (enum class)(class_of[*p] - '0'));
        while (p < end && class_of[*p] == '6')
            p += add_special(w, p, (size_t)(end - p));
    }
}

/* A window of each block, scaled up: a string so long is much the same all the way. A window that
 * cuts a character counts a part of it as one, which is lost in the margin. */
static void add_sampled(struct walk *w, struct str text)
{
    struct walk sample = *w;
    uint64_t seen = 0;

    sample.sum = 0;
    for (size_t at = 0; at < text.len; at += SAMPLE_BLOCK) {
        size_t n = text.len - at < SAMPLE_WINDOW ? text.len - at : SAMPLE_WINDOW;
        add_text(&sample, (struct str){text.data + at, n});
        seen += n;
    }
    w->sum += sample.sum / seen * text.len + sample.sum % seen * text.len / seen;
    w->before = sample.before;
}

static uint64_t round_up(const struct walk *w)
{
    return (w->sum + TOKEN - 1) / TOKEN;
}

uint64_t estimate_text(struct str text)
{
    struct walk w = {.before = NEWLINE};

    if (text.len == 0)
        return 0;
    add_text(&w, text);
    return round_up(&w);
}

static void add_tokens(struct walk *w, uint64_t n)
{
    w->sum += n * TOKEN;
    attribute(w, ESTIMATE_MESSAGES, n * TOKEN);
    w->before = NEWLINE;
}

static void add_media(struct walk *w, uint64_t n)
{
    w->sum += n * TOKEN;
    attribute(w, ESTIMATE_PICTURES, n * TOKEN);
    w->before = NEWLINE;
}

static void add_string(struct walk *w, const struct json_value *v)
{
    struct str text = {v->raw.data + 1, v->raw.len - 2};

    w->before = NEWLINE;
    if (w->samples && text.len > SAMPLE_FROM)
        add_sampled(w, text);
    else
        add_text(w, text);
}

static bool is_one_of(struct str key, const char *const words[])
{
    for (size_t i = 0; words[i]; i++) {
        if (str_is(key, words[i]))
            return true;
    }
    return false;
}

/* Members that the wire needs and the model never sees. */
static bool is_unseen(struct str key)
{
    static const char *const words[] = {"id",       "tool_call_id",  "tool_use_id", "call_id",
                                        "required", "cache_control", "index",       NULL};

    return is_one_of(key, words);
}

/* Members that the model sees without their key. */
static bool is_keyless(struct str key)
{
    static const char *const words[] = {"type",        "properties", "items",        "function",
                                        "name",        "text",       "description",  "content",
                                        "parameters",  "arguments",  "input_schema", "input",
                                        "tool_choice", "thinking",   "enum",         NULL};

    return is_one_of(key, words);
}

static bool is_image(const struct json_value *part)
{
    const struct json_value *type = json_get(part, "type");

    return json_get(part, "image_url") ||
           (type && (str_is(type->raw, "\"image\"") || str_is(type->raw, "\"input_image\"")));
}

static uint64_t image_tokens(const struct json_value *part)
{
    const struct json_value *detail = json_at(part, "image_url.detail");

    if (!detail)
        detail = json_get(part, "detail");
    return detail && str_is(detail->raw, "\"low\"") ? IMAGE_LOW : IMAGE;
}

static void add_value(struct walk *w, const struct json_value *v);

static void add_member(struct walk *w, const struct json_value *m)
{
    if (is_unseen(m->key))
        return;
    if (str_is(m->key, "data") || str_is(m->key, "file_data")) {
        add_media(w, 1 + m->raw.len / MEDIA_BYTES);
        return;
    }
    if (!is_keyless(m->key)) {
        w->before = NEWLINE;
        add_text(w, m->key);
        add_tokens(w, 1);
    }
    add_value(w, m);
}

/* Any JSON, roughly as a template would show it: strings bare, keys with a colon. */
static void add_value(struct walk *w, const struct json_value *v)
{
    if (v->type == JSON_STRING) {
        add_string(w, v);
    } else if (is_image(v)) {
        add_media(w, image_tokens(v));
    } else if (v->type == JSON_OBJECT) {
        for (const struct json_value *m = v->child; m; m = m->next)
            add_member(w, m);
    } else if (v->type == JSON_ARRAY) {
        for (const struct json_value *e = v->child; e; e = e->next)
            add_value(w, e);
    } else {
        w->before = NEWLINE;
        add_text(w, v->raw);
    }
}

static void add_message(struct walk *w, const struct json_value *message)
{
    add_tokens(w, PER_MESSAGE);
    if (!json_is(message, JSON_OBJECT)) {
        add_value(w, message);
        return;
    }
    for (const struct json_value *m = message->child; m; m = m->next) {
        if (str_is(m->key, "name"))
            add_tokens(w, PER_NAME);
        if (!is_unseen(m->key) && !json_is(m, JSON_NULL))
            add_value(w, m);
    }
}

static void add_messages(struct walk *w, const struct json_value *messages)
{
    for (const struct json_value *m = messages->child; m; m = m->next)
        add_message(w, m);
}

static void add_tools(struct walk *w, const struct json_value *tools)
{
    if (!json_is(tools, JSON_ARRAY) || !tools->child)
        return;
    w->is_in_tools = true;
    add_tokens(w, json_get(tools->child, "input_schema") ? ANTHROPIC_TOOLS : FIRST_TOOL);
    for (const struct json_value *tool = tools->child; tool; tool = tool->next) {
        add_tokens(w, PER_TOOL);
        add_value(w, tool);
    }
    w->is_in_tools = false;
}

/* A prompt or an input: text, a list of texts, tokens counted already, or messages. */
static void add_input(struct walk *w, const struct json_value *input)
{
    if (!json_is(input, JSON_ARRAY)) {
        add_value(w, input);
        return;
    }
    for (const struct json_value *e = input->child; e; e = e->next) {
        if (e->type == JSON_NUMBER)
            add_tokens(w, 1);
        else if (e->type == JSON_OBJECT)
            add_message(w, e);
        else
            add_input(w, e);
    }
}

uint64_t estimate_messages(const struct json_value *messages)
{
    struct walk w = {.before = NEWLINE};

    if (messages)
        add_messages(&w, messages);
    return round_up(&w);
}

static void add_beside(struct walk *w, const struct json_value *body)
{
    static const char *const inputs[] = {"input",        "prompt",          "suffix", "system",
                                         "instructions", "response_format", "text"};
    const struct json_value *v;

    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        v = json_get(body, inputs[i]);
        if (v && v->type != JSON_NULL)
            add_input(w, v);
    }
    if ((v = json_get(body, "tools")))
        add_tools(w, v);
    if ((v = json_get(body, "functions")))
        add_tools(w, v);
}

static void walk_beside(struct walk *w, const struct json_value *body)
{
    if (json_is(json_get(body, "messages"), JSON_ARRAY))
        add_tokens(w, PER_ANSWER);
    add_beside(w, body);
}

static void walk_request(struct walk *w, const struct json_value *body)
{
    const struct json_value *messages = json_get(body, "messages");

    if (json_is(messages, JSON_ARRAY))
        add_messages(w, messages);
    walk_beside(w, body);
}

void estimate_add_message(const struct json_value *message, uint64_t by[ESTIMATE_FEATURES])
{
    struct walk w = {.before = NEWLINE, .by = by};

    add_message(&w, message);
}

void estimate_add_beside(const struct json_value *body, uint64_t by[ESTIMATE_FEATURES])
{
    struct walk w = {.before = NEWLINE, .by = by};

    walk_beside(&w, body);
}

void estimate_features(const struct json_value *body, double ret[ESTIMATE_FEATURES])
{
    uint64_t by[ESTIMATE_FEATURES] = {0};
    struct walk w = {.before = NEWLINE, .by = by};

    walk_request(&w, body);
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        ret[i] = (double)by[i] / TOKEN;
}

static uint64_t whole_request(const struct json_value *body, bool samples)
{
    struct walk w = {.before = NEWLINE, .samples = samples};

    walk_request(&w, body);
    return round_up(&w);
}

uint64_t estimate_beside_messages(const struct json_value *body)
{
    struct walk w = {.before = NEWLINE};

    walk_beside(&w, body);
    return round_up(&w);
}

uint64_t estimate_request(const struct json_value *body)
{
    return whole_request(body, false);
}

uint64_t estimate_request_sampled(const struct json_value *body)
{
    return whole_request(body, true);
}
