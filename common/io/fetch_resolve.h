/* fetch_resolve.h -- which addresses does this name have?
 *
 * getaddrinfo() may take as long as it likes, so each lookup has a thread of its own and its answer
 * comes back through the loop. Literals need no thread: see fetch_resolve_literal().
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "io/fetch_errand.h"
#include "io/loop.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FETCH_RESOLVE_MAX 8

struct fetch_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un unix_;
    };
    socklen_t len;
};

struct fetch_addresses {
    struct fetch_address at[FETCH_RESOLVE_MAX]; /* in the order to try */
    size_t n;
};

/* An IPv4 or IPv6 literal, or "localhost" (both loopback addresses). */
MUST_USE bool fetch_resolve_literal(struct str host, uint16_t port, struct fetch_addresses *ret);
/* The socket at `path`; false if the path is too long for one. */
MUST_USE bool fetch_resolve_socket(struct str path, struct fetch_addresses *ret);

/* `addresses` is empty when the name has none, and borrowed for the call, which may free the
 * lookup. */
typedef void (*fetch_resolve_fn)(void *arg, const struct fetch_addresses *addresses);

struct fetch_resolve {
    struct fetch_errand *errand; /* NULL: nothing is being looked up */
    fetch_resolve_fn fn;
    void *arg;
};

/* `r` must stay where it is until the answer or fetch_resolve_stop(). -errno if no thread or
 * descriptor is to be had. */
MUST_USE int fetch_resolve_start(struct fetch_resolve *r, struct loop *l, struct str host,
                                 uint16_t port);
void fetch_resolve_stop(struct fetch_resolve *r);
