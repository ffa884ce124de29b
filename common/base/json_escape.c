#include "base/json_escape.h"

#include "base/parse.h"

#include <assert.h>
#include <string.h>

typedef unsigned char sixteen __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

/* How many of sixteen bytes come before the first that is not plain. */
static size_t count_plain(const char *p)
{
    sixteen bytes;

    memcpy(&bytes, p, sizeof(bytes));
    halves special = (halves)((bytes < 0x20) | (bytes == '"') | (bytes == '\\'));
    if (special[0])
        return (size_t)__builtin_ctzll(special[0]) / 8;
    return special[1] ? 8 + (size_t)__builtin_ctzll(special[1]) / 8 : 16;
}

static const char *skip_plain(const char *p, const char *end)
{
    while (end - p >= 16) {
        size_t n = count_plain(p);
        p += n;
        if (n < 16)
            return p;
    }
    while (p < end && is_plain((unsigned char)*p))
        p++;
    return p;
}

static bool hex4(const char *p, const char *end, uint32_t *ret)
{
    uint64_t n;

    if (end - p < 4 || !parse_hex((struct str){p, 4}, &n))
        return false;
    *ret = (uint32_t)n;
    return true;
}

/* \uXXXX, or the pair of them that spells a character beyond U+FFFF. */
static enum json_result read_unicode(const char *p, const char *end, uint32_t *ret, size_t *ret_len)
{
    uint32_t code, low;

    if (!hex4(p + 2, end, &code))
        return JSON_SYNTAX;
    *ret_len = 6;
    if (code >= 0xd800 && code <= 0xdbff) {
        if (end - p < 12 || p[6] != '\\' || p[7] != 'u' || !hex4(p + 8, end, &low) ||
            low < 0xdc00 || low > 0xdfff)
            return JSON_UTF8;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        *ret_len = 12;
    }
    if (code == 0 || (code >= 0xdc00 && code <= 0xdfff))
        return JSON_UTF8;
    *ret = code;
    return JSON_OK;
}

/* What a letter stands for behind a backslash; 0: nothing. */
static const unsigned char meant[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* The escape at `p`: the character it stands for and its length as spelled. */
static enum json_result read_escape(const char *p, const char *end, uint32_t *ret, size_t *ret_len)
{
    if (end - p < 2)
        return JSON_SYNTAX;
    if (p[1] == 'u')
        return read_unicode(p, end, ret, ret_len);
    *ret = meant[(unsigned char)p[1]];
    *ret_len = 2;
    return *ret ? JSON_OK : JSON_SYNTAX;
}

enum json_result json_escape_find_end(struct str text, size_t at, size_t *ret,
                                      size_t *reterr_offset)
{
    const char *p = text.data + at, *end = text.data + text.len;
    enum json_result r = JSON_SYNTAX;

    for (p = skip_plain(p, end); p < end && *p != '"'; p = skip_plain(p, end)) {
        uint32_t code;
        size_t len = 0;
        r = *p == '\\' ? read_escape(p, end, &code, &len) : JSON_SYNTAX;
        if (r != JSON_OK)
            break;
        p += len;
    }
    if (p < end && *p == '"') {
        *ret = (size_t)(p - text.data);
        return JSON_OK;
    }
    *reterr_offset = (size_t)(p - text.data);
    return p < end ? r : JSON_SYNTAX;
}

static size_t put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)((0xf00U >> n & 0xff) | code);
    return n;
}

size_t json_escape_decode(struct str inner, char *ret)
{
    const char *p = inner.data, *end = p + inner.len;
    char *to = ret;

    while (p < end) {
        const char *plain = skip_plain(p, end);
        memcpy(to, p, (size_t)(plain - p));
        to += plain - p;
        p = plain;
        if (p < end) {
            uint32_t code = 0;
            size_t len = 0;
            enum json_result r = read_escape(p, end, &code, &len);
            assert(r == JSON_OK);
            (void)r;
            to += put_utf8(to, code);
            p += len;
        }
    }
    return (size_t)(to - ret);
}
