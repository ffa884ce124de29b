/* fetch_trust.h -- whose certificates does a TLS upstream have to show?
 *
 * Those of a file's authorities. Reading the system's takes tens of milliseconds, so a file is read
 * once, on a thread, when it is first wanted, and again when it has changed.
 */
#pragma once

#include "io/fetch_errand.h"
#include "io/loop.h"

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/stat.h>

enum fetch_trust_result {
    FETCH_TRUST_READY = 0,
    FETCH_TRUST_WAITING, /* the waiter will be called */
    FETCH_TRUST_NONE,    /* nobody can read the file */
};

/* Wants the authorities; embedded in whoever waits. */
struct fetch_trust_waiter {
    TAILQ_ENTRY(fetch_trust_waiter) link;
    void (*fn)(void *arg, bool is_known); /* false: there are none */
    void *arg;
    struct fetch_trust *waits_for; /* NULL: does not wait */
};

struct x509_store_st;

struct fetch_trust {
    struct loop *loop;
    const char *path;
    struct x509_store_st *store; /* NULL: not read yet, or not readable */
    struct stat seen;            /* of what was read */
    usec_t checked_at;
    struct fetch_errand *errand; /* reading */
    TAILQ_HEAD(, fetch_trust_waiter) waiting;
};

void fetch_trust_init(struct fetch_trust *t, struct loop *l, const char *path); /* borrows it */
void fetch_trust_done(struct fetch_trust *t); /* nobody may wait any more */

MUST_USE enum fetch_trust_result fetch_trust_want(struct fetch_trust *t,
                                                  struct fetch_trust_waiter *w);
void fetch_trust_stop_waiting(struct fetch_trust_waiter *w);

/* Let connections of this SSL_CTX trust the file's authorities and no others. False: there are
 * none. */
MUST_USE bool fetch_trust_apply(const struct fetch_trust *t, void *ssl_ctx);
