#include "fetch_site.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_EVERY    (10 * USEC_PER_SEC)
#define MAX_IDLE_AGE   (60 * USEC_PER_SEC)
#define MAX_UNUSED_AGE (300 * USEC_PER_SEC)
#define ADDRESSES_LAST (30 * USEC_PER_SEC)

static void drop_idle(struct fetch_site *site, struct fetch_connection *c)
{
    TAILQ_REMOVE(&site->idle, c, link);
    site->n_idle--;
    fetch_connection_close(&c);
}

static void free_site(struct fetch_site *site)
{
    assert(site->n_users == 0 && TAILQ_EMPTY(&site->waiting));
    while (site->n_idle > 0)
        drop_idle(site, TAILQ_FIRST(&site->idle));
    fetch_resolve_stop(&site->lookup);
    LIST_REMOVE(site, link);
    free(site->base_url);
    free(site);
}

/* Sites outlive their fetches for the sake of their connections, but not for ever: a new
 * configuration brings new ones. */
static void on_sweep(void *arg)
{
    struct fetch_sites *s = arg;
    usec_t now = loop_now(s->loop);

    for (struct fetch_site *site = LIST_FIRST(&s->sites), *after; site; site = after) {
        after = LIST_NEXT(site, link);
        for (struct fetch_connection *c;
             (c = TAILQ_LAST(&site->idle, fetch_site_idle)) && now - c->idle_at > MAX_IDLE_AGE;)
            drop_idle(site, c);
        if (site->n_users == 0 && site->n_idle == 0 && !site->lookup.errand &&
            now - site->used_at > MAX_UNUSED_AGE)
            free_site(site);
    }
    if (!LIST_EMPTY(&s->sites))
        loop_timer_start(&s->sweep, SWEEP_EVERY);
}

void fetch_site_init(struct fetch_sites *s, struct loop *l)
{
    s->loop = l;
    LIST_INIT(&s->sites);
    loop_timer_init(&s->sweep, l, on_sweep, s);
}

void fetch_site_done(struct fetch_sites *s)
{
    for (struct fetch_site *site; (site = LIST_FIRST(&s->sites));)
        free_site(site);
    loop_timer_stop(&s->sweep);
}

static void on_resolved(void *arg, const struct fetch_addresses *addresses)
{
    struct fetch_site *site = arg;

    site->addresses = *addresses;
    site->preferred = 0;
    site->expires_at = loop_now(site->owner->loop) + ADDRESSES_LAST;
    if (addresses->n == 0)
        site->expires_at = 0;

    site->n_users++; /* a waiter's callback may be its last user's */
    for (struct fetch_site_waiter *w; (w = TAILQ_FIRST(&site->waiting));) {
        fetch_site_stop_waiting(site, w);
        w->fn(w->arg, addresses->n > 0);
    }
    fetch_site_leave(&site);
}

static struct fetch_site *new_site(struct fetch_sites *s, const char *base_url, size_t len)
{
    struct fetch_site *site = calloc(1, sizeof(*site));

    if (!site || !(site->base_url = strdup(base_url)))
        abort();
    site->base_url_len = len;
    if (!fetch_url_parse((struct str){site->base_url, len}, &site->url)) {
        free(site->base_url);
        free(site);
        return NULL;
    }
    site->owner = s;
    site->lookup = (struct fetch_resolve){.fn = on_resolved, .arg = site};
    TAILQ_INIT(&site->waiting);
    TAILQ_INIT(&site->idle);
    if (site->url.socket.len > 0
            ? fetch_resolve_socket(site->url.socket, &site->addresses)
            : fetch_resolve_literal(site->url.host, site->url.port, &site->addresses))
        site->expires_at = USEC_INFINITY;
    LIST_INSERT_HEAD(&s->sites, site, link);
    if (!s->sweep.is_armed)
        loop_timer_start(&s->sweep, SWEEP_EVERY);
    return site;
}

/* Configuration names few sites: a list is searched faster than a table. */
struct fetch_site *fetch_site_enter(struct fetch_sites *s, const char *base_url)
{
    size_t len = strlen(base_url);
    struct fetch_site *site;

    LIST_FOREACH (site, &s->sites, link)
        if (site->base_url_len == len && memcmp(site->base_url, base_url, len) == 0)
            break;
    if (!site)
        site = new_site(s, base_url, len);
    if (site)
        site->n_users++;
    return site;
}

void fetch_site_leave(struct fetch_site **ref)
{
    struct fetch_site *site = TAKE(*ref);

    if (!site)
        return;
    site->n_users--;
    site->used_at = loop_now(site->owner->loop);
}

enum fetch_site_result fetch_site_resolve(struct fetch_site *site, struct fetch_site_waiter *w)
{
    if (loop_now(site->owner->loop) < site->expires_at)
        return FETCH_SITE_READY;
    if (!site->lookup.errand &&
        fetch_resolve_start(&site->lookup, site->owner->loop, site->url.host, site->url.port) < 0)
        return FETCH_SITE_UNKNOWN;
    TAILQ_INSERT_TAIL(&site->waiting, w, link);
    w->is_waiting = true;
    return FETCH_SITE_WAITING;
}

void fetch_site_stop_waiting(struct fetch_site *site, struct fetch_site_waiter *w)
{
    if (!w->is_waiting)
        return;
    TAILQ_REMOVE(&site->waiting, w, link);
    w->is_waiting = false;
}

void fetch_site_forget_addresses(struct fetch_site *site)
{
    if (site->expires_at != USEC_INFINITY)
        site->expires_at = 0;
}

/* The peer has closed, or speaks out of turn. */
static void on_idle_ready(void *arg, unsigned ready)
{
    struct fetch_connection *c = arg;

    (void)ready;
    drop_idle(c->arg, c);
}

struct fetch_connection *fetch_site_take_idle(struct fetch_site *site)
{
    struct fetch_connection *c = TAILQ_FIRST(&site->idle);

    if (c) {
        TAILQ_REMOVE(&site->idle, c, link);
        site->n_idle--;
    }
    return c;
}

void fetch_site_keep(struct fetch_site *site, struct fetch_connection *c)
{
    if (site->n_idle == FETCH_SITE_MAX_IDLE || loop_fd_want(&c->fd, LOOP_READ) < 0) {
        fetch_connection_close(&c);
        return;
    }
    c->fd.fn = on_idle_ready;
    c->fd.arg = c;
    c->arg = site;
    c->idle_at = loop_now(site->owner->loop);
    TAILQ_INSERT_HEAD(&site->idle, c, link);
    site->n_idle++;
}
