/* keystore.h -- how are keys made, changed and forgotten? Rows of ledger.db.
 *
 * Every change runs on the ledger thread and yields a fresh keyring, handed to the control thread
 * in the completion. The text of a key exists only in the answer to its creation.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "keyring.h"
#include "ledger.h"

#include <stddef.h>
#include <stdint.h>

enum keystore_result {
    KEYSTORE_OK = 0,
    KEYSTORE_NOT_FOUND,   /* no key of that id or name, or it is revoked already */
    KEYSTORE_EXISTS,      /* a key that is not revoked has this name */
    KEYSTORE_INVALID,     /* `problem` says which field, and why */
    KEYSTORE_UNAVAILABLE, /* the ledger cannot commit now */
};

enum keystore_verb { KEYSTORE_CREATE, KEYSTORE_REVOKE };

/* Filled by the caller, who owns it and its texts until `done` runs on `loop`. */
struct keystore_request {
    enum keystore_verb verb;
    const char *name;    /* create: 1 … 64 bytes without control characters; revoke: name or id */
    const char *team;    /* NULL: none */
    const char **models; /* NULL: all */
    size_t n_models;
    const char *tags;                                   /* NULL: none */
    usec_t expires_at;                                  /* wall clock; USEC_INFINITY: never */
    uint64_t rpm, tpm, parallel;                        /* KEYRING_DEFAULT: not set */
    int64_t budget_total, budget_daily, budget_monthly; /* nano-dollars; MONEY_UNKNOWN: none */
    enum keyring_outage outage;

    struct loop *loop;
    void (*done)(struct keystore_request *r);
    void *arg;

    /* filled before `done` */
    enum keystore_result result;
    const char *problem; /* KEYSTORE_INVALID: for the caller's eyes, a constant text */
    char id[KEYRING_ID_LEN + 1];
    char text[KEYRING_TEXT_LEN + 1]; /* create: show it once, then keystore_wipe() */
    struct keyring *ring;            /* KEYSTORE_OK: the new one; the callback owns a reference */

    struct keystore *store; /* the keystore's own from here on */
    struct ledger_task task;
};

struct keystore;

/* Before ledger_start(). Loads or makes state_dir/pepper and reads the keys; *ret_ring is the
 * caller's reference. > 0: the pepper is not the one the keys were made with, or is unsafe. */
MUST_USE int keystore_open(struct ledger *l, const char *state_dir, struct keystore **ret,
                           struct keyring **ret_ring, char *reterr, size_t reterr_size);
/* After the ledger has stopped and every keyring is released. */
void keystore_close(struct keystore **k);

void keystore_init(struct keystore_request *r, enum keystore_verb verb); /* nothing set */
void keystore_submit(struct keystore *k, struct keystore_request *r);
void keystore_wipe(struct keystore_request *r);

const char *keystore_result_text(enum keystore_result result);
