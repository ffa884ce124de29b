/* fetch_connection.h -- how is a TCP connection to one of several addresses had?
 *
 * Internal to the plain client. The addresses are tried in turn; one that neither accepts nor
 * refuses yields to the next after a while, the last has all the time there is.
 */
#pragma once

#include "io/fetch_resolve.h"
#include "io/loop.h"

#include <sys/queue.h>

enum fetch_connection_result { FETCH_CONNECTION_OPEN = 0, FETCH_CONNECTION_OPENING };

/* Once: 0, or -errno of the last address. */
typedef void (*fetch_connection_fn)(void *arg, int error);

struct fetch_connection {
    struct loop_fd fd;                  /* whoever has the open connection sets fn and arg */
    TAILQ_ENTRY(fetch_connection) link; /* while idle: its site's */
    usec_t idle_at;
    fetch_connection_fn fn;
    void *arg;
    struct loop_timer timer;
    struct fetch_addresses addresses;
    size_t first, n_tried; /* where the next fetch had better begin is fetch_connection_address() */
};

/* Starts with address `first`. Returns an outcome or -errno; `fn` is called only after OPENING.
 * The connection itself is had in every case and must be closed. */
MUST_USE int fetch_connection_new(struct loop *l, const struct fetch_addresses *addresses,
                                  size_t first, struct fetch_connection **ret);
void fetch_connection_on_open(struct fetch_connection *c, fetch_connection_fn fn, void *arg);
void fetch_connection_close(struct fetch_connection **c);

/* Which of the addresses it is, or was last tried. */
size_t fetch_connection_address(const struct fetch_connection *c);
