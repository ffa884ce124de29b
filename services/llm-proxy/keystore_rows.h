/* keystore_rows.h -- how do keys and teams lie in the tables `keys` and `teams`? */
#pragma once

#include "base/digest.h"
#include "base/macro.h"
#include "io/db.h"
#include "keyring.h"
#include "keystore.h"

#include <stddef.h>

/* What rows only name: the usage a key or team has had so far in this process, or a fresh one (by
 * the key's id, or "team:" and the name), and the zone. */
struct keystore_rows_owner {
    struct keyring_usage *(*usage)(void *arg, const char *id);
    const struct zone *(*zone)(void *arg, struct str name);
    void *arg;
};

/* All of them; the parts are the caller's. */
MUST_USE enum db_result keystore_rows_read(struct db *db, const struct keystore_rows_owner *owner,
                                           struct keyring_parts *ret);

/* DB_CONSTRAINT: the name is taken. A team nobody has made comes into being with its first key. */
MUST_USE enum db_result keystore_rows_insert(struct db *db, const struct keystore_request *r,
                                             const uint8_t digest[DIGEST_SIZE], usec_t now);
MUST_USE enum db_result keystore_rows_insert_team(struct db *db, const struct keystore_request *r,
                                                  usec_t now);

/* By id, or by name, of a key in force; r->id is filled. *ret_found is false if there is none. */
MUST_USE enum db_result keystore_rows_find(struct db *db, struct keystore_request *r,
                                           bool *ret_found);
/* What r->fields names, of the key r->id. */
MUST_USE enum db_result keystore_rows_update(struct db *db, const struct keystore_request *r);
MUST_USE enum db_result keystore_rows_update_team(struct db *db, const struct keystore_request *r,
                                                  bool *ret_found);
MUST_USE enum db_result keystore_rows_revoke(struct db *db, const struct keystore_request *r,
                                             usec_t now);
/* The text before stays good until now + r->grace. */
MUST_USE enum db_result keystore_rows_rotate(struct db *db, const struct keystore_request *r,
                                             const uint8_t digest[DIGEST_SIZE], usec_t now);

/* A value kept beside the keys, made on first use: true if it is the same as before. */
MUST_USE enum db_result keystore_rows_confirm(struct db *db, const char *name, struct str value,
                                              bool *ret_is_same);
