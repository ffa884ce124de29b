#include "settings/settings_files.h"

#include "io/http_tls.h"
#include "settings/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { SECRET, PRIVATE_KEY, PUBLIC };

/* Asked of each file; not 0 ends it. */
struct question {
    const struct settings *s;
    int (*fn)(const struct question *q, const char *path, enum kind kind);
    char *reterr;
    size_t reterr_size;
    settings_files_fn tell;
};

static int ask(const struct question *q, const char *path, enum kind kind)
{
    return path ? q->fn(q, path, kind) : 0;
}

static int ask_of_provider(const struct question *q, const struct settings_provider *p)
{
    int r = ask(q, p->api_key.file, SECRET);

    if (r == 0)
        r = ask(q, p->probe.paid.api_key.file, SECRET);
    return r ? r : ask(q, p->ca_file, PUBLIC);
}

static int ask_of_all(const struct question *q)
{
    const struct settings *s = q->s;
    struct yaml_place at;
    int r = ask(q, s->proxy.tls_certificate, PUBLIC);

    if (r == 0)
        r = ask(q, s->proxy.tls_key, PRIVATE_KEY);
    for (size_t i = 0; r == 0 && i < s->n_providers; i++)
        r = ask_of_provider(q, &s->providers[i]);
    if (r == 0 && settings_find_place(s, s->prices.file, &at)) /* ours may be missing */
        r = ask(q, s->prices.file, PUBLIC);
    if (r == 0)
        r = ask(q, s->context.summarize.api_key.file, SECRET);
    for (size_t i = 0; r == 0 && i < s->health.n_downloads; i++)
        r = ask(q, s->health.downloads[i].token.file, SECRET);
    return r ? r : ask(q, s->curve.secret_file, SECRET);
}

/* ---- can it be read? ---- */

static int refuse(const struct question *q, const char *path, const char *why)
{
    struct yaml_place at;

    (void)settings_find_place(q->s, path, &at);
    return yaml_tree_refuse(at, q->reterr, q->reterr_size, "%s", why);
}

static int refuse_file(const struct question *q, const char *path, int error)
{
    char why[512];

    snprintf(why, sizeof(why), "file %s: %s", path, strerror(error));
    return refuse(q, path, why);
}

static int try_secret(const struct question *q, const char *path)
{
    const struct settings_secret where = {.file = path};
    char *secret = NULL, why[512];
    int r = secret_read(&where, &secret, why, sizeof(why));

    secret_free(&secret);
    return r < 0 ? refuse(q, path, why) : 0;
}

static int try_file(const struct question *q, const char *path)
{
    struct stat st;

    if (access(path, R_OK) < 0 || stat(path, &st) < 0)
        return refuse_file(q, path, errno);
    return S_ISDIR(st.st_mode) ? refuse_file(q, path, EISDIR) : 0;
}

static int try_one(const struct question *q, const char *path, enum kind kind)
{
    return kind == SECRET ? try_secret(q, path) : try_file(q, path);
}

static int try_pair(const struct question *q)
{
    const char *certificate = q->s->proxy.tls_certificate, *key = q->s->proxy.tls_key;
    struct http_tls *tls = NULL;

    if (!certificate)
        return 0;
    enum http_tls_result r = http_tls_new(certificate, key, &tls);
    http_tls_free(&tls);
    return r == HTTP_TLS_OK ? 0
                            : refuse(q, r == HTTP_TLS_BAD_CERTIFICATE ? certificate : key,
                                     http_tls_result_text(r));
}

int settings_files_check(const struct settings *s, char *reterr, size_t reterr_size)
{
    const struct question q = {s, try_one, reterr, reterr_size, NULL};
    int r = ask_of_all(&q);

    return r ? r : try_pair(&q);
}

/* ---- can others read it? ---- */

static int look_at_mode(const struct question *q, const char *path, enum kind kind)
{
    struct yaml_place at;
    char text[2048];
    struct stat st;

    if (kind == PUBLIC || stat(path, &st) < 0 || !(st.st_mode & S_IROTH))
        return 0;
    (void)settings_find_place(q->s, path, &at);
    snprintf(text, sizeof(text),
             "%s:%u:%u: every user of this machine can read the secret in %s: chmod o-rwx it",
             at.name, at.line, at.column, path);
    q->tell(text);
    return 0;
}

void settings_files_find_exposed(const struct settings *s, settings_files_fn fn)
{
    const struct question q = {.s = s, .fn = look_at_mode, .tell = fn};

    (void)ask_of_all(&q);
}
