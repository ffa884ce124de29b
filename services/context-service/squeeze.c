#include "squeeze.h"

#include "base/json.h"
#include "marker.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_NEWLINES 2
#define MAX_CONTROL  32 /* bytes of one control sequence */
#define TIMES        " [\xc3\x97 %zu]"
#define MIN_SAVED    32 /* bytes, for repeated lines to be counted instead */

/* ESC [ … letter, as JSON spells it; 0 when that is not what comes. */
static size_t color_length(const char *at, const char *end)
{
    if (end - at < 8 || *at != '\\' || at[1] != 'u' || strncasecmp(at, "\\u001b[", 7) != 0)
        return 0;
    for (size_t n = 7; n < MAX_CONTROL && at + n < end; n++) {
        char c = at[n];
        if (c >= '@' && c <= '~' && c != '\\')
            return n + 1;
        if (c < ' ' || c > '?')
            return 0;
    }
    return 0;
}

struct squeezer {
    char *out;
    size_t len;
    size_t solid; /* `len` after the last byte that is no blank */
    unsigned newlines;
};

static void squeeze_escape(struct squeezer *q, const char *unit)
{
    bool is_newline = unit[1] == 'n';

    if (is_newline) {
        q->len = q->solid;
        if (++q->newlines > MAX_NEWLINES)
            return;
    }
    memcpy(q->out + q->len, unit, 2);
    q->len += 2;
    if (unit[1] == 't')
        return;
    q->solid = q->len;
    if (!is_newline)
        q->newlines = 0;
}

/* What has no escape in it. */
static void squeeze_plain(struct squeezer *q, const char *at, size_t n)
{
    size_t solid = n;

    memcpy(q->out + q->len, at, n);
    while (solid > 0 && at[solid - 1] == ' ')
        solid--;
    if (solid > 0) {
        q->solid = q->len + solid;
        q->newlines = 0;
    }
    q->len += n;
}

/* Returns the length with the closing quote. */
static size_t walk_blanks(struct str spelled, char *out)
{
    struct squeezer q = {.out = out, .len = 1, .solid = 1};
    const char *at = spelled.data + 1, *end = spelled.data + spelled.len - 1;

    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape ? escape : end) - at);
        squeeze_plain(&q, at, plain);
        at += plain;
        size_t skipped = color_length(at, end);
        if (at < end && skipped == 0)
            squeeze_escape(&q, at);
        at += skipped ? skipped : at < end ? 2 : 0;
    }
    return q.solid + 1;
}

static struct str squeeze_blanks(struct arena *a, struct str spelled)
{
    char *out = arena_alloc(a, spelled.len);

    if (!out)
        return (struct str){NULL, 0};
    size_t len = walk_blanks(spelled, out);
    if (len == 2 || len == spelled.len)
        return spelled;
    out[0] = out[len - 1] = '"';
    return (struct str){out, len};
}

/* The line at `at`, and where the next begins. */
static struct str next_line(const char *at, const char *end, const char **ret_next)
{
    const char *from = at;

    while (at < end) {
        if (*at != '\\') {
            const char *escape = memchr(at, '\\', (size_t)(end - at));
            at = escape ? escape : end;
            continue;
        }
        if (at[1] == 'n') {
            *ret_next = at + 2;
            return (struct str){from, (size_t)(at - from)};
        }
        at += 2;
    }
    *ret_next = NULL;
    return (struct str){from, (size_t)(end - from)};
}

struct lines {
    char *out;
    size_t len;
    struct str line;
    size_t times;
    bool has_begun;
};

static bool is_worth_counting(size_t times, struct str line)
{
    return times > 2 && (times - 1) * (line.len + 2) >= MIN_SAVED;
}

static void put_line(struct lines *l)
{
    char suffix[40];
    int n = l->times > 1 ? snprintf(suffix, sizeof(suffix), TIMES, l->times) : 0;
    bool is_worth_it = is_worth_counting(l->times, l->line);

    for (size_t i = 0; i < (is_worth_it ? 1 : l->times); i++) {
        if (l->has_begun) {
            memcpy(l->out + l->len, "\\n", 2);
            l->len += 2;
        }
        l->has_begun = true;
        memcpy(l->out + l->len, l->line.data, l->line.len);
        l->len += l->line.len;
    }
    if (is_worth_it) {
        memcpy(l->out + l->len, suffix, (size_t)n);
        l->len += (size_t)n;
    }
}

/* The same line three times and more becomes the line and a number. */
static struct str squeeze_lines(struct arena *a, struct str spelled)
{
    const char *at = spelled.data + 1, *end = spelled.data + spelled.len - 1;
    struct lines l = {.out = arena_alloc(a, spelled.len + 2)};

    if (!l.out)
        return (struct str){NULL, 0};
    l.out[l.len++] = '"';
    while (at) {
        struct str line = next_line(at, end, &at);
        if (l.times > 0 && line.len > 0 && str_equal(line, l.line)) {
            l.times++;
            continue;
        }
        if (l.times > 0)
            put_line(&l);
        l.line = line;
        l.times = 1;
    }
    put_line(&l);
    if (l.len + 1 >= spelled.len)
        return spelled;
    l.out[l.len++] = '"';
    return (struct str){l.out, l.len};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static struct str minify(struct arena *a, struct str json)
{
    char *out = arena_alloc(a, json.len);
    size_t len = 0;
    bool is_string = false;

    if (!out)
        return (struct str){NULL, 0};
    for (size_t i = 0; i < json.len; i++) {
        char c = json.data[i];
        if (!is_string && is_blank(c))
            continue;
        out[len++] = c;
        if (is_string && c == '\\' && i + 1 < json.len)
            out[len++] = json.data[++i];
        else if (c == '"')
            is_string = !is_string;
    }
    return (struct str){out, len};
}

/* JSON in the string, without the blanks between its tokens. */
static struct str squeeze_json(struct arena *a, struct str spelled)
{
    struct json_value v = {.type = JSON_STRING, .raw = spelled};
    const struct json_value *parsed;
    struct arena scratch;
    struct str text;
    size_t at;

    if (spelled.len < 4 || (spelled.data[1] != '{' && spelled.data[1] != '['))
        return spelled;
    if (!json_string(&v, a, &text))
        return (struct str){NULL, 0};
    arena_init(&scratch, a->max);
    bool is_json = json_parse(&scratch, text, &parsed, &at) == JSON_OK;
    arena_done(&scratch);
    if (!is_json)
        return spelled;
    struct str small = minify(a, text);
    if (!small.data)
        return small;
    small = marker_spell(a, small);
    return small.data && small.len < spelled.len ? small : spelled;
}

static bool ends_blank(struct str line)
{
    return line.len > 0 && (line.data[line.len - 1] == ' ' ||
                            (line.len > 1 && memcmp(line.data + line.len - 2, "\\t", 2) == 0));
}

/* Neither blanks, colours nor repeated lines: in one reading, as that is what most texts are. */
static bool is_tidy(struct str spelled)
{
    const char *at = spelled.data + 1, *end = spelled.data + spelled.len - 1, *from = at;
    struct str last = STR_EMPTY;
    unsigned newlines = 0;

    for (size_t times = 1;; from = at += 2) {
        while ((at = memchr(at, '\\', (size_t)(end - at))) && at[1] != 'n') {
            if (color_length(at, end) > 0)
                return false;
            at += 2;
        }
        struct str line = {from, (size_t)((at ? at : end) - from)};
        times = str_equal(line, last) ? times + 1 : 1;
        newlines = line.len == 0 ? newlines + 1 : 1;
        last = line;
        if (ends_blank(line) || newlines > MAX_NEWLINES || is_worth_counting(times, line))
            return false;
        if (!at)
            return true;
    }
}

struct str squeeze_string(struct arena *a, struct str spelled)
{
    if (is_tidy(spelled))
        return squeeze_json(a, spelled);
    struct str s = squeeze_blanks(a, spelled);
    if (s.data)
        s = squeeze_json(a, s);
    return s.data ? squeeze_lines(a, s) : s;
}
