/* keystore_rows.h -- how do keys lie in the table `keys`? */
#pragma once

#include "base/digest.h"
#include "base/macro.h"
#include "io/db.h"
#include "keyring.h"
#include "keystore.h"

#include <stddef.h>

/* The usage a key of this id has had so far in this process, or a fresh one. */
typedef struct keyring_usage *(*keystore_rows_usage_fn)(void *arg, const char *id);

/* Every key, in order of creation; *ret_keys is the caller's, and may be NULL if there are none. */
MUST_USE enum db_result keystore_rows_read(struct db *db, keystore_rows_usage_fn usage, void *arg,
                                           struct keyring_key **ret_keys, size_t *ret_n);

/* DB_CONSTRAINT: the name is taken. */
MUST_USE enum db_result keystore_rows_insert(struct db *db, const struct keystore_request *r,
                                             const uint8_t digest[DIGEST_SIZE], usec_t now);

/* By id, or by name; r->id is filled. *ret_found is false if there is no such key in force. */
MUST_USE enum db_result keystore_rows_revoke(struct db *db, struct keystore_request *r, usec_t now,
                                             bool *ret_found);

/* A value kept beside the keys, made on first use: true if it is the same as before. */
MUST_USE enum db_result keystore_rows_confirm(struct db *db, const char *name, struct str value,
                                              bool *ret_is_same);
