/* context_schema.h -- which tables and statements has context.db?
 */
#pragma once

#include "base/macro.h"
#include "io/db.h"

#include <stddef.h>
#include <stdint.h>

enum context_schema_statement {
    CONTEXT_SCHEMA_SESSION,
    CONTEXT_SCHEMA_MAKE_SESSION,
    CONTEXT_SCHEMA_USE_SESSION,
    CONTEXT_SCHEMA_GROW_SESSION,
    CONTEXT_SCHEMA_REMOVE_SESSION,
    CONTEXT_SCHEMA_FIND_EPOCH,
    CONTEXT_SCHEMA_READ_EPOCH,
    CONTEXT_SCHEMA_LAST_NUMBER,
    CONTEXT_SCHEMA_ADD_EPOCH,
    CONTEXT_SCHEMA_PRUNE_EPOCHS,
    CONTEXT_SCHEMA_REMOVE_EPOCH,
    CONTEXT_SCHEMA_ADD_BLOCK,
    CONTEXT_SCHEMA_TAKE_BLOCK,
    CONTEXT_SCHEMA_PRUNE_BLOCK,
    CONTEXT_SCHEMA_COUNT_PARTS,
    CONTEXT_SCHEMA_NEWEST_EPOCH,
    CONTEXT_SCHEMA_OLDEST_SESSION,
    CONTEXT_SCHEMA_OLDEST_OF_TENANT,
    CONTEXT_SCHEMA_EXPIRED_SESSION,
    CONTEXT_SCHEMA_TENANT_BYTES,
    CONTEXT_SCHEMA_N
};

struct context_schema {
    struct db *db;
    struct db_statement *statements[CONTEXT_SCHEMA_N];
};

/* `reterr` says why when it is not DB_OK; then nothing is left open. */
MUST_USE enum db_result context_schema_open(const char *path, struct context_schema *ret,
                                            char *reterr, size_t reterr_size);
void context_schema_close(struct context_schema *s);

/* DB_ROW: *ret is the first column of the first row; the statement has run to its end. */
MUST_USE enum db_result context_schema_ask(struct context_schema *s,
                                           enum context_schema_statement which, int64_t *ret);
