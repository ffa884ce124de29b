/* context_store.h -- where do sessions, frozen prefixes and omitted blocks outlive the process?
 *
 * One thread owns context.db; the threads of the pool ask it and wait. What is kept is committed
 * when the call returns, so that an answer never goes out that a restart would not repeat. A file
 * that is damaged is set aside; while none can be had, or the disk is slow, every question is
 * answered CONTEXT_STORE_UNAVAILABLE and condensing goes on without memory.
 */
#pragma once

#include "context_rows.h"

enum context_store_result {
    CONTEXT_STORE_OK = 0,
    CONTEXT_STORE_NONE, /* there is no such thing */
    CONTEXT_STORE_UNAVAILABLE,
};

struct context_store;

MUST_USE int context_store_start(const char *state_dir, const struct context_limits *limits,
                                 struct context_store **ret); /* -errno */
void context_store_stop(struct context_store **s);            /* nobody may be asking */
void context_store_set_limits(struct context_store *s, const struct context_limits *limits);

/* Thread-safe, blocking for two seconds at most. What is returned lives in `a`. */
MUST_USE enum context_store_result context_store_find(struct context_store *s, struct arena *a,
                                                      const struct context_find *find,
                                                      struct context_epoch *ret);
/* *keep->epoch may become another's: context_rows_keep(). */
MUST_USE enum context_store_result context_store_keep(struct context_store *s, struct arena *a,
                                                      const struct context_keep *keep);
MUST_USE enum context_store_result context_store_take_block(struct context_store *s,
                                                            struct arena *a,
                                                            const struct context_address *address,
                                                            struct str *ret);
MUST_USE enum context_store_result context_store_find_session(struct context_store *s,
                                                              const struct context_scope *scope,
                                                              struct context_session *ret);
MUST_USE enum context_store_result context_store_remove_session(struct context_store *s,
                                                                const struct context_scope *scope);

uint64_t context_store_sessions(const struct context_store *s); /* how many are kept */
