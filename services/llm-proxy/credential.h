/* credential.h -- how does a provider know that we may ask it?
 *
 * A header with the key, or for AWS a signature over each request. Secrets are wiped when done.
 */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "base/sigv4.h"
#include "dialect.h"
#include "io/http_server.h" /* struct http_header */
#include "settings/settings.h"

#include <stddef.h>
#include <stdint.h>

#define CREDENTIAL_MAX_HEADERS 3

struct credential {
    const char *header; /* NULL: none is sent */
    char *value;
    char *secret; /* what `aws` borrows from; NULL: nothing is signed */
    struct sigv4_credentials aws;
    struct str host; /* that is signed */
};

/* Reads the provider's secret. -errno, or > 0 for one that cannot work; `reterr` says why. */
MUST_USE int credential_read(struct credential *c, const struct settings_provider *p,
                             const struct dialect *d, char *reterr, size_t reterr_size);
void credential_done(struct credential *c);

/* The headers that prove us for one call; `now` in Unix seconds. False when the arena is full. */
MUST_USE bool credential_write(const struct credential *c, struct arena *a,
                               const struct dialect_call *call, int64_t now,
                               struct http_header ret_headers[CREDENTIAL_MAX_HEADERS],
                               size_t *ret_n);
