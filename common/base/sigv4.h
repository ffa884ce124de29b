/* sigv4.h -- how is a request signed for AWS? (Signature Version 4, AWS General Reference)
 *
 * Host, date, session token and body are signed. libcurl 7.88 signs only a body it holds in one
 * buffer, and a path with ':' wrongly, as model names of Bedrock have it; so this is our own. Pure:
 * the time is given.
 */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct sigv4_credentials {
    struct str access_key, secret_key;
    struct str session_token; /* empty: none */
    struct str region, service;
};

struct sigv4_request {
    const char *method;
    struct str host;  /* the Host field */
    struct str path;  /* as it is sent, percent-encoded */
    struct str query; /* likewise, sorted by name; empty: none */
    struct str body;
    int64_t now; /* Unix seconds */
};

struct sigv4_signature {
    const char *date;          /* the x-amz-date field */
    const char *authorization; /* the authorization field */
};

/* False when the arena is full. */
MUST_USE bool sigv4_sign(struct arena *a, const struct sigv4_credentials *c,
                         const struct sigv4_request *r, struct sigv4_signature *ret);
