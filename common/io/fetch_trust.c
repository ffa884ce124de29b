#include "fetch_trust.h"

#include "base/clock.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHECK_EVERY (60 * USEC_PER_SEC)
#define RETRY_AFTER USEC_PER_SEC

struct fetch_trust_file {
    LIST_ENTRY(fetch_trust_file) link;
    struct fetch_trust *owner;
    char *path;
    X509_STORE *store; /* NULL: not read yet, or not readable */
    struct stat seen;  /* of what was read */
    usec_t checked_at;
    struct fetch_errand *errand; /* reading */
    TAILQ_HEAD(, fetch_trust_waiter) waiting;
};

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
    struct fetch_trust_file *file = arg;
    struct reading *r = data;

    fetch_errand_free(&file->errand);
    file->checked_at = loop_now(file->owner->loop);
    if (r->store) {
        X509_STORE_free(file->store);
        file->store = TAKE(r->store);
        file->seen = r->seen;
    }
    for (struct fetch_trust_waiter *w; (w = TAILQ_FIRST(&file->waiting));) {
        fetch_trust_stop_waiting(w);
        w->fn(w->arg, file->store ? file : NULL);
    }
}

static int start_reading(struct fetch_trust_file *file)
{
    static const struct fetch_errand_kind kind = {run, on_read, release};
    struct reading *r = calloc(1, sizeof(*r));

    if (!r || !(r->path = strdup(file->path)))
        abort();
    return fetch_errand_start(file->owner->loop, &kind, r, file, &file->errand);
}

static struct fetch_trust_file *find_file(struct fetch_trust *t, const char *path)
{
    struct fetch_trust_file *file;

    LIST_FOREACH (file, &t->files, link)
        if (strcmp(file->path, path) == 0)
            return file;

    file = calloc(1, sizeof(*file));
    if (!file || !(file->path = strdup(path)))
        abort();
    file->owner = t;
    TAILQ_INIT(&file->waiting);
    LIST_INSERT_HEAD(&t->files, file, link);
    return file;
}

static bool has_changed(const struct fetch_trust_file *file)
{
    struct stat now;

    return stat(file->path, &now) == 0 &&
           (now.st_ino != file->seen.st_ino || now.st_size != file->seen.st_size ||
            now.st_mtim.tv_sec != file->seen.st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != file->seen.st_mtim.tv_nsec);
}

/* The old authorities serve until the new ones are read. */
static void refresh(struct fetch_trust_file *file)
{
    usec_t now = loop_now(file->owner->loop);

    if (file->errand || now - file->checked_at < CHECK_EVERY)
        return;
    file->checked_at = now;
    if (has_changed(file))
        (void)!start_reading(file); /* or in a minute */
}

void fetch_trust_init(struct fetch_trust *t, struct loop *l)
{
    t->loop = l;
    LIST_INIT(&t->files);
}

void fetch_trust_done(struct fetch_trust *t)
{
    for (struct fetch_trust_file *file; (file = LIST_FIRST(&t->files));) {
        LIST_REMOVE(file, link);
        fetch_errand_free(&file->errand);
        X509_STORE_free(file->store);
        free(file->path);
        free(file);
    }
}

enum fetch_trust_result fetch_trust_find(struct fetch_trust *t, const char *path,
                                         struct fetch_trust_waiter *w,
                                         struct fetch_trust_file **ret)
{
    struct fetch_trust_file *file = find_file(t, path);

    if (file->store) {
        refresh(file);
        *ret = file;
        return FETCH_TRUST_READY;
    }
    if (!file->errand) {
        bool is_too_soon = file->checked_at && loop_now(t->loop) - file->checked_at < RETRY_AFTER;
        if (is_too_soon || start_reading(file) < 0)
            return FETCH_TRUST_NONE;
    }
    TAILQ_INSERT_TAIL(&file->waiting, w, link);
    w->waits_for = file;
    return FETCH_TRUST_WAITING;
}

void fetch_trust_stop_waiting(struct fetch_trust_waiter *w)
{
    if (!w->waits_for)
        return;
    TAILQ_REMOVE(&w->waits_for->waiting, w, link);
    w->waits_for = NULL;
}

void fetch_trust_apply(const struct fetch_trust_file *file, void *ssl_ctx)
{
    SSL_CTX_set1_cert_store(ssl_ctx, file->store);
}
