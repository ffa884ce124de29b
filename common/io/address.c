#include "io/address.h"

#include "base/parse.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static bool parse_unix(struct str path, struct address *ret)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&ret->bytes;

    if (path.len == 0 || path.data[0] != '/' || memchr(path.data, 0, path.len))
        return false;
    if (!str_copy(un->sun_path, sizeof(un->sun_path), path))
        return false;
    un->sun_family = AF_UNIX;
    ret->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return true;
}

static bool parse_port(struct str text, in_port_t *ret)
{
    uint64_t port;

    if (!parse_u64(text, &port) || port > 65535)
        return false;
    *ret = htons((uint16_t)port);
    return true;
}

static bool parse_ip6(struct str host, struct str port, struct address *ret)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->bytes;
    char text[INET6_ADDRSTRLEN];

    in6->sin6_family = AF_INET6;
    ret->len = sizeof(*in6);
    return str_copy(text, sizeof(text), host) && inet_pton(AF_INET6, text, &in6->sin6_addr) == 1 &&
           parse_port(port, &in6->sin6_port);
}

static bool parse_ip4(struct str host, struct str port, struct address *ret)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&ret->bytes;
    char text[INET_ADDRSTRLEN];

    in->sin_family = AF_INET;
    ret->len = sizeof(*in);
    if (!str_copy(text, sizeof(text), str_is(host, "localhost") ? STR("127.0.0.1") : host))
        return false;
    return inet_pton(AF_INET, text, &in->sin_addr) == 1 && parse_port(port, &in->sin_port);
}

bool address_parse(struct str text, struct address *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (str_has_prefix(text, "unix:"))
        return parse_unix((struct str){text.data + 5, text.len - 5}, ret);

    const char *colon = text.len > 0 ? memrchr(text.data, ':', text.len) : NULL;
    if (!colon)
        return false;
    struct str host = {text.data, (size_t)(colon - text.data)};
    struct str port = {colon + 1, text.len - host.len - 1};
    if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        return parse_ip6((struct str){host.data + 1, host.len - 2}, port, ret);
    return parse_ip4(host, port, ret);
}

bool address_format(const struct address *a, char *ret_text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    int n = -1;

    if (a->bytes.ss_family == AF_UNIX) {
        n = snprintf(ret_text, size, "unix:%s", ((const struct sockaddr_un *)&a->bytes)->sun_path);
    } else if (a->bytes.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&a->bytes;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        n = snprintf(ret_text, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (a->bytes.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->bytes;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        n = snprintf(ret_text, size, "[%s]:%u", host, ntohs(in6->sin6_port));
    }
    return n >= 0 && (size_t)n < size;
}

bool address_is_equal(const struct address *a, const struct address *b)
{
    char left[sizeof(struct sockaddr_un) + 8], right[sizeof(left)];

    return address_format(a, left, sizeof(left)) && address_format(b, right, sizeof(right)) &&
           strcmp(left, right) == 0;
}

bool address_is_loopback(const struct address *a)
{
    if (a->bytes.ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)&a->bytes)->sin_addr.s_addr) >> 24 == 127;
    if (a->bytes.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&a->bytes)->sin6_addr);
    return a->bytes.ss_family == AF_UNIX;
}
