/* address.h -- which socket does "127.0.0.1:8080", "[::1]:443" or "unix:/run/x.sock" mean?
 *
 * Numeric addresses and "localhost" (127.0.0.1) only: nothing is looked up.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage bytes;
    socklen_t len;
};

MUST_USE bool address_parse(struct str text, struct address *ret);
/* The form address_parse() reads. False if it does not fit. */
MUST_USE bool address_format(const struct address *a, char *ret_text, size_t size);
bool address_is_equal(const struct address *a, const struct address *b);
/* Nobody outside this machine can reach it: 127.0.0.0/8, ::1 or a unix socket. */
bool address_is_loopback(const struct address *a);
