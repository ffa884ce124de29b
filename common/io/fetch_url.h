/* fetch_url.h -- which host, port and path prefix does a base URL name? Pure.
 *
 * "http://host[:port][/prefix]", or "unix:/path" for a socket of this host. No user, no query, no
 * fragment: the URL is configuration.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct fetch_url {
    struct str socket;    /* path of a unix socket; empty: host and port count */
    struct str host;      /* without brackets */
    struct str authority; /* host[:port] as written: the Host field */
    struct str prefix;    /* "" or "/v1" */
    uint16_t port;
};

/* All parts are borrowed from `text`. False if it is not such a URL. */
MUST_USE bool fetch_url_parse(struct str text, struct fetch_url *ret);
