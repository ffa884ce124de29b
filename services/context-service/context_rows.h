/* context_rows.h -- what does context.db say of sessions, their frozen prefixes and the blocks that
 * were left out?
 *
 * A session is one tenant's and owns its epochs and blocks: they go with it. Blocking, for one
 * thread; a crash leaves each call's work undone or done as a whole.
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/macro.h"
#include "base/str.h"
#include "io/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTEXT_ROWS_MAX_EPOCHS 16 /* kept of a session; the oldest goes first */

struct context_scope {
    struct str tenant, session;
};

/* What stands for the first messages of a conversation from its making on. */
struct context_epoch {
    uint8_t config[DIGEST_SIZE]; /* of all that condensing depends on beside the messages */
    uint8_t digest[DIGEST_SIZE]; /* of the messages it stands for, cache markers apart */
    uint8_t marks[DIGEST_SIZE];  /* of the same as they were spelled */
    uint64_t n_source;           /* how many they are */
    uint64_t source_tokens, frozen_tokens;
    uint64_t number;    /* 1, 2, … in its session */
    usec_t used_before; /* found: when the session was last used */
    struct str frozen;  /* messages with commas between them */
    struct str stages;  /* comma list */
    struct str summary; /* empty: none */
};

struct context_block {
    struct str key, body;
};

struct context_session {
    uint64_t epochs, blocks, bytes;
    uint64_t n_source, source_tokens, frozen_tokens; /* of the newest epoch */
    usec_t made_at, used_at;
};

struct context_limits {
    uint64_t max_bytes, max_tenant_bytes, max_sessions;
    usec_t ttl;
};

struct context_rows_stats {
    uint64_t sessions, bytes;
};

struct context_rows;

/* `reterr` says why when it is not DB_OK. */
MUST_USE enum db_result context_rows_open(const char *path, struct context_rows **ret, char *reterr,
                                          size_t reterr_size);
void context_rows_close(struct context_rows **r);
const char *context_rows_error(const struct context_rows *r);
struct context_rows_stats context_rows_look(const struct context_rows *r);

/* Sessions that were last used before `oldest` are as good as gone. */
struct context_when {
    usec_t now, oldest;
};

struct context_find {
    struct context_scope scope;
    const uint8_t *config;
    const uint8_t *chain; /* digests of the first message, the first two, … */
    size_t n;
};

/* DB_ROW: the epoch of this configuration that stands for most of the conversation; its text is in
 * `a`. DB_OK: none. */
MUST_USE enum db_result context_rows_find(struct context_rows *r, const struct context_find *find,
                                          struct context_when when, struct arena *a,
                                          struct context_epoch *ret);

struct context_keep {
    struct context_scope scope;
    struct context_epoch *epoch; /* NULL: only blocks */
    const struct context_block *blocks;
    size_t n_blocks;
};

/* One transaction. The epoch gets its number. When there is one for the same messages already, it
 * is replaced if the number given is its own; else *keep->epoch becomes that one, its text in `a`.
 */
MUST_USE enum db_result context_rows_keep(struct context_rows *r, const struct context_keep *keep,
                                          const struct context_limits *limits, usec_t now,
                                          struct arena *a);

struct context_address {
    struct context_scope scope;
    struct str key;
};

/* DB_ROW: *ret is in `a`. DB_OK: there is no such block in the session. */
MUST_USE enum db_result context_rows_take_block(struct context_rows *r,
                                                const struct context_address *address,
                                                struct context_when when, struct arena *a,
                                                struct str *ret);
/* DB_ROW or DB_OK, likewise. */
MUST_USE enum db_result context_rows_find_session(struct context_rows *r,
                                                  const struct context_scope *scope,
                                                  struct context_when when,
                                                  struct context_session *ret);
/* DB_ROW: it was there. */
MUST_USE enum db_result context_rows_remove_session(struct context_rows *r,
                                                    const struct context_scope *scope);
/* Those that are as good as gone. */
MUST_USE enum db_result context_rows_expire(struct context_rows *r, usec_t oldest);
