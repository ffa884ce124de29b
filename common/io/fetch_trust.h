/* fetch_trust.h -- whose certificates does a TLS upstream have to show?
 *
 * Reading the system's authorities takes tens of milliseconds, so each file is read once for a
 * pool, on a thread, and again when it has changed.
 */
#pragma once

#include "io/fetch_errand.h"
#include "io/loop.h"

#include <sys/queue.h>

enum fetch_trust_result {
    FETCH_TRUST_READY = 0,
    FETCH_TRUST_WAITING, /* the waiter will be called */
    FETCH_TRUST_NONE,    /* nobody can read the file */
};

struct fetch_trust_file;

/* Wants the authorities; embedded in whoever waits. */
struct fetch_trust_waiter {
    TAILQ_ENTRY(fetch_trust_waiter) link;
    void (*fn)(void *arg, struct fetch_trust_file *file); /* NULL: there are none */
    void *arg;
    struct fetch_trust_file *waits_for; /* NULL: does not wait */
};

struct fetch_trust {
    struct loop *loop;
    LIST_HEAD(, fetch_trust_file) files;
};

void fetch_trust_init(struct fetch_trust *t, struct loop *l);
void fetch_trust_done(struct fetch_trust *t); /* nobody may wait any more */

/* READY: *ret is the file, borrowed for as long as `t` lives. */
MUST_USE enum fetch_trust_result fetch_trust_find(struct fetch_trust *t, const char *path,
                                                  struct fetch_trust_waiter *w,
                                                  struct fetch_trust_file **ret);
void fetch_trust_stop_waiting(struct fetch_trust_waiter *w);

/* Let connections of this SSL_CTX trust the file's authorities and no others. */
void fetch_trust_apply(const struct fetch_trust_file *file, void *ssl_ctx);
