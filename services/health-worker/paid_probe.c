#include "paid_probe.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/json_write.h"
#include "io/log.h"
#include "schedule.h"
#include "settings/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ANSWER (256u << 10)

struct paid_probe {
    struct fetch_pool *fetches;
    const struct settings_provider *provider;
    paid_probe_fn fn;
    void *arg;
    char base_url[512];
    char *key;
    struct fetch_origin origin;
    struct fetch *fetch;
    struct buf question, body;
    struct loop_timer timer;
    int status;
    bool is_of_provider; /* the answer is its, or about it */
    bool is_in_doubt;    /* the last one failed: the next comes sooner */
};

/* ---- the answer ---- */

static const struct {
    const char *code;
    enum verdict_result result;
} blames[] = {
    {"upstream_error", VERDICT_HTTP_5XX},
    {"upstream_invalid", VERDICT_INVALID},
    {"upstream_truncated", VERDICT_INVALID},
    {"upstream_timeout", VERDICT_TIMEOUT},
};

static void read_error(const struct paid_probe *p, const struct json_value *root, struct arena *a,
                       struct paid_probe_answer *ret)
{
    struct str code;

    if (!json_string(json_at(root, "error.code"), a, &code))
        code = STR("no answer of llm-proxy");
    for (size_t i = 0; i < sizeof(blames) / sizeof(blames[0]); i++) {
        if (!str_is(code, blames[i].code))
            continue;
        ret->was_made = true;
        ret->result = blames[i].result;
        return;
    }
    if (p->is_of_provider && p->status >= 400 && p->status < 500) {
        ret->was_made = true; /* its own words, passed on */
        ret->result = p->status == 429 ? VERDICT_HTTP_429 : VERDICT_HTTP_4XX;
        return;
    }
    str_copy(ret->why, sizeof(ret->why), code);
}

static void read_answer(const struct paid_probe *p, struct paid_probe_answer *ret)
{
    const struct json_value *root;
    struct arena a;
    size_t offset;

    arena_init(&a, (size_t)MAX_ANSWER * 8);
    if (json_parse(&a, buf_str(&p->body), &root, &offset) != JSON_OK)
        root = NULL;
    if (p->status == 200 && p->is_of_provider) {
        ret->was_made = true;
        ret->result =
            json_is(json_at(root, "choices.0.message"), JSON_OBJECT) ? VERDICT_OK : VERDICT_INVALID;
    } else if (p->status == 200) {
        str_copy(ret->why, sizeof(ret->why), STR("another provider has answered"));
    } else {
        read_error(p, root, &a, ret);
    }
    arena_done(&a);
}

static void on_head(void *arg, struct fetch *f, int status)
{
    struct paid_probe *p = arg;

    p->status = status;
    p->is_of_provider = str_is(fetch_header(f, "x-llm-provider"), p->provider->name);
}

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    struct paid_probe *p = arg;

    (void)f;
    if (buf_add_str(&p->body, bytes) != BUF_OK)
        buf_clear(&p->body); /* fetch keeps max_body, so this cannot be */
}

static void wait(struct paid_probe *p)
{
    uint64_t random;

    digest_random(&random, sizeof(random));
    loop_timer_start(&p->timer,
                     schedule_next(p->provider->probe.paid.interval, p->is_in_doubt, random));
}

static void on_done(void *arg, struct fetch *f, enum fetch_result result)
{
    struct paid_probe *p = arg;
    struct paid_probe_answer answer = {.was_made = false};

    (void)f;
    p->fetch = NULL;
    if (result == FETCH_OK)
        read_answer(p, &answer);
    else
        snprintf(answer.why, sizeof(answer.why), "llm-proxy: %s", fetch_result_text(result));
    p->is_in_doubt = answer.was_made && answer.result != VERDICT_OK;
    wait(p);
    p->fn(p->arg, &answer);
}

/* ---- the question ---- */

static void write_question(struct paid_probe *p)
{
    struct json_write w;

    buf_clear(&p->question);
    json_write_init(&w, &p->question);
    json_write_begin(&w, '{');
    json_write_member(&w, "model", p->provider->probe.paid.model);
    json_write_key(&w, "messages");
    json_write_begin(&w, '[');
    json_write_begin(&w, '{');
    json_write_member(&w, "role", "user");
    json_write_member(&w, "content", "Say ok.");
    json_write_end(&w, '}');
    json_write_end(&w, ']');
    json_write_member_int(&w, "max_tokens", 1);
    json_write_end(&w, '}');
    if (json_write_finish(&w) != BUF_OK)
        buf_clear(&p->question);
}

static void on_timer(void *arg)
{
    static const struct fetch_handler handler = {on_head, on_body, on_done};
    struct paid_probe *p = arg;
    char authorization[8192];
    struct http_header headers[5] = {
        {STR("content-type"), STR("application/json")},
        {STR("cache-control"), STR("no-cache, no-store")},
        {STR("user-agent"), STR("health-worker/" SUITE_VERSION)},
        {STR("x-llm-tags"), STR("probe")},
    };

    snprintf(authorization, sizeof(authorization), "Bearer %s", p->key ? p->key : "");
    headers[4] = (struct http_header){STR("authorization"), str_from(authorization)};
    buf_clear(&p->body);
    p->status = 0;
    p->is_of_provider = false;
    write_question(p);
    struct fetch_request request = {
        .origin = &p->origin,
        .method = "POST",
        .path = "/v1/chat/completions",
        .headers = headers,
        .n_headers = p->key ? 5 : 4,
        .body = {buf_str(&p->question)},
        .n_body = 1,
    };
    p->fetch = fetch_start(p->fetches, &request, &handler, p);
    explicit_bzero(authorization, sizeof(authorization));
}

/* ---- life ---- */

/* An address that means all of them is not one to go to. */
static void write_url(const struct settings *s, char *to, size_t size)
{
    const char *listen = s->proxy.listen[0], *port = strrchr(listen, ':');
    const char *scheme = s->proxy.tls_certificate ? "https" : "http";

    if (strncmp(listen, "unix:", 5) == 0)
        snprintf(to, size, "%s", listen);
    else if (strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0)
        snprintf(to, size, "%s://127.0.0.1%s", scheme, port);
    else
        snprintf(to, size, "%s://%s", scheme, listen);
}

struct paid_probe *paid_probe_new(struct fetch_pool *fetches, struct loop *l,
                                  const struct settings *s,
                                  const struct settings_provider *settings)
{
    char why[256];

    if (!settings->probe.paid.model)
        return NULL;
    struct paid_probe *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->fetches = fetches;
    p->provider = settings;
    if (settings->probe.paid.url)
        snprintf(p->base_url, sizeof(p->base_url), "%s", settings->probe.paid.url);
    else
        write_url(s, p->base_url, sizeof(p->base_url));
    if (secret_read(&settings->probe.paid.api_key, &p->key, why, sizeof(why)) < 0)
        log_warning("provider %s: paid probes have no key: %s", settings->name, why);
    /* The proxy has its own deadlines for the provider; these are for the proxy. */
    p->origin = (struct fetch_origin){
        .base_url = p->base_url,
        .connect_timeout = 5 * USEC_PER_SEC,
        .total_timeout = settings->timeouts.total + 30 * USEC_PER_SEC,
        .max_body = MAX_ANSWER,
    };
    buf_init(&p->question, 4096);
    buf_init(&p->body, MAX_ANSWER);
    loop_timer_init(&p->timer, l, on_timer, p);
    return p;
}

void paid_probe_start(struct paid_probe *p, paid_probe_fn fn, void *arg)
{
    p->fn = fn;
    p->arg = arg;
    wait(p);
}

void paid_probe_free(struct paid_probe **p)
{
    if (!*p)
        return;
    loop_timer_stop(&(*p)->timer);
    fetch_cancel(&(*p)->fetch);
    secret_free(&(*p)->key);
    buf_done(&(*p)->question);
    buf_done(&(*p)->body);
    free(*p);
    *p = NULL;
}
