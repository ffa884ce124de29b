/* fetch_site.h -- which addresses and which idle connections does a base URL have?
 *
 * Internal to the plain client. One site per base URL, one set of them per pool. Idle connections
 * are closed when the peer closes, when they grow old, and above a ceiling.
 */
#pragma once

#include "io/fetch_connection.h"
#include "io/fetch_resolve.h"
#include "io/fetch_url.h"
#include "io/loop.h"

#include <sys/queue.h>

#define FETCH_SITE_MAX_IDLE 512u

enum fetch_site_result {
    FETCH_SITE_READY = 0,
    FETCH_SITE_WAITING, /* the waiter will be called */
    FETCH_SITE_UNKNOWN, /* nobody can be asked */
};

/* Wants the addresses; embedded in whoever waits. */
struct fetch_site_waiter {
    TAILQ_ENTRY(fetch_site_waiter) link;
    void (*fn)(void *arg, bool is_found);
    void *arg;
    bool is_waiting;
};

struct fetch_site {
    LIST_ENTRY(fetch_site) link;
    struct fetch_sites *owner;
    char *base_url;
    size_t base_url_len;
    struct fetch_url url; /* parts of base_url */
    struct fetch_addresses addresses;
    size_t preferred;  /* the address that answered last */
    usec_t expires_at; /* of the addresses; USEC_INFINITY for a literal */
    struct fetch_resolve lookup;
    TAILQ_HEAD(, fetch_site_waiter) waiting;
    TAILQ_HEAD(fetch_site_idle, fetch_connection) idle; /* the latest first */
    unsigned n_idle, n_users;
    usec_t used_at;
};

struct fetch_sites {
    struct loop *loop;
    LIST_HEAD(, fetch_site) sites;
    struct loop_timer sweep;
};

void fetch_site_init(struct fetch_sites *s, struct loop *l);
void fetch_site_done(struct fetch_sites *s); /* nobody may use or await a site any more */

/* NULL if the URL is malformed. The caller is a user of it until fetch_site_leave(). */
struct fetch_site *fetch_site_enter(struct fetch_sites *s, const char *base_url);
void fetch_site_leave(struct fetch_site **site);

/* READY: site->addresses are there. */
MUST_USE enum fetch_site_result fetch_site_resolve(struct fetch_site *site,
                                                   struct fetch_site_waiter *w);
void fetch_site_stop_waiting(struct fetch_site *site, struct fetch_site_waiter *w);
/* None of the addresses could be reached: ask again next time. */
void fetch_site_forget_addresses(struct fetch_site *site);

/* An open connection nobody uses, the most recent one; NULL: none. */
struct fetch_connection *fetch_site_take_idle(struct fetch_site *site);
/* Takes it over: for the next request, or to be closed. */
void fetch_site_keep(struct fetch_site *site, struct fetch_connection *c);
