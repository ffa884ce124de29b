#include "fetch_request.h"

#include "base/http1_head.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DIGITS 20 /* of a uint64_t */

static bool is_visible(unsigned char c)
{
    return c > ' ' && c != 127;
}

static bool is_target(struct str s)
{
    bool is_good = s.len > 0 && s.data[0] == '/';

    for (size_t i = 0; i < s.len; i++)
        is_good &= is_visible((unsigned char)s.data[i]) && s.data[i] != '#';
    return is_good;
}

static bool is_token(struct str s)
{
    bool is_good = s.len > 0;

    for (size_t i = 0; i < s.len; i++)
        is_good &= http1_head_is_token_char(s.data[i]);
    return is_good;
}

static bool is_value(struct str s)
{
    bool is_good = true;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        is_good &= is_visible(c) || c == ' ' || c == '\t';
    }
    return is_good;
}

bool fetch_request_is_sound(const struct fetch_request *r)
{
    if (!is_token(str_from(r->method)) || !is_target(str_from(r->path)))
        return false;
    for (size_t i = 0; i < r->n_headers; i++)
        if (!is_token(r->headers[i].name) || !is_value(r->headers[i].value))
            return false;
    return true;
}

bool fetch_request_is_own_field(struct str name)
{
    static const struct str own[] = {
        {"te", 2},
        {"host", 4},
        {"expect", 6},
        {"upgrade", 7},
        {"trailer", 7},
        {"keep-alive", 10},
        {"connection", 10},
        {"content-length", 14},
        {"proxy-connection", 16},
        {"transfer-encoding", 17},
    };

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (name.len == own[i].len && str_equal_nocase(name, own[i]))
            return true;
    return false;
}

uint64_t fetch_request_body_bytes(const struct fetch_request *r)
{
    uint64_t n = 0;

    for (size_t i = 0; i < r->n_body; i++)
        n += r->body[i].len;
    return n;
}

bool fetch_request_has_field(const struct fetch_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (str_is_nocase(r->headers[i].name, name))
            return true;
    return false;
}

static void put(char **at, struct str s)
{
    memcpy(*at, s.data, s.len);
    *at += s.len;
}

static bool must_state_length(const struct fetch_request *r)
{
    struct str method = str_from(r->method);

    return r->n_body > 0 || str_is(method, "POST") || str_is(method, "PUT") ||
           str_is(method, "PATCH");
}

/* The digits end at `end`. */
static struct str decimal(uint64_t n, char *end)
{
    char *at = end;

    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    return (struct str){at, (size_t)(end - at)};
}

void fetch_request_write_head(const struct fetch_request *r, const struct fetch_url *url,
                              struct buf *to)
{
    static const struct str version = {" HTTP/1.1\r\nHost: ", 17}, line_end = {"\r\n", 2},
                            length = {"Content-Length: ", 16};
    struct str method = str_from(r->method), path = str_from(r->path);
    char digits[MAX_DIGITS];
    size_t size = method.len + 1 + url->prefix.len + path.len + version.len + url->authority.len +
                  length.len + MAX_DIGITS + 3 * line_end.len;

    for (size_t i = 0; i < r->n_headers; i++)
        size += r->headers[i].name.len + r->headers[i].value.len + 4;

    char *start = buf_reserve(to, size), *at = start;
    if (!at)
        abort(); /* the caller chose the size, and the buffer has no ceiling */
    put(&at, method);
    put(&at, STR(" "));
    put(&at, url->prefix);
    put(&at, path);
    put(&at, version);
    put(&at, url->authority);
    put(&at, line_end);
    for (size_t i = 0; i < r->n_headers; i++) {
        if (fetch_request_is_own_field(r->headers[i].name))
            continue;
        put(&at, r->headers[i].name);
        put(&at, STR(": "));
        if (r->headers[i].value.len > 0)
            put(&at, r->headers[i].value);
        put(&at, line_end);
    }
    if (must_state_length(r)) {
        put(&at, length);
        put(&at, decimal(fetch_request_body_bytes(r), digits + MAX_DIGITS));
        put(&at, line_end);
    }
    put(&at, line_end);
    buf_commit(to, (size_t)(at - start));
}
