/* cache_rows.h -- how do answers stand in cache.db? (SQLite; blocking, for one thread)
 *
 * A row carries a digest over its key and content, so that what the disk spoiled is not served.
 * Bounded in bytes like the memory; no fsync at commit: after a power failure the last answers are
 * missing, and nothing else.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "cache_answer.h"
#include "cache_key.h"
#include "io/db.h"

#include <stddef.h>
#include <stdint.h>

struct cache_rows;

struct cache_rows_stats {
    uint64_t entries, bytes, evictions;
};

/* Anything but DB_OK: `reterr` says why. */
MUST_USE enum db_result cache_rows_open(const char *path, struct cache_rows **ret, char *reterr,
                                        size_t reterr_size);
void cache_rows_close(struct cache_rows **r);
const char *cache_rows_error(const struct cache_rows *r);

/* DB_ROW: a reference for the caller; DB_OK: not there, or no longer good. */
MUST_USE enum db_result cache_rows_find(struct cache_rows *r, const struct cache_key *key,
                                        usec_t now, struct cache_answer **ret);

/* Changes go between begin and end, which writes all of them or none. */
MUST_USE enum db_result cache_rows_begin(struct cache_rows *r);
MUST_USE enum db_result cache_rows_put(struct cache_rows *r, const struct cache_key *key,
                                       const struct cache_answer *a);
MUST_USE enum db_result cache_rows_use(struct cache_rows *r, const struct cache_key *key);
/* Throws out what has expired, and what is worth least until `max_bytes` suffice; some hundreds at
 * a time. */
MUST_USE enum db_result cache_rows_trim(struct cache_rows *r, uint64_t max_bytes, usec_t now);
MUST_USE enum db_result cache_rows_end(struct cache_rows *r, enum db_result so_far);

/* All of them, and the file becomes small again. Not between begin and end. */
MUST_USE enum db_result cache_rows_clear(struct cache_rows *r);
struct cache_rows_stats cache_rows_look(const struct cache_rows *r);
