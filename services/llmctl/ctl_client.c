#include "ctl_client.h"

#include "base/buf.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "settings/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ANSWER (64u << 20)
#define PATIENCE   (30 * USEC_PER_SEC)

struct ctl_client {
    struct loop *loop;
    struct fetch_pool *fetches;
    struct fetch_origin origin;
    char base_url[512];
    char *authorization;
    const char *peer, *where; /* for error messages */
    struct arena arena;
    struct buf body;
    int status;
    enum fetch_result result;
};

static int read_token(struct ctl_client *c, const char *file, char *reterr, size_t reterr_size)
{
    struct settings_secret where = {.file = file};
    char *token = NULL;

    if (!file)
        return 0;
    int r = secret_read(&where, &token, reterr, reterr_size);
    if (r < 0 || !token)
        return r;
    size_t size = strlen(token) + sizeof("Bearer ");
    c->authorization = malloc(size);
    if (!c->authorization)
        abort();
    snprintf(c->authorization, size, "Bearer %s", token);
    secret_free(&token);
    return 0;
}

int ctl_client_new(const char *socket_path, const char *url, const char *token_file,
                   struct ctl_client **ret, char *reterr, size_t reterr_size)
{
    CLEANUP(ctl_client_free) struct ctl_client *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    snprintf(c->base_url, sizeof(c->base_url), "%s%s", url ? "" : "unix:",
             url           ? url
             : socket_path ? socket_path
                           : "");
    c->peer = "llm-proxy";
    c->where = url ? c->base_url : socket_path;
    c->origin = (struct fetch_origin){
        .base_url = c->base_url,
        .connect_timeout = 5 * USEC_PER_SEC,
        .total_timeout = PATIENCE,
        .max_body = MAX_ANSWER,
    };
    arena_init(&c->arena, 4 * (size_t)MAX_ANSWER);
    buf_init(&c->body, MAX_ANSWER);
    int r = read_token(c, url ? token_file : NULL, reterr, reterr_size);
    if (r == 0 && (r = loop_new(&c->loop)) == 0)
        r = fetch_pool_new(c->loop, &c->fetches);
    if (r < 0) {
        if (reterr[0] == '\0')
            snprintf(reterr, reterr_size, "%s", strerror(-r));
        return r;
    }
    *ret = TAKE(c);
    return 0;
}

void ctl_client_free(struct ctl_client **c)
{
    if (!*c)
        return;
    fetch_pool_free(&(*c)->fetches);
    loop_free(&(*c)->loop);
    secret_free(&(*c)->authorization);
    arena_done(&(*c)->arena);
    buf_done(&(*c)->body);
    free(*c);
    *c = NULL;
}

/* An address that means all of them is not one to go to. */
static void write_url(const char *listen, char *to, size_t size)
{
    const char *port = strrchr(listen, ':');

    if (strncmp(listen, "unix:", 5) == 0)
        snprintf(to, size, "%s", listen);
    else if (strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0)
        snprintf(to, size, "http://127.0.0.1%s", port);
    else
        snprintf(to, size, "http://%s", listen);
}

bool ctl_client_connect(const char *listen, const char *peer, struct ctl_client **ret)
{
    char url[512], why[512] = "";

    write_url(listen, url, sizeof(url));
    if (ctl_client_new(NULL, url, NULL, ret, why, sizeof(why)) < 0) {
        fprintf(stderr, "llmctl: %s\n", why);
        return false;
    }
    (*ret)->peer = peer;
    return true;
}

struct arena *ctl_client_arena(struct ctl_client *c)
{
    return &c->arena;
}

static void on_head(void *arg, struct fetch *f, int status)
{
    struct ctl_client *c = arg;

    (void)f;
    c->status = status;
}

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    struct ctl_client *c = arg;

    (void)f;
    if (buf_add_str(&c->body, bytes) != BUF_OK)
        c->status = 0; /* fetch keeps max_body, so this cannot be */
}

static void on_done(void *arg, struct fetch *f, enum fetch_result result)
{
    struct ctl_client *c = arg;

    (void)f;
    c->result = result;
    loop_stop(c->loop);
}

static void read_json(struct ctl_client *c, struct ctl_answer *a)
{
    size_t offset;

    if (json_parse(&c->arena, a->body, &a->json, &offset) != JSON_OK)
        a->json = NULL;
}

static bool complain(struct ctl_client *c, const struct ctl_answer *a, char *reterr, size_t size)
{
    struct str message;

    if (a->json && (json_string(json_at(a->json, "error.message"), &c->arena, &message) ||
                    json_string(json_get(a->json, "problem"), &c->arena, &message)))
        snprintf(reterr, size, "%.*s", STR_ARG(message));
    else
        snprintf(reterr, size, "%s answered with status %d", c->where, a->status);
    return false;
}

/* Of a socket's file more can be told than that it refuses. */
static const char *why_not(const struct ctl_client *c)
{
    bool is_file = c->where && c->where[0] == '/';

    if (is_file && access(c->where, W_OK) < 0)
        return errno == EACCES ? "Permission denied: it is for root and the group llm-proxy"
                               : strerror(errno);
    return fetch_result_text(c->result);
}

struct question {
    const char *method, *path;
    struct str body;
};

static bool ask(struct ctl_client *c, const struct question *q, struct ctl_answer *ret,
                char *reterr, size_t size)
{
    static const struct fetch_handler handler = {on_head, on_body, on_done};
    struct http_header headers[2] = {{STR("content-type"), STR("application/json")}};
    struct fetch_request request = {
        .origin = &c->origin,
        .method = q->method,
        .path = q->path,
        .headers = headers,
        .n_headers = 1,
        .body = {q->body},
        .n_body = q->body.len > 0,
    };

    if (c->authorization)
        headers[request.n_headers++] =
            (struct http_header){STR("authorization"), str_from(c->authorization)};
    buf_clear(&c->body);
    c->status = 0;
    fetch_start(c->fetches, &request, &handler, c);
    loop_run(c->loop);
    if (c->result != FETCH_OK) {
        snprintf(reterr, size, "cannot reach %s at %s: %s", c->peer, c->where, why_not(c));
        return false;
    }
    const char *copy = arena_copy(&c->arena, buf_str(&c->body));
    *ret = (struct ctl_answer){.status = c->status, .body = {copy, c->body.len}};
    if (!copy) {
        snprintf(reterr, size, "the answer is too large");
        return false;
    }
    read_json(c, ret);
    return (ret->status >= 200 && ret->status < 300) || complain(c, ret, reterr, size);
}

bool ctl_client_ask(struct ctl_client *c, const char *method, const char *path, struct str body,
                    struct ctl_answer *ret)
{
    const struct question q = {method, path, body};
    char why[1024];
    bool is_good = ask(c, &q, ret, why, sizeof(why));

    if (!is_good)
        fprintf(stderr, "llmctl: %s\n", why);
    return is_good;
}

bool ctl_client_try(struct ctl_client *c, const char *path, struct ctl_answer *ret, char *reterr,
                    size_t reterr_size)
{
    const struct question q = {"GET", path, STR_EMPTY};

    return ask(c, &q, ret, reterr, reterr_size);
}

void ctl_client_forget(struct ctl_client *c)
{
    arena_clear(&c->arena);
}
