#include "base/http1_target.h"

#include "base/http1_head.h"

#include <string.h>

/* One character of a path, decoded; -1 for what hides its meaning. Moves *at behind it. */
static int next_char(struct str path, size_t *at)
{
    char c = path.data[(*at)++];

    if (c != '%')
        return c == '\\' ? -1 : (unsigned char)c;
    if (path.len - *at < 2)
        return -1;
    int high = http1_head_hex_digit(path.data[*at]), low = http1_head_hex_digit(path.data[*at + 1]);
    *at += 2;
    if (high < 0 || low < 0)
        return -1;
    int decoded = high * 16 + low;
    return decoded < 0x20 || decoded == 0x7f || strchr("/\\.%", decoded) ? -1 : decoded;
}

static bool is_clear_path(struct str path)
{
    size_t n_dots = 0; /* the segment so far, if it is nothing but dots; else more than two */

    for (size_t at = 0; at < path.len;) {
        int c = next_char(path, &at);
        if (c < 0)
            return false;
        if (c != '/') {
            n_dots = c == '.' ? n_dots + 1 : 3;
            continue;
        }
        if (n_dots == 1 || n_dots == 2)
            return false;
        n_dots = 0;
    }
    return n_dots != 1 && n_dots != 2;
}

size_t http1_target_decode(struct str path, char *dst)
{
    size_t len = 0;

    if (path.len == 0)
        dst[len++] = '/';
    for (size_t at = 0; at < path.len;) {
        int c = next_char(path, &at);
        if (c == '/' && len > 0 && dst[len - 1] == '/')
            continue;
        dst[len++] = (char)c;
    }
    dst[len] = '\0';
    return len;
}

static size_t find_any(struct str s, const char *chars)
{
    size_t i = 0;

    while (i < s.len && !strchr(chars, s.data[i]))
        i++;
    return i;
}

bool http1_target_split(struct str target, struct http1_target *ret)
{
    struct http1_target t = {.host = {NULL, 0}};

    if (target.len == 0 || memchr(target.data, '#', target.len))
        return false;
    if (target.data[0] != '/' && !str_is(target, "*")) {
        if (!str_has_prefix_nocase(target, "http://") && !str_has_prefix_nocase(target, "https://"))
            return false;
        size_t scheme = (size_t)((const char *)memchr(target.data, ':', target.len) - target.data);
        target.data += scheme + 3;
        target.len -= scheme + 3;
        t.host = (struct str){target.data, find_any(target, "/?")};
        if (!http1_target_is_host(t.host))
            return false;
        target.data += t.host.len;
        target.len -= t.host.len;
    }
    const char *mark = memchr(target.data, '?', target.len);
    size_t path_len = mark ? (size_t)(mark - target.data) : target.len;
    t.path = (struct str){target.data, path_len};
    t.query = mark ? (struct str){mark + 1, target.len - path_len - 1} : STR_EMPTY;
    *ret = t;
    return is_clear_path(t.path);
}

static bool decode_value(struct str value, char *space, size_t size, struct str *ret)
{
    size_t len = 0;

    for (size_t at = 0; at < value.len; at++) {
        char c = value.data[at] == '+' ? ' ' : value.data[at];
        if (c == '%') {
            if (value.len - at < 3)
                return false;
            int high = http1_head_hex_digit(value.data[at + 1]);
            int low = http1_head_hex_digit(value.data[at + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            at += 2;
        }
        if (len == size)
            return false;
        space[len++] = c;
    }
    *ret = (struct str){space, len};
    return true;
}

bool http1_target_parameter(struct str query, const char *name, char *space, size_t size,
                            struct str *ret)
{
    struct str part;

    while (str_cut(&query, '&', &part)) {
        struct str value = part, key;
        if (str_cut(&value, '=', &key) && str_is(key, name))
            return decode_value(value.data ? value : STR_EMPTY, space, size, ret);
    }
    *ret = STR_EMPTY;
    return true;
}

static bool is_port(struct str s)
{
    unsigned port = 0;

    if (s.len > 5)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        port = port * 10 + (unsigned)(s.data[i] - '0');
    }
    return port <= 65535;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c));
}

bool http1_target_is_host(struct str value)
{
    size_t len = 0;

    if (value.len > 0 && value.data[0] == '[') {
        for (len = 1; len < value.len && value.data[len] != ']'; len++) {
            if (http1_head_hex_digit(value.data[len]) < 0 && value.data[len] != ':' &&
                value.data[len] != '.')
                return false;
        }
        if (len == value.len || len < 3)
            return false;
        len++;
    } else {
        while (len < value.len && is_name_char(value.data[len]))
            len++;
        if (len == 0 || len > 255)
            return false;
    }
    if (len == value.len)
        return true;
    return value.data[len] == ':' &&
           is_port((struct str){value.data + len + 1, value.len - len - 1});
}
