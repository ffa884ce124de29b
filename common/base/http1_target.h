/* http1_target.h -- which path does a request target name? (RFC 9112, 3.2)
 *
 * What two readers could take for two different paths is refused, not guessed: escaped separators
 * and dots, dot segments, control characters, backslashes, fragments.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct http1_target {
    struct str host;        /* of the absolute form; data is NULL for the others */
    struct str path, query; /* as sent; path may be empty (the absolute form) or "*" */
};

/* Only visible ASCII may come in. False: no form we serve, or a path that is refused. */
MUST_USE bool http1_target_split(struct str target, struct http1_target *ret);

/* The path with escapes decoded and empty segments dropped ("//a" is "/a"), into `dst` of at least
 * path.len + 1 bytes; returns its length. The path came from http1_target_split(). */
size_t http1_target_decode(struct str path, char *dst);

/* What the query says of `name` the first time, with escapes and '+' decoded, in `space`; empty if
 * it says nothing. False: malformed, or more than `size` bytes. */
MUST_USE bool http1_target_parameter(struct str query, const char *name, char *space, size_t size,
                                     struct str *ret);

/* A Host field's value: a name or an address, and a port perhaps. */
MUST_USE bool http1_target_is_host(struct str value);
