#include "fetch_trust.h"

#include "base/clock.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_EVERY (60 * USEC_PER_SEC)
#define RETRY_AFTER USEC_PER_SEC

struct reading {
    char *path;
    X509_STORE *store;
    struct stat seen;
};

static void run(void *data)
{
    struct reading *r = data;

    if (stat(r->path, &r->seen) < 0)
        return;
    r->store = X509_STORE_new();
    if (!r->store)
        abort();
    X509_STORE_set_flags(r->store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    if (X509_STORE_load_file(r->store, r->path) != 1) {
        X509_STORE_free(r->store);
        r->store = NULL;
    }
}

static void release(void *data)
{
    struct reading *r = data;

    X509_STORE_free(r->store);
    free(r->path);
    free(r);
}

/* What cannot be read leaves what was read before. */
static void on_read(void *arg, void *data)
{
    struct fetch_trust *t = arg;
    struct reading *r = data;

    fetch_errand_free(&t->errand);
    t->checked_at = loop_now(t->loop);
    if (r->store) {
        X509_STORE_free(t->store);
        t->store = TAKE(r->store);
        t->seen = r->seen;
    }
    for (struct fetch_trust_waiter *w; (w = TAILQ_FIRST(&t->waiting));) {
        fetch_trust_stop_waiting(w);
        w->fn(w->arg, t->store != NULL);
    }
}

static int start_reading(struct fetch_trust *t)
{
    static const struct fetch_errand_kind kind = {run, on_read, release};
    struct reading *r = calloc(1, sizeof(*r));

    if (!r || !(r->path = strdup(t->path)))
        abort();
    return fetch_errand_start(t->loop, &kind, r, t, &t->errand);
}

static bool has_changed(const struct fetch_trust *t)
{
    struct stat now;

    return stat(t->path, &now) == 0 &&
           (now.st_ino != t->seen.st_ino || now.st_size != t->seen.st_size ||
            now.st_mtim.tv_sec != t->seen.st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != t->seen.st_mtim.tv_nsec);
}

/* The old authorities serve until the new ones are read. */
static void refresh(struct fetch_trust *t)
{
    usec_t now = loop_now(t->loop);

    if (t->errand || now - t->checked_at < CHECK_EVERY)
        return;
    t->checked_at = now;
    if (has_changed(t))
        (void)!start_reading(t); /* or in a minute */
}

void fetch_trust_init(struct fetch_trust *t, struct loop *l, const char *path)
{
    *t = (struct fetch_trust){.loop = l, .path = path};
    TAILQ_INIT(&t->waiting);
}

void fetch_trust_done(struct fetch_trust *t)
{
    fetch_errand_free(&t->errand);
    X509_STORE_free(t->store);
    t->store = NULL;
}

enum fetch_trust_result fetch_trust_want(struct fetch_trust *t, struct fetch_trust_waiter *w)
{
    if (t->store) {
        refresh(t);
        return FETCH_TRUST_READY;
    }
    if (!t->errand) {
        bool is_too_soon = t->checked_at && loop_now(t->loop) - t->checked_at < RETRY_AFTER;
        if (is_too_soon || start_reading(t) < 0)
            return FETCH_TRUST_NONE;
    }
    TAILQ_INSERT_TAIL(&t->waiting, w, link);
    w->waits_for = t;
    return FETCH_TRUST_WAITING;
}

void fetch_trust_stop_waiting(struct fetch_trust_waiter *w)
{
    if (!w->waits_for)
        return;
    TAILQ_REMOVE(&w->waits_for->waiting, w, link);
    w->waits_for = NULL;
}

bool fetch_trust_apply(const struct fetch_trust *t, void *ssl_ctx)
{
    if (t->store)
        SSL_CTX_set1_cert_store(ssl_ctx, t->store);
    return t->store != NULL;
}
