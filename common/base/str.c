#include "base/str.h"

#include <assert.h>
#include <string.h>

struct str str_from(const char *text)
{
    return text ? (struct str){text, strlen(text)} : STR_EMPTY;
}

bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* Not strncasecmp(): it stops at a NUL, and knows locales. */
bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool str_is(struct str a, const char *text)
{
    return str_equal(a, str_from(text));
}

bool str_is_nocase(struct str a, const char *text)
{
    return str_equal_nocase(a, str_from(text));
}

bool str_has_prefix(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.len >= n && str_equal((struct str){s.data, n}, (struct str){prefix, n});
}

bool str_has_prefix_nocase(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.len >= n && str_equal_nocase((struct str){s.data, n}, (struct str){prefix, n});
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

bool str_cut(struct str *rest, char separator, struct str *ret_part)
{
    if (!rest->data)
        return false;

    const char *end = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    if (!end) {
        *ret_part = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    size_t n = (size_t)(end - rest->data);
    *ret_part = (struct str){rest->data, n};
    rest->data += n + 1;
    rest->len -= n + 1;
    return true;
}

bool str_copy(char *dst, size_t size, struct str s)
{
    assert(size > 0);
    size_t n = s.len < size ? s.len : size - 1;

    if (n > 0)
        memcpy(dst, s.data, n);
    dst[n] = '\0';
    return n == s.len;
}
