/* pull_request.h -- which model is to be fetched, from where, and may it be? Pure.
 *
 * Read from the body of POST /models/pull. A name is one path component that cannot leave its
 * folder; a URL is https, or http on this machine, or http where the caller insists.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define PULL_MAX_URL   2048
#define PULL_MAX_NAME  128
#define PULL_HASH_SIZE 65 /* 64 hexadecimal digits */

struct pull_request {
    char url[PULL_MAX_URL];      /* of a file; empty: `provider` fetches `model` itself */
    char name[PULL_MAX_NAME];    /* of the file here; or the model */
    char sha256[PULL_HASH_SIZE]; /* lower case; empty: not given */
    bool has_sidecar;            /* the hash is in the file beside it, URL.sha256 */
    bool allows_http;            /* from another machine, too */
    char provider[PULL_MAX_NAME];
};

struct pull_address {
    char origin[PULL_MAX_URL]; /* scheme and authority */
    char path[PULL_MAX_URL];   /* with the query */
};

/* False with a sentence why. */
MUST_USE bool pull_request_parse(struct str json, struct pull_request *ret, const char **reterr);

MUST_USE bool pull_request_address(struct str url, bool allows_http, struct pull_address *ret);
/* Where `location`, the answer to `from`, leads. Never from https to http. */
MUST_USE bool pull_request_redirect(const struct pull_address *from, struct str location,
                                    bool allows_http, struct pull_address *ret);

/* Is it `url`, or below it, wherever the server takes its dots to lead? */
bool pull_request_is_below(const struct pull_address *a, struct str url);

/* A file name and nothing else: no folder, no hidden file, no part of another download. */
bool pull_request_is_name(struct str name);

/* The hash in a sidecar: of the line for `name`, or of the only line. */
MUST_USE bool pull_request_sidecar(struct str text, struct str name, char ret[PULL_HASH_SIZE]);
