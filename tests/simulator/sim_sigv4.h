/* sim_sigv4.h -- is this request signed as AWS wants it (Signature Version 4)?
 *
 * Written from the published description, independently of the suite's signing code. The path is
 * encoded once more, as for every AWS service but S3.
 */
#pragma once

#include "sim_http.h"

struct sim_sigv4_key {
    char id[129], secret[129];
};

/* NULL when it is, else what is wrong. Without a `key` only the shape is looked at. */
const char *sim_sigv4_check(const struct sim_http_request *request,
                            const struct sim_sigv4_key *key);
