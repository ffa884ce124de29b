#include "probe.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ANSWER (4u << 20)

struct probe {
    struct loop *loop;
    struct fetch *fetch;
    struct fetch_origin origin;
    struct buf body;
    enum settings_dialect dialect;
    bool is_azure;
    int status;
    usec_t started_at;
    probe_fn fn;
    void *arg;
};

/* Where a dialect lists its models, for free, and how it wants the key. Without a list nothing is
 * asked and no key is shown: that it answers at all is all that there is to know. */
static const struct {
    const char *path, *auth_header, *auth_prefix, *list;
} dialects[] = {
    [DIALECT_OPENAI] = {"/models", "authorization", "Bearer ", "data"},
    [DIALECT_ANTHROPIC] = {"/models", "x-api-key", "", "data"},
    [DIALECT_GEMINI] = {"/models", "x-goog-api-key", "", "models"},
    [DIALECT_BEDROCK] = {"/", NULL, NULL, NULL},
    [DIALECT_OLLAMA] = {"/api/tags", "authorization", "Bearer ", "models"},
};

static enum verdict_result result_of_status(int status)
{
    if (status == 200)
        return VERDICT_OK;
    if (status == 401 || status == 403)
        return VERDICT_AUTH;
    if (status == 429)
        return VERDICT_HTTP_429;
    if (status >= 400 && status < 500)
        return VERDICT_HTTP_4XX;
    return status >= 500 ? VERDICT_HTTP_5XX : VERDICT_INVALID;
}

static enum verdict_result result_of_fetch(enum fetch_result r)
{
    switch (r) {
    case FETCH_OK:
        return VERDICT_OK;
    case FETCH_RESOLVE:
    case FETCH_CONNECT:
    case FETCH_RESET:
        return VERDICT_CONNECT;
    case FETCH_TLS:
        return VERDICT_TLS;
    case FETCH_CONNECT_TIMEOUT:
    case FETCH_FIRST_BYTE_TIMEOUT:
    case FETCH_IDLE_TIMEOUT:
    case FETCH_TOTAL_TIMEOUT:
        return VERDICT_TIMEOUT;
    case FETCH_INVALID:
    case FETCH_TOO_LARGE:
        return VERDICT_INVALID;
    }
    return VERDICT_INVALID;
}

/* An HTML page with status 200 is no sign of health. */
static enum verdict_result read_answer(const struct probe *p, uint32_t *ret_models)
{
    const struct json_value *root;
    struct arena a;
    size_t offset;

    arena_init(&a, MAX_ANSWER * 4);
    bool is_valid = json_parse(&a, buf_str(&p->body), &root, &offset) == JSON_OK &&
                    (json_is(root, JSON_OBJECT) || json_is(root, JSON_ARRAY));
    if (is_valid) {
        const struct json_value *list = json_get(root, dialects[p->dialect].list);
        *ret_models = json_is(list, JSON_ARRAY) ? list->n_children : 0;
    }
    arena_done(&a);
    return is_valid ? VERDICT_OK : VERDICT_INVALID;
}

static void free_probe(struct probe *p)
{
    buf_done(&p->body);
    free(p);
}

static void finish(struct probe *p, enum verdict_result result, uint32_t models)
{
    struct probe_answer answer = {
        .result = result,
        .duration = loop_now(p->loop) - p->started_at,
        .models = models,
    };
    probe_fn fn = p->fn;
    void *arg = p->arg;

    free_probe(p);
    fn(arg, &answer);
}

static void on_head(void *arg, struct fetch *f, int status)
{
    struct probe *p = arg;

    (void)f;
    p->status = status;
}

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    struct probe *p = arg;

    (void)f;
    if (buf_add_str(&p->body, bytes) != BUF_OK)
        p->status = 0; /* longer than any list of models: on_done() calls it invalid */
}

static void on_done(void *arg, struct fetch *f, enum fetch_result fetched)
{
    struct probe *p = arg;
    uint32_t models = 0;

    (void)f;
    p->fetch = NULL;
    enum verdict_result result = result_of_fetch(fetched);
    if (result == VERDICT_OK && p->status < 500 && !dialects[p->dialect].list) {
        finish(p, p->status == 0 ? VERDICT_INVALID : VERDICT_OK, 0);
        return;
    }
    if (result == VERDICT_OK)
        result = result_of_status(p->status);
    if (result == VERDICT_OK)
        result = read_answer(p, &models);
    finish(p, result, models);
}

static size_t write_headers(const struct probe *p, const char *authorization,
                            struct http_header *ret, char *value, size_t size)
{
    size_t n = 0;

    ret[n++] = (struct http_header){STR("accept"), STR("application/json")};
    ret[n++] = (struct http_header){STR("user-agent"), STR("health-worker/" SUITE_VERSION)};
    if (p->dialect == DIALECT_ANTHROPIC)
        ret[n++] = (struct http_header){STR("anthropic-version"), STR("2023-06-01")};
    if (!authorization || !dialects[p->dialect].auth_header)
        return n;
    if (p->is_azure) {
        ret[n++] = (struct http_header){STR("api-key"), str_from(authorization)};
        return n;
    }
    snprintf(value, size, "%s%s", dialects[p->dialect].auth_prefix, authorization);
    ret[n++] = (struct http_header){str_from(dialects[p->dialect].auth_header), str_from(value)};
    return n;
}

static const char *path_of(const struct settings_provider *p, char *buf, size_t size)
{
    if (p->probe.path)
        return p->probe.path;
    if (!relatives_has_deployments(p))
        return dialects[p->dialect].path;
    snprintf(buf, size, "%s?api-version=%s", dialects[p->dialect].path, relatives_api_version(p));
    return buf;
}

struct probe *probe_start(struct fetch_pool *fetches, struct loop *l,
                          const struct settings_provider *settings, const char *authorization,
                          probe_fn fn, void *arg)
{
    static const struct fetch_handler handler = {on_head, on_body, on_done};
    struct probe *p = calloc(1, sizeof(*p));
    struct http_header headers[4];
    char value[8192], path[256];

    if (!p)
        abort();
    *p = (struct probe){
        .loop = l,
        .origin =
            {
                .base_url = settings->base_url,
                .ca_file = settings->ca_file,
                .connect_timeout = settings->timeouts.connect,
                .first_byte_timeout = settings->probe.timeout,
                .idle_timeout = settings->probe.timeout,
                .total_timeout = settings->probe.timeout,
                .max_body = MAX_ANSWER,
            },
        .dialect = settings->dialect,
        .is_azure = relatives_find(settings) == VARIANT_AZURE,
        .started_at = loop_now(l),
        .fn = fn,
        .arg = arg,
    };
    buf_init(&p->body, MAX_ANSWER);
    struct fetch_request request = {
        .origin = &p->origin,
        .method = "GET",
        .path = path_of(settings, path, sizeof(path)),
        .headers = headers,
        .n_headers = write_headers(p, authorization, headers, value, sizeof(value)),
    };
    p->fetch = fetch_start(fetches, &request, &handler, p);
    explicit_bzero(value, sizeof(value));
    return p;
}

void probe_cancel(struct probe **p)
{
    if (!*p)
        return;
    fetch_cancel(&(*p)->fetch);
    free_probe(*p);
    *p = NULL;
}
