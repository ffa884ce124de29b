#include "io/log_line.h"

#include "base/iso_time.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_MESSAGE 2048 /* bytes of it that are written, escapes included */
#define MAX_FIELD   512
#define ROOM_TO_END 24 /* for what closes a JSON line */

struct line {
    char *text;
    size_t len, max;
};

static bool add(struct line *l, const char *bytes, size_t n)
{
    if (n > l->max - l->len)
        return false;
    memcpy(l->text + l->len, bytes, n);
    l->len += n;
    return true;
}

static bool add_text(struct line *l, const char *text)
{
    return add(l, text, strlen(text));
}

static size_t char_length(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The character at the start of `text` and its length; 0 for a byte that is not UTF-8. */
static size_t next_char(const char *text, size_t len, uint32_t *ret)
{
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t n = char_length((unsigned char)text[0]);

    *ret = 0xfffd;
    if (n > len || !utf8_is_valid(text, n))
        return 0;
    *ret = (unsigned char)text[0] & first_bits[n];
    for (size_t i = 1; i < n; i++)
        *ret = *ret << 6 | ((unsigned char)text[i] & 0x3f);
    return n;
}

/* C0, DEL, C1, line and paragraph separators, and what reverses the direction of reading. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static bool add_char(struct line *l, const char *text, size_t n, uint32_t c, bool is_json)
{
    char escape[12];

    if (n == 0)
        return add_text(l, "\xef\xbf\xbd");
    if (is_unsafe(c))
        snprintf(escape, sizeof(escape), c < 0x80 && !is_json ? "\\x%02x" : "\\u%04x", c);
    else if (is_json && (c == '"' || c == '\\'))
        snprintf(escape, sizeof(escape), "\\%c", (int)c);
    else
        return add(l, text, n);
    return add_text(l, escape);
}

/* How many of the next bytes are written as they are. */
static size_t plain_length(const char *text, size_t max)
{
    size_t n = 0;

    while (n < max && text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

/* At most `max` bytes of output. False if there was more. */
static bool add_escaped(struct line *l, const char *text, size_t max, bool is_json)
{
    size_t left = strlen(text);
    struct line part = {l->text, l->len, l->len + (max < l->max - l->len ? max : l->max - l->len)};
    bool is_whole = true;

    while (left > 0 && is_whole) {
        size_t room = part.max - part.len, plain = plain_length(text, left < room ? left : room);
        add(&part, text, plain);
        text += plain;
        left -= plain;
        if (left == 0)
            break;
        uint32_t c;
        size_t n = next_char(text, left, &c);
        is_whole = add_char(&part, text, n, c, is_json);
        text += n > 0 ? n : 1;
        left -= n > 0 ? n : 1;
    }
    l->len = part.len;
    return is_whole;
}

/* LLM_REQUEST_ID is "request_id": the prefix says nothing in our own lines. */
static void name_in_json(const char *name, char *ret, size_t size)
{
    size_t i;

    if (strncmp(name, "LLM_", 4) == 0)
        name += 4;
    for (i = 0; name[i] && i + 1 < size; i++)
        ret[i] = (char)tolower((unsigned char)name[i]);
    ret[i] = '\0';
}

/* A long value is cut, a member that does not fit is left out; false for either. */
static bool add_json_member(struct line *l, const char *name, const char *value, size_t max)
{
    struct line before = *l;

    if (add_text(l, ",\"") && add_text(l, name) && add_text(l, "\":\"")) {
        bool is_whole = add_escaped(l, value, max, true);
        if (add_text(l, is_whole ? "\"" : "…\""))
            return is_whole;
    }
    *l = before;
    return false;
}

static void add_time(struct line *l, usec_t wall)
{
    char time[ISO_TIME_SIZE];

    iso_time_write(wall, time);
    add_text(l, "{\"ts\":\"");
    add_text(l, time);
    add_text(l, "\"");
}

static const char *level_text(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARNING:
        return "warning";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "info";
}

size_t log_line_json(const struct log_line *l, char ret_text[LOG_LINE_MAX])
{
    struct line line = {ret_text, 0, LOG_LINE_MAX - ROOM_TO_END};
    bool is_whole = true;

    add_time(&line, l->wall);
    is_whole &= add_json_member(&line, "level", level_text(l->level), 16);
    is_whole &= add_json_member(&line, "ident", l->ident, 64);
    is_whole &= add_json_member(&line, "message", l->message, MAX_MESSAGE);
    for (const struct log_field *f = l->fields; f && f->name; f++) {
        char name[64];
        name_in_json(f->name, name, sizeof(name));
        if (f->value)
            is_whole &= add_json_member(&line, name, f->value, MAX_FIELD);
    }
    line.max = LOG_LINE_MAX;
    if (!is_whole)
        add_text(&line, ",\"is_cut\":true");
    add_text(&line, "}\n");
    return line.len;
}

static void add_journal_field(struct line *l, const char *name, const char *value, size_t max)
{
    struct line before = *l;

    if (add_text(l, name) && add_text(l, "=")) {
        bool is_whole = add_escaped(l, value, max, false);
        if (add_text(l, is_whole ? "\n" : "…\n"))
            return;
    }
    *l = before;
}

size_t log_line_journal(const struct log_line *l, char ret_text[LOG_LINE_MAX])
{
    struct line line = {ret_text, 0, LOG_LINE_MAX};
    char priority[32];

    snprintf(priority, sizeof(priority), "PRIORITY=%d\n", (int)l->level);
    add_text(&line, priority);
    add_journal_field(&line, "SYSLOG_IDENTIFIER", l->ident, 64);
    add_journal_field(&line, "MESSAGE", l->message, MAX_MESSAGE);
    for (const struct log_field *f = l->fields; f && f->name; f++)
        if (f->value)
            add_journal_field(&line, f->name, f->value, MAX_FIELD);
    return line.len;
}
