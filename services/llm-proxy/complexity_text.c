#include "complexity_text.h"

#include <string.h>

struct reader {
    struct complexity_text *to;
    size_t n_head;   /* bytes of the head taken */
    struct str rest; /* what the head had no room for, of the last part that has any */
};

static void put(struct complexity_text *t, const char *bytes, size_t n)
{
    memcpy(t->data + t->len, bytes, n);
    t->len += n;
}

/* Punctuation of other scripts and keyboards: [as written, ASCII]. */
static const struct {
    char from[4];
    char to;
} punctuation[] = {
    {"\xe2\x80\x98", '\''}, {"\xe2\x80\x99", '\''}, {"\xe2\x80\x9c", '"'}, {"\xe2\x80\x9d", '"'},
    {"\xe2\x80\x9e", '"'},  {"\xe3\x80\x81", ','},  {"\xe3\x80\x82", '.'}, {"\xe3\x80\x8c", '"'},
    {"\xe3\x80\x8d", '"'},  {"\xef\xbc\x8c", ','},  {"\xef\xbc\x9a", ':'}, {"\xef\xbc\x9b", ';'},
    {"\xef\xbc\x9f", '?'},  {"\xef\xbc\x81", '!'},  {"\xef\xbc\x88", '('}, {"\xef\xbc\x89", ')'},
};

static bool put_punctuation(struct complexity_text *t, const char *p)
{
    for (size_t i = 0; i < sizeof(punctuation) / sizeof(punctuation[0]); i++)
        if (memcmp(punctuation[i].from, p, 3) == 0) {
            put(t, &punctuation[i].to, 1);
            return true;
        }
    return false;
}

/* A letter of two bytes in lower case: Latin-1 and Cyrillic. What begins with c2 is no letter. */
static void put_two(struct complexity_text *t, unsigned char lead, unsigned char second)
{
    if (lead == 0xc2) {
        put(t, second == 0xab || second == 0xbb ? "\"" : " ", 1);
        return;
    }
    if (lead == 0xc3 && second >= 0x80 && second <= 0x9e) {
        second += 0x20;
    } else if (lead == 0xd0 && second >= 0x90 && second <= 0x9f) {
        second += 0x20;
    } else if (lead == 0xd0 && second >= 0xa0 && second <= 0xaf) {
        lead = 0xd1;
        second -= 0x20;
    } else if (lead == 0xd0 && second == 0x81) {
        lead = 0xd1;
        second = 0x91;
    }
    put(t, (const char[]){(char)lead, (char)second}, 2);
}

/* A character beyond ASCII at the start of `text`; returns its length. */
static size_t put_wide(struct complexity_text *t, struct str text)
{
    unsigned char lead = (unsigned char)text.data[0];
    size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

    if (n == 1 || n > text.len) /* the window cut it */
        return 1;
    if (n == 2)
        put_two(t, lead, (unsigned char)text.data[1]);
    else if (n == 4 || (lead != 0xe2 && lead != 0xe3 && lead != 0xef) ||
             !put_punctuation(t, text.data))
        put(t, text.data, n);
    return n;
}

static unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a' + 10);
}

/* "\uXXXX" as the bytes it stands for; a half of a pair is left out. */
static void put_code(struct complexity_text *t, const char *digits)
{
    unsigned code = 0;
    char utf8[3];

    for (unsigned i = 0; i < 4; i++)
        code = (code << 4 | hex_digit(digits[i])) & 0xffff;
    if (code < 0x80) {
        utf8[0] = (char)(code >= 'A' && code <= 'Z' ? code + 0x20 : code);
        put(t, utf8, 1);
    } else if (code < 0x800) {
        put_two(t, (unsigned char)(0xc0 | code >> 6), (unsigned char)(0x80 | (code & 0x3f)));
    } else if (code < 0xd800 || code > 0xdfff) {
        utf8[0] = (char)(0xe0 | code >> 12);
        utf8[1] = (char)(0x80 | (code >> 6 & 0x3f));
        utf8[2] = (char)(0x80 | (code & 0x3f));
        put_wide(t, (struct str){utf8, 3});
    }
}

/* A backslash and what it escapes; returns the length of both. */
static size_t put_escape(struct complexity_text *t, struct str text)
{
    char c = text.len > 1 ? text.data[1] : ' ';

    if (c == 'u') {
        if (text.len >= 6)
            put_code(t, text.data + 2);
        return text.len >= 6 ? 6 : text.len;
    }
    if (c != 'r')
        put(t, c == 'n' ? "\n" : strchr("tbf", c) ? " " : &c, 1);
    return text.len > 1 ? 2 : 1;
}

static void put_text(struct complexity_text *t, struct str text)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        struct str here = {text.data + i, text.len - i};
        char c = text.data[i];
        n = 1;
        if (c == '\\') {
            n = put_escape(t, here);
        } else if ((unsigned char)c >= 0x80) {
            n = put_wide(t, here);
        } else {
            t->data[t->len++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        }
    }
}

static void add_text(struct reader *r, struct str spelled)
{
    size_t room = COMPLEXITY_TEXT_HEAD - r->n_head;
    size_t n = spelled.len < room ? spelled.len : room;

    r->to->n_bytes += spelled.len;
    put_text(r->to, (struct str){spelled.data, n});
    r->n_head += n;
    if (n < spelled.len)
        r->rest = (struct str){spelled.data + n, spelled.len - n};
}

static void add_tail(struct reader *r)
{
    if (r->rest.len == 0)
        return;
    size_t n = r->rest.len < COMPLEXITY_TEXT_TAIL ? r->rest.len : COMPLEXITY_TEXT_TAIL;
    put(r->to, "\n", 1);
    put_text(r->to, (struct str){r->rest.data + r->rest.len - n, n});
}

static void add_string(struct reader *r, const struct json_value *v)
{
    if (json_is(v, JSON_STRING))
        add_text(r, (struct str){v->raw.data + 1, v->raw.len - 2});
}

void complexity_text_read(const struct json_value *content, struct complexity_text *ret)
{
    struct reader r = {.to = ret};

    ret->len = 0;
    ret->n_bytes = 0;
    ret->n_media = 0;
    add_string(&r, content);
    if (json_is(content, JSON_ARRAY))
        for (const struct json_value *part = content->child; part; part = part->next) {
            const struct json_value *text = json_get(part, "text");
            add_string(&r, text);
            ret->n_media += !text;
        }
    add_tail(&r);
}
