#include "base/json_write.h"

#include "base/decimal.h"
#include "base/utf8.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_QUOTED 4096

void json_write_init(struct json_write *w, struct buf *out)
{
    *w = (struct json_write){.out = out};
}

static void add(struct json_write *w, const char *bytes, size_t n)
{
    if (!w->is_full && buf_add(w->out, bytes, n) != BUF_OK)
        w->is_full = true;
}

/* The comma, when one is due. Level 0 is the text itself, which holds one value. */
static void before_item(struct json_write *w)
{
    uint64_t bit = UINT64_C(1) << w->depth;

    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->has_item & bit) {
        assert(w->depth > 0);
        add(w, ",", 1);
    }
    w->has_item |= bit;
}

void json_write_begin(struct json_write *w, char open)
{
    assert(open == '{' || open == '[');
    before_item(w);
    assert(w->depth < 63);
    w->depth++;
    w->has_item &= ~(UINT64_C(1) << w->depth);
    add(w, &open, 1);
}

void json_write_end(struct json_write *w, char close)
{
    assert(w->depth > 0 && !w->after_key && (close == '}' || close == ']'));
    w->depth--;
    add(w, &close, 1);
}

/* The escape of an ASCII character; `ret` holds it when it is not a literal. */
static struct str escape(unsigned char c, char ret[6])
{
    static const char hex[] = "0123456789abcdef";

    switch (c) {
    case '"':
        return STR("\\\"");
    case '\\':
        return STR("\\\\");
    case '\n':
        return STR("\\n");
    case '\r':
        return STR("\\r");
    case '\t':
        return STR("\\t");
    default:
        ret[0] = '\\';
        ret[1] = 'u';
        ret[2] = ret[3] = '0';
        ret[4] = hex[c >> 4];
        ret[5] = hex[c & 15];
        return (struct str){ret, 6};
    }
}

typedef signed char sixteen __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/* How many bytes from `at` on are ASCII that needs no escape. */
static size_t plain_length(struct str s, size_t at)
{
    size_t n = at;

    for (sixteen bytes; n + sizeof(bytes) <= s.len; n += sizeof(bytes)) {
        memcpy(&bytes, s.data + n, sizeof(bytes));
        halves special = (halves)((bytes < 0x20) | (bytes == '"') | (bytes == '\\'));
        if (special[0])
            return n - at + (size_t)__builtin_ctzll(special[0]) / 8;
        if (special[1])
            return n - at + 8 + (size_t)__builtin_ctzll(special[1]) / 8;
    }
    while (n < s.len && s.data[n] >= 0x20 && s.data[n] != '"' && s.data[n] != '\\')
        n++;
    return n - at;
}

/* What needs no escape, as nearly everything does: `end` closes it. */
static void add_plain(struct json_write *w, struct str s, struct str end)
{
    char *to = w->is_full ? NULL : buf_reserve(w->out, s.len + 1 + end.len);

    if (!to) {
        w->is_full = true;
        return;
    }
    *to++ = '"';
    if (s.len > 0)
        memcpy(to, s.data, s.len);
    memcpy(to + s.len, end.data, end.len);
    buf_commit(w->out, s.len + 1 + end.len);
}

static void add_quoted(struct json_write *w, struct str s, struct str end)
{
    size_t copied = 0, at = plain_length(s, 0);

    if (at == s.len) {
        add_plain(w, s, end);
        return;
    }
    add(w, "\"", 1);
    while (at < s.len) {
        unsigned char c = (unsigned char)s.data[at];
        size_t n = c < 0x80 ? 1 : utf8_step(s.data + at, s.len - at);
        if (n > 1 || (n == 1 && c >= 0x20 && c != '"' && c != '\\')) {
            at += n;
            continue;
        }
        char escaped[6];
        struct str instead = n == 1 ? escape(c, escaped) : STR("\xef\xbf\xbd");
        add(w, s.data + copied, at - copied);
        add(w, instead.data, instead.len);
        copied = ++at;
        at += plain_length(s, at);
    }
    if (at > copied)
        add(w, s.data + copied, at - copied);
    add(w, end.data, end.len);
}

void json_write_key(struct json_write *w, const char *key)
{
    assert(w->depth > 0 && !w->after_key);
    before_item(w);
    add_quoted(w, str_from(key), STR("\":"));
    w->after_key = true;
}

void json_write_str(struct json_write *w, struct str s)
{
    before_item(w);
    add_quoted(w, s, STR("\""));
}

void json_write_text(struct json_write *w, const char *text)
{
    if (text)
        json_write_str(w, str_from(text));
    else
        json_write_null(w);
}

static void add_literal(struct json_write *w, const char *text)
{
    struct str s = str_from(text);

    before_item(w);
    add(w, s.data, s.len);
}

void json_write_int(struct json_write *w, int64_t n)
{
    char text[DECIMAL_SIZE];

    before_item(w);
    add(w, text, decimal_i64(n, text));
}

void json_write_u64(struct json_write *w, uint64_t n)
{
    char text[DECIMAL_SIZE];

    before_item(w);
    add(w, text, decimal_u64(n, text));
}

void json_write_double(struct json_write *w, double d)
{
    char text[32];

    if (!isfinite(d)) {
        json_write_null(w);
        return;
    }
    snprintf(text, sizeof(text), "%.15g", d);
    if (strtod(text, NULL) != d)
        snprintf(text, sizeof(text), "%.17g", d);
    add_literal(w, text);
}

void json_write_bool(struct json_write *w, bool b)
{
    add_literal(w, b ? "true" : "false");
}

void json_write_null(struct json_write *w)
{
    add_literal(w, "null");
}

void json_write_raw(struct json_write *w, struct str json)
{
    before_item(w);
    add(w, json.data, json.len);
}

void json_write_member(struct json_write *w, const char *key, const char *text)
{
    json_write_key(w, key);
    json_write_text(w, text);
}

void json_write_member_str(struct json_write *w, const char *key, struct str s)
{
    json_write_key(w, key);
    json_write_str(w, s);
}

void json_write_member_int(struct json_write *w, const char *key, int64_t n)
{
    json_write_key(w, key);
    json_write_int(w, n);
}

void json_write_member_u64(struct json_write *w, const char *key, uint64_t n)
{
    json_write_key(w, key);
    json_write_u64(w, n);
}

void json_write_member_bool(struct json_write *w, const char *key, bool b)
{
    json_write_key(w, key);
    json_write_bool(w, b);
}

void json_write_optional_str(struct json_write *w, const char *key, struct str s)
{
    if (s.len > 0)
        json_write_member_str(w, key, s);
}

void json_write_optional_raw(struct json_write *w, const char *key, struct str json)
{
    if (json.len == 0)
        return;
    json_write_key(w, key);
    json_write_raw(w, json);
}

enum buf_result json_write_finish(struct json_write *w)
{
    assert(w->depth == 0 && !w->after_key);
    return w->is_full ? BUF_FULL : BUF_OK;
}

struct str json_write_quoted(struct arena *a, const char *text)
{
    CLEANUP(buf_done) struct buf b;
    struct json_write w;

    buf_init(&b, MAX_QUOTED);
    json_write_init(&w, &b);
    json_write_text(&w, text);
    if (json_write_finish(&w) != BUF_OK)
        return STR_EMPTY;
    return str_from(arena_copy(a, buf_str(&b)));
}
