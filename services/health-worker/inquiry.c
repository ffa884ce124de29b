#include "inquiry.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_PREFIX "/v1"

struct inquiry {
    struct loop *loop;
    struct fetch *fetch;
    struct fetch_origin origin;
    char *root; /* base_url without its version, where that is asked */
    struct buf body;
    int status;
    usec_t started_at;
    inquiry_fn fn;
    void *arg;
};

/* How a dialect wants its key. Bedrock's is for signing and never shown. */
static const struct {
    const char *header, *prefix;
} keys[] = {
    [DIALECT_OPENAI] = {"authorization", "Bearer "}, [DIALECT_ANTHROPIC] = {"x-api-key", ""},
    [DIALECT_GEMINI] = {"x-goog-api-key", ""},       [DIALECT_BEDROCK] = {NULL, NULL},
    [DIALECT_OLLAMA] = {"authorization", "Bearer "},
};

static void free_inquiry(struct inquiry *i)
{
    buf_done(&i->body);
    free(i->root);
    free(i);
}

static void on_head(void *arg, struct fetch *f, int status)
{
    struct inquiry *i = arg;

    (void)f;
    i->status = status;
}

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    struct inquiry *i = arg;

    (void)f;
    if (buf_add_str(&i->body, bytes) != BUF_OK)
        buf_clear(&i->body); /* fetch keeps max_body, so this cannot be */
}

static void on_done(void *arg, struct fetch *f, enum fetch_result result)
{
    struct inquiry *i = arg;
    struct inquiry_answer answer = {
        .result = result,
        .status = i->status,
        .body = buf_str(&i->body),
        .duration = loop_now(i->loop) - i->started_at,
    };

    (void)f;
    i->fetch = NULL;
    i->fn(i->arg, &answer);
    free_inquiry(i);
}

static size_t write_headers(const struct inquiry_question *q, struct http_header *ret, char *value,
                            size_t size)
{
    const struct settings_provider *p = q->provider;
    size_t n = 0;

    ret[n++] = (struct http_header){STR("accept"), STR("application/json, text/plain;q=0.5")};
    ret[n++] = (struct http_header){STR("user-agent"), STR("health-worker/" SUITE_VERSION)};
    if (p->dialect == DIALECT_ANTHROPIC)
        ret[n++] = (struct http_header){STR("anthropic-version"), STR("2023-06-01")};
    if (!q->credential || !keys[p->dialect].header)
        return n;
    if (relatives_find(p) == VARIANT_AZURE) {
        ret[n++] = (struct http_header){STR("api-key"), str_from(q->credential)};
        return n;
    }
    snprintf(value, size, "%s%s", keys[p->dialect].prefix, q->credential);
    ret[n++] = (struct http_header){str_from(keys[p->dialect].header), str_from(value)};
    return n;
}

static char *root_of(const char *base_url)
{
    size_t n = strlen(base_url), cut = sizeof(VERSION_PREFIX) - 1;
    char *root = strdup(base_url);

    if (!root)
        abort();
    if (n > cut && strcmp(root + n - cut, VERSION_PREFIX) == 0)
        root[n - cut] = '\0';
    return root;
}

struct inquiry *inquiry_start(struct fetch_pool *fetches, struct loop *l,
                              const struct inquiry_question *q, inquiry_fn fn, void *arg)
{
    static const struct fetch_handler handler = {on_head, on_body, on_done};
    struct inquiry *i = calloc(1, sizeof(*i));
    struct http_header headers[4];
    char value[8192];

    if (!i)
        abort();
    *i = (struct inquiry){.loop = l, .started_at = loop_now(l), .fn = fn, .arg = arg};
    if (q->is_from_root)
        i->root = root_of(q->provider->base_url);
    i->origin = (struct fetch_origin){
        .base_url = i->root ? i->root : q->provider->base_url,
        .ca_file = q->provider->ca_file,
        .connect_timeout = q->provider->timeouts.connect,
        .first_byte_timeout = q->timeout,
        .idle_timeout = q->timeout,
        .total_timeout = q->timeout,
        .max_body = INQUIRY_MAX_ANSWER,
    };
    buf_init(&i->body, INQUIRY_MAX_ANSWER);
    struct fetch_request request = {
        .origin = &i->origin,
        .method = "GET",
        .path = q->path,
        .headers = headers,
        .n_headers = write_headers(q, headers, value, sizeof(value)),
    };
    i->fetch = fetch_start(fetches, &request, &handler, i);
    explicit_bzero(value, sizeof(value));
    return i;
}

void inquiry_cancel(struct inquiry **i)
{
    if (!*i)
        return;
    fetch_cancel(&(*i)->fetch);
    free_inquiry(*i);
    *i = NULL;
}
