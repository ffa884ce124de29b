#include "probe.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

struct probe {
    struct inquiry *inquiry;
    enum settings_dialect dialect;
    bool has_own_path;
    probe_fn fn;
    void *arg;
};

/* Where a dialect lists its models, for free. Without a list nothing is parsed and no key is shown:
 * that it answers at all is all that there is to know. */
static const struct {
    const char *path, *list;
} dialects[] = {
    [DIALECT_OPENAI] = {"/models", "data"},     [DIALECT_ANTHROPIC] = {"/models", "data"},
    [DIALECT_GEMINI] = {"/models", "models"},   [DIALECT_BEDROCK] = {"/", NULL},
    [DIALECT_OLLAMA] = {"/api/tags", "models"},
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

static enum verdict_result result_of(enum fetch_result fetched, int status)
{
    switch (fetched) {
    case FETCH_OK:
        return result_of_status(status);
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

/* An HTML page with status 200 is no sign of health, and neither is JSON without the list that was
 * asked for (Together's is the whole answer, an old Ollama's is null). What an operator's own path
 * answers is for him to know: any JSON will do. */
static enum verdict_result read_answer(const struct probe *p, struct str body,
                                       struct probe_answer *ret, struct engine_reading *ret_engine)
{
    const struct json_value *root;
    struct arena a;
    size_t offset;

    arena_init(&a, (size_t)INQUIRY_MAX_ANSWER * 4);
    bool is_valid = json_parse(&a, body, &root, &offset) == JSON_OK &&
                    (json_is(root, JSON_OBJECT) || json_is(root, JSON_ARRAY));
    if (is_valid) {
        const struct json_value *list =
            json_is(root, JSON_ARRAY) ? root : json_get(root, dialects[p->dialect].list);
        ret->models = json_is(list, JSON_ARRAY) ? list->n_children : 0;
        is_valid = list || p->has_own_path;
        engine_read_list(list, &a, ret_engine);
    }
    arena_done(&a);
    return is_valid ? VERDICT_OK : VERDICT_INVALID;
}

static void on_answer(void *arg, const struct inquiry_answer *said)
{
    struct probe *p = arg;
    struct engine_reading engine = engine_read_none();
    struct probe_answer answer = {
        .result = result_of(said->result, said->status),
        .status = said->status,
        .duration = said->duration,
        .engine = &engine,
    };

    if (!dialects[p->dialect].list && said->result == FETCH_OK && said->status > 0 &&
        said->status < 500)
        answer.result = VERDICT_OK;
    else if (answer.result == VERDICT_OK)
        answer.result = read_answer(p, said->body, &answer, &engine);
    probe_fn fn = p->fn;
    void *to = p->arg;
    free(p);
    fn(to, &answer);
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
                          const struct settings_provider *settings, const char *credential,
                          probe_fn fn, void *arg)
{
    struct probe *p = calloc(1, sizeof(*p));
    char path[256];

    if (!p)
        abort();
    *p = (struct probe){
        .dialect = settings->dialect,
        .has_own_path = settings->probe.path != NULL,
        .fn = fn,
        .arg = arg,
    };
    struct inquiry_question q = {
        .provider = settings,
        .credential = credential,
        .path = path_of(settings, path, sizeof(path)),
        .timeout = settings->probe.timeout,
    };
    p->inquiry = inquiry_start(fetches, l, &q, on_answer, p);
    return p;
}

void probe_cancel(struct probe **p)
{
    if (!*p)
        return;
    inquiry_cancel(&(*p)->inquiry);
    free(*p);
    *p = NULL;
}
