#include "fetch_url.h"

#include "base/parse.h"

#include <string.h>

static bool is_host_char(char c, bool is_literal)
{
    bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

    return is_alnum || c == '.' || (is_literal ? c == ':' : c == '-' || c == '_');
}

static bool is_host(struct str s, bool is_literal)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_host_char(s.data[i], is_literal))
            return false;
    return s.len > 0;
}

static bool is_prefix(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c <= ' ' || c == 127 || c == '?' || c == '#')
            return false;
    }
    return s.len == 0 || s.data[s.len - 1] != '/';
}

static struct str drop(struct str s, size_t n)
{
    return (struct str){s.data + n, s.len - n};
}

bool fetch_url_parse(struct str text, struct fetch_url *ret)
{
    struct fetch_url url = {.port = 80};

    if (str_has_prefix(text, "unix:/")) {
        *ret = (struct fetch_url){
            .socket = drop(text, strlen("unix:")),
            .host = STR("localhost"),
            .authority = STR("localhost"),
            .prefix = STR_EMPTY,
        };
        return true;
    }
    if (!str_has_prefix_nocase(text, "http://"))
        return false;
    struct str rest = drop(text, strlen("http://"));
    const char *slash = memchr(rest.data, '/', rest.len);
    size_t authority_len = slash ? (size_t)(slash - rest.data) : rest.len;
    url.authority = (struct str){rest.data, authority_len};
    url.prefix = drop(rest, authority_len);

    bool is_literal = str_has_prefix(url.authority, "[");
    struct str port = drop(url.authority, is_literal);
    if (!str_cut(&port, is_literal ? ']' : ':', &url.host))
        return false;
    if (is_literal) {
        if (!port.data || (port.len > 0 && port.data[0] != ':'))
            return false;
        port = drop(port, port.len > 0);
    }
    bool has_port = port.len > 0;
    uint64_t number = 80;
    if (has_port && (!parse_u64(port, &number) || number == 0 || number > UINT16_MAX))
        return false;
    url.port = (uint16_t)number;
    if (!is_host(url.host, is_literal) || !is_prefix(url.prefix))
        return false;
    *ret = url;
    return true;
}
