/* keystore.h -- how are keys and teams made, changed and forgotten? Rows of ledger.db.
 *
 * Every change runs on the ledger thread and yields a fresh keyring, handed to the control thread
 * in the completion. The text of a key exists only in the answer to its creation.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "keyring.h"
#include "ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum keystore_result {
    KEYSTORE_OK = 0,
    KEYSTORE_NOT_FOUND,   /* no key (in force) or team of that id or name */
    KEYSTORE_EXISTS,      /* a key in force, or a team, has this name */
    KEYSTORE_INVALID,     /* `problem` says which field, and why */
    KEYSTORE_UNAVAILABLE, /* the ledger cannot commit now */
};

enum keystore_verb {
    KEYSTORE_CREATE,
    KEYSTORE_UPDATE,
    KEYSTORE_ROTATE,
    KEYSTORE_REVOKE,
    KEYSTORE_CREATE_TEAM,
    KEYSTORE_UPDATE_TEAM,
};

/* What an update changes. */
enum keystore_field {
    KEYSTORE_RPM = 1,
    KEYSTORE_TPM = 2,
    KEYSTORE_PARALLEL = 4,
    KEYSTORE_BUDGET_TOTAL = 8,
    KEYSTORE_BUDGET_DAILY = 16,
    KEYSTORE_BUDGET_MONTHLY = 32,
    KEYSTORE_ZONE = 64,
    KEYSTORE_MODELS = 128,
    KEYSTORE_TAGS = 256,
    KEYSTORE_OUTAGE = 512,
    KEYSTORE_UNPRICED = 1024,
    KEYSTORE_EXPIRES = 2048,
};

#define KEYSTORE_MAX_NAME 64

/* Filled by the caller, who owns it and its texts until `done` runs on `loop`. */
struct keystore_request {
    enum keystore_verb verb;
    const char *name;    /* create: 1 … 64 bytes that fit in a path; else name or id */
    unsigned fields;     /* update: enum keystore_field */
    const char *team;    /* NULL: none */
    const char **models; /* NULL: all */
    size_t n_models;
    const char *tags;              /* NULL: none */
    usec_t expires_at;             /* wall clock; USEC_INFINITY: never */
    uint64_t rpm, tpm, parallel;   /* KEYRING_DEFAULT: not set */
    int64_t budget[PURSE_PERIODS]; /* nano-dollars; MONEY_UNKNOWN: none */
    const char *zone;              /* of the IANA database; NULL: UTC */
    enum keyring_outage outage;
    enum keyring_unpriced unpriced;
    usec_t grace;      /* rotate: how long the text before stays good */
    bool cuts_streams; /* revoke: end what is in flight, too */

    struct loop *loop;
    void (*done)(struct keystore_request *r);
    void *arg;

    /* filled before `done` */
    enum keystore_result result;
    const char *problem; /* KEYSTORE_INVALID: for the caller's eyes, a constant text */
    const char *field;   /* that the problem is with; may be NULL */
    char id[KEYRING_ID_LEN + 1];
    char text[KEYRING_TEXT_LEN + 1]; /* create, rotate: show it once, then keystore_wipe() */
    struct keyring *ring;            /* KEYSTORE_OK: the new one; the callback owns a reference */

    struct keystore *store; /* the keystore's own from here on */
    struct ledger_task task;
};

struct keystore;

/* Before ledger_start(). Loads or makes state_dir/pepper, reads the keys and teams and what they
 * have spent, says the ledger; *ret_ring is the caller's reference. > 0: the pepper is not the one
 * the keys were made with, or is unsafe; a zone is gone; the books cannot be read. */
MUST_USE int keystore_open(struct ledger *l, const char *state_dir, struct keystore **ret,
                           struct keyring **ret_ring, char *reterr, size_t reterr_size);
/* After the ledger has stopped and every keyring is released. */
void keystore_close(struct keystore **k);

void keystore_init(struct keystore_request *r, enum keystore_verb verb); /* nothing set */
void keystore_submit(struct keystore *k, struct keystore_request *r);
void keystore_wipe(struct keystore_request *r);

const char *keystore_result_text(enum keystore_result result);
