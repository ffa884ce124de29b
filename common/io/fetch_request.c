#include "fetch_request.h"

#include <string.h>

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
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (!is_visible(c) || c > 127 || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return s.len > 0;
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
    static const char *const own[] = {"host",       "content-length", "transfer-encoding",
                                      "connection", "keep-alive",     "proxy-connection",
                                      "expect",     "upgrade",        "te",
                                      "trailer"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (str_is_nocase(name, own[i]))
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
