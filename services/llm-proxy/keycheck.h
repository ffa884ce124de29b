/* keycheck.h -- which key does this request carry, and is it good now?
 */
#pragma once

#include "io/http_server.h"
#include "keyring.h"
#include "refusal.h"

#include <stdbool.h>

struct worker;

enum keycheck_result {
    KEYCHECK_OK = 0,
    KEYCHECK_MISSING,
    KEYCHECK_UNKNOWN,
    KEYCHECK_REVOKED,
    KEYCHECK_EXPIRED,
    KEYCHECK_TOO_MANY, /* wrong keys from this source; whose this one is was not told */
};

/* Once a request: a failure counts against its source.
 *
 * `Authorization: Bearer …` or `x-api-key: …`. *ret_key is borrowed from the worker's keyring; NULL
 * with KEYCHECK_OK when the configuration asks for no key and none was sent. */
enum keycheck_result keycheck_find(struct worker *w, const struct http_request *r,
                                   const struct keyring_key **ret_key);

/* A sentence for the caller, and which refusal it is of. */
const char *keycheck_text(enum keycheck_result r);
enum refusal keycheck_refusal(enum keycheck_result r);
