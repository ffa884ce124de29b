/* allowance.h -- how many requests and tokens do a key and its team have left, and when will there
 * be more?
 *
 * Requests a minute, tokens a minute, requests at a time: the key's and its team's must all admit,
 * else nothing is taken. What is taken belongs to the exchange and goes back with it.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "io/http_server.h"

#include <stdbool.h>
#include <stddef.h>

struct exchange;

enum allowance_result {
    ALLOWANCE_OK = 0,
    ALLOWANCE_PARALLEL,
    ALLOWANCE_RPM,
    ALLOWANCE_TPM,
    ALLOWANCE_TOO_LARGE /* more tokens than there are in a minute */
};

struct allowance_refusal {
    bool is_teams; /* the limit is not the key's own */
    usec_t wait;   /* USEC_INFINITY: it can never pass */
};

/* Does any of its limits count tokens? */
bool allowance_counts_tokens(const struct exchange *x);
MUST_USE enum allowance_result allowance_take(struct exchange *x, struct allowance_refusal *ret);

/* The place among the requests at a time; nothing happens when none is held. */
void allowance_release(struct exchange *x);
/* The tokens taken were an estimate: make them what the books say. */
void allowance_charge(struct exchange *x);

/* x-ratelimit-*: of each kind the one that will be used up first. Returns the new number. */
size_t allowance_add_headers(struct exchange *x, struct http_header *headers, size_t n);

/* "rpm", "team_tpm" …, the `limit` label; and a sentence for the caller. */
const char *allowance_name(enum allowance_result r, bool is_teams);
const char *allowance_text(enum allowance_result r, bool is_teams);
