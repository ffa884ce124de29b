#include "pull_ollama.h"

#include "base/json_write.h"
#include "base/ndjson.h"
#include "io/fetch.h"
#include "pull_layers.h"

#include <stdio.h>
#include <string.h>

#define MAX_LINE  (64u << 10)
#define MAX_TRIES 8
#define FIRST     (200 * USEC_PER_MSEC)
#define SILENCE   (600 * USEC_PER_SEC) /* while it checks what it has it says nothing */

struct pull {
    struct pull_job *job;
    struct fetch_pool *fetches;
    struct fetch *fetch;
    struct fetch_origin origin;
    struct ndjson_parser lines;
    struct pull_layers layers;
    struct buf body;
    struct loop_timer timer;
    char credential[8192]; /* as a header's value */
    bool has_parser;
    int status;
    unsigned tries;
};

static bool on_line(void *arg, struct str line)
{
    struct pull *p = arg;
    uint64_t before = p->layers.completed;

    switch (pull_layers_feed(&p->layers, line)) {
    case PULL_LAYERS_MORE:
        break;
    case PULL_LAYERS_SUCCESS:
        pull_job_succeed(p->job);
        return false;
    case PULL_LAYERS_ERROR:
        pull_job_fail(p->job, "%s says: %s", p->job->request.provider, p->layers.error);
        return false;
    case PULL_LAYERS_INVALID:
        pull_job_fail(p->job, "%s does not answer as an Ollama does", p->job->request.provider);
        return false;
    }
    atomic_store(&p->job->bytes, p->layers.completed);
    atomic_store(&p->job->total, p->layers.total);
    if (p->layers.completed > before) {
        atomic_fetch_add(&p->job->received, p->layers.completed - before);
        p->tries = 0;
    }
    return true;
}

static void on_head(void *arg, struct fetch *f, int status)
{
    struct pull *p = arg;

    (void)f;
    p->status = status;
}

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    struct pull *p = arg;

    (void)f;
    if (p->job->state != PULL_RUNNING)
        return;
    if (ndjson_feed(&p->lines, bytes.data, bytes.len) == NDJSON_TOO_LONG)
        pull_job_fail(p->job, "%s sends a line over %u bytes", p->job->request.provider, MAX_LINE);
}

static void on_done(void *arg, struct fetch *f, enum fetch_result result)
{
    struct pull *p = arg;
    usec_t wait = FIRST << p->tries;

    (void)f;
    p->fetch = NULL;
    if (p->job->state == PULL_RUNNING && result == FETCH_OK)
        (void)!ndjson_end(&p->lines);
    if (p->job->state != PULL_RUNNING)
        return;
    if (p->status >= 400 && p->status < 500) {
        pull_job_fail(p->job, "%s answers with status %d", p->job->request.provider, p->status);
        return;
    }
    if (++p->tries > MAX_TRIES) {
        pull_job_fail(p->job, "%s",
                      result == FETCH_OK ? "it ends before it is done" : fetch_result_text(result));
        return;
    }
    loop_timer_start(&p->timer, wait);
}

static void ask(struct pull *p)
{
    static const struct fetch_handler handler = {on_head, on_body, on_done};
    struct http_header headers[2] = {{STR("content-type"), STR("application/json")},
                                     {STR("authorization"), str_from(p->credential)}};
    struct fetch_request request = {
        .origin = &p->origin,
        .method = "POST",
        .path = "/api/pull",
        .headers = headers,
        .n_headers = p->credential[0] ? 2 : 1,
        .body = {buf_str(&p->body)},
        .n_body = 1,
    };

    if (p->has_parser)
        ndjson_done(&p->lines);
    ndjson_init(&p->lines, MAX_LINE, on_line, p);
    p->has_parser = true;
    p->status = 0;
    p->fetch = fetch_start(p->fetches, &request, &handler, p);
}

static void on_timer(void *arg)
{
    ask(arg);
}

static void write_body(struct pull *p)
{
    struct json_write w;

    json_write_init(&w, &p->body);
    json_write_begin(&w, '{');
    json_write_member(&w, "model", p->job->request.name);
    json_write_member_bool(&w, "stream", true);
    json_write_end(&w, '}');
    if (json_write_finish(&w) != BUF_OK)
        buf_clear(&p->body);
}

void pull_ollama_run(struct pull_job *j)
{
    struct pull p = {.job = j};

    p.origin = (struct fetch_origin){
        .base_url = j->base_url,
        .connect_timeout = 10 * USEC_PER_SEC,
        .first_byte_timeout = SILENCE,
        .idle_timeout = SILENCE,
    };
    buf_init(&p.body, 4096);
    write_body(&p);
    if (j->credential)
        snprintf(p.credential, sizeof(p.credential), "Bearer %s", j->credential);
    loop_timer_init(&p.timer, j->loop, on_timer, &p);
    int r = fetch_pool_new(j->loop, &p.fetches);
    if (r < 0) {
        pull_job_fail(j, "no connection can be made: %s", strerror(-r));
    } else {
        ask(&p);
        loop_run(j->loop);
    }
    loop_timer_stop(&p.timer);
    fetch_pool_free(&p.fetches);
    if (p.has_parser)
        ndjson_done(&p.lines);
    explicit_bzero(p.credential, sizeof(p.credential));
    buf_done(&p.body);
}
