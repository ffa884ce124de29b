#include "fetch_resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
    char *host;
    uint16_t port;
    struct fetch_addresses found;
};

static void add(struct fetch_addresses *to, const struct sockaddr *address, socklen_t len,
                uint16_t port)
{
    if (to->n == FETCH_RESOLVE_MAX)
        return;

    struct fetch_address *a = &to->at[to->n++];
    *a = (struct fetch_address){.len = len};
    memcpy(&a->any, address, len);
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons(port);
    else
        a->v6.sin6_port = htons(port);
}

bool fetch_resolve_literal(struct str host, uint16_t port, struct fetch_addresses *ret)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char text[INET6_ADDRSTRLEN];

    ret->n = 0;
    if (str_is_nocase(host, "localhost")) {
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v6.sin6_addr = in6addr_loopback;
        add(ret, (const struct sockaddr *)&v4, sizeof(v4), port);
        add(ret, (const struct sockaddr *)&v6, sizeof(v6), port);
    } else if (!str_copy(text, sizeof(text), host)) {
        return false;
    } else if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        add(ret, (const struct sockaddr *)&v4, sizeof(v4), port);
    } else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        add(ret, (const struct sockaddr *)&v6, sizeof(v6), port);
    }
    return ret->n > 0;
}

bool fetch_resolve_socket(struct str path, struct fetch_addresses *ret)
{
    struct fetch_address *a = &ret->at[0];

    *ret = (struct fetch_addresses){.n = 1};
    a->unix_.sun_family = AF_UNIX;
    a->len = sizeof(a->unix_);
    return str_copy(a->unix_.sun_path, sizeof(a->unix_.sun_path), path);
}

static void run(void *data)
{
    struct lookup *l = data;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;

    if (getaddrinfo(l->host, NULL, &hints, &list) != 0)
        return;
    for (struct addrinfo *a = list; a; a = a->ai_next)
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
            add(&l->found, a->ai_addr, a->ai_addrlen, l->port);
    freeaddrinfo(list);
}

static void on_done(void *arg, void *data)
{
    struct fetch_resolve *r = arg;
    struct lookup *l = data;

    fetch_errand_free(&r->errand);
    r->fn(r->arg, &l->found);
}

static void release(void *data)
{
    struct lookup *l = data;

    free(l->host);
    free(l);
}

int fetch_resolve_start(struct fetch_resolve *r, struct loop *l, struct str host, uint16_t port)
{
    static const struct fetch_errand_kind kind = {run, on_done, release};
    struct lookup *lookup = calloc(1, sizeof(*lookup));

    if (!lookup || !(lookup->host = strndup(host.data, host.len)))
        abort();
    lookup->port = port;
    return fetch_errand_start(l, &kind, lookup, r, &r->errand);
}

void fetch_resolve_stop(struct fetch_resolve *r)
{
    fetch_errand_free(&r->errand);
}
