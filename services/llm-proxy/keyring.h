/* keyring.h -- whose key is this, and what may it do?
 *
 * An immutable table, shared by all threads, counted by references; the keystore makes a new one
 * after every change. Finding a key is the same work whether it exists or not: one HMAC with the
 * pepper, one look-up by the digest, one comparison in constant time. What changes while keys are
 * used (limits, slots) lives in struct keyring_usage, which successive keyrings share.
 */
#pragma once

#include "base/clock.h"
#include "base/digest.h"
#include "base/macro.h"
#include "base/money.h"
#include "base/ratelimit.h"
#include "base/str.h"
#include "io/pepper.h"
#include "purse.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYRING_TEXT_LEN 47         /* "llm-" and 43 base64url characters: 256 random bits */
#define KEYRING_ID_LEN   12         /* "k_" and 10 characters: harmless in logs and metrics */
#define KEYRING_DEFAULT  UINT64_MAX /* a limit the key does not set: limits.default applies */

enum keyring_verdict {
    KEYRING_VALID = 0,
    KEYRING_REVOKED,
    KEYRING_EXPIRED,
};

enum keyring_outage { KEYRING_CLOSED, KEYRING_OPEN }; /* while the ledger cannot commit */
/* What has no price: as limits.unpriced says, or the key's own word. */
enum keyring_unpriced { KEYRING_UNPRICED_DEFAULT, KEYRING_UNPRICED_ALLOW, KEYRING_UNPRICED_REFUSE };

/* What changes while it is used: one per key and per team, for the life of the process; any
 * thread. */
struct keyring_usage {
    _Alignas(64) struct ratelimit rpm;
    struct ratelimit tpm;
    _Atomic uint64_t parallel; /* requests in flight */
    struct purse purse;
    _Atomic bool is_cut;    /* revoked, and what is in flight is to end */
    _Atomic usec_t told_at; /* that a budget is exhausted, in the log; 0: never */
    bool has_gauge;         /* the control thread's: what is left of its budgets is shown */
};

struct keyring_limits {
    uint64_t rpm, tpm, parallel; /* KEYRING_DEFAULT, or 0: unlimited */
    struct purse_limits budget;  /* the zone is the keystore's */
};

/* A parent of keys: its limits hold for all of them together. */
struct keyring_team {
    const char *name;
    struct keyring_limits limits; /* KEYRING_DEFAULT: unlimited */
    usec_t created_at;
    struct keyring_usage *usage;
};

/* Texts and lists are owned by the keyring. */
struct keyring_key {
    const char *id, *name;
    const struct keyring_team *team; /* NULL: none */
    const char **models;             /* configured names it may use; none: all */
    size_t n_models;
    const char *tags;                          /* comma list, "" : none */
    usec_t expires_at, revoked_at, created_at; /* wall clock; USEC_INFINITY: never */
    struct keyring_limits limits;
    enum keyring_outage outage;
    enum keyring_unpriced unpriced;
    uint8_t digest[DIGEST_SIZE];
    uint8_t old_digest[DIGEST_SIZE]; /* of the text before rotation, while its grace lasts */
    usec_t old_until;                /* wall clock; 0: none */
    struct keyring_usage *usage;     /* the keystore's; outlives the keyring */
};

/* What a keyring is made of: malloc'd lists with malloc'd texts. */
struct keyring_parts {
    struct keyring_key *keys;
    size_t n_keys;
    struct keyring_team *teams; /* by name */
    size_t n_teams;
};

struct keyring;

/* Takes over the parts. The pepper is borrowed. */
struct keyring *keyring_new(struct keyring_parts parts, const struct pepper *pepper);
struct keyring *keyring_ref(struct keyring *k);
void keyring_unref(struct keyring **k); /* the last one frees */

/* NULL: nobody's. Borrowed from the keyring. `now` is the wall clock. */
const struct keyring_key *keyring_find(const struct keyring *k, struct str text, usec_t now);
enum keyring_verdict keyring_check(const struct keyring_key *key, usec_t now);
bool keyring_may_use(const struct keyring_key *key, struct str model);

/* For lists: keys in order of creation, teams by name. */
size_t keyring_count(const struct keyring *k);
const struct keyring_key *keyring_at(const struct keyring *k, size_t i);
size_t keyring_team_count(const struct keyring *k);
const struct keyring_team *keyring_team_at(const struct keyring *k, size_t i);

/* By id, or by name (of several the one in force, else the latest); NULL: none. */
const struct keyring_key *keyring_find_named(const struct keyring *k, struct str name);
const struct keyring_team *keyring_find_team(const struct keyring *k, struct str name);
