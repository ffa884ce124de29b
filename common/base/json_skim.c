#include "base/json_skim.h"

#include "base/json.h"

#include <string.h>

struct skim {
    struct str text;
    size_t at;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char next(struct skim *s)
{
    while (s->at < s->text.len && is_space(s->text.data[s->at]))
        s->at++;
    return s->at < s->text.len ? s->text.data[s->at] : '\0';
}

static bool take(struct skim *s, char c)
{
    if (next(s) != c || s->at == s->text.len)
        return false;
    s->at++;
    return true;
}

static bool skip_string(struct skim *s)
{
    s->at++;
    for (;;) {
        const char *from = s->text.data + s->at, *end = s->text.data + s->text.len;
        const char *quote = memchr(from, '"', (size_t)(end - from));
        if (!quote)
            return false;
        size_t n_escapes = 0;
        while (quote - n_escapes > from && quote[-1 - (ptrdiff_t)n_escapes] == '\\')
            n_escapes++;
        s->at = (size_t)(quote - s->text.data) + 1;
        if (n_escapes % 2 == 0)
            return true;
    }
}

/* An object or an array with everything in it. */
static bool skip_nested(struct skim *s)
{
    char open[JSON_MAX_DEPTH];
    size_t depth = 0;

    do {
        if (s->at == s->text.len)
            return false;
        char c = s->text.data[s->at];
        if (c == '"') {
            if (!skip_string(s))
                return false;
            continue;
        }
        s->at++;
        if (c == '{' || c == '[') {
            if (depth == JSON_MAX_DEPTH)
                return false;
            open[depth++] = c == '{' ? '}' : ']';
        } else if ((c == '}' || c == ']') && open[--depth] != c) {
            return false;
        }
    } while (depth > 0);
    return true;
}

static bool skip_value(struct skim *s)
{
    char c = next(s);

    if (c == '"')
        return skip_string(s);
    if (c == '{' || c == '[')
        return skip_nested(s);
    size_t from = s->at;
    while (s->at < s->text.len && !is_space(s->text.data[s->at]) &&
           !strchr(",}]", s->text.data[s->at]))
        s->at++;
    return s->at > from;
}

bool json_skim_member(struct str text, const char *key, struct str *ret)
{
    struct skim s = {.text = text};
    struct str found = {NULL, 0};

    if (!take(&s, '{'))
        return false;
    while (next(&s) == '"') {
        size_t from = s.at + 1;
        if (!skip_string(&s))
            return false;
        bool is_it = !found.data && str_is((struct str){text.data + from, s.at - from - 1}, key);
        if (!take(&s, ':'))
            return false;
        next(&s);
        from = s.at;
        if (!skip_value(&s))
            return false;
        if (is_it)
            found = (struct str){text.data + from, s.at - from};
        if (!take(&s, ','))
            break;
    }
    if (!take(&s, '}') || next(&s) != '\0' || s.at != text.len || !found.data)
        return false;
    *ret = found;
    return true;
}

bool json_skim_element(struct str array, size_t *cursor, struct str *ret)
{
    struct skim s = {array, *cursor};

    if (!take(&s, s.at == 0 ? '[' : ',') || next(&s) == ']')
        return false;
    size_t from = s.at;
    if (!skip_value(&s))
        return false;
    *ret = (struct str){array.data + from, s.at - from};
    *cursor = s.at;
    return true;
}

bool json_skim_is_whole(struct str text)
{
    struct skim s = {.text = text};

    char c = next(&s);

    return (c == '{' || c == '[') && skip_nested(&s) && next(&s) == '\0' && s.at == text.len;
}
