#include "summarizer.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/json_write.h"
#include "io/fetch.h"
#include "io/log.h"
#include "settings/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ASKED  (64u << 20)
#define MAX_ANSWER (1u << 20)
#define MAX_PARSED (8u << 20)
#define CONNECT    (2 * USEC_PER_SEC)
#define HEADERS    4

struct summarizer_call {
    struct summarizer *summarizer;
    struct summarizer_call *next, *previous;
    struct fetch *fetch;
    struct loop_timer patience;
    int status;
    struct buf asked, answer;
    summarizer_fn fn;
    void *arg;
};

struct summarizer {
    struct loop *loop;
    struct fetch_pool *pool;
    struct fetch_origin origin;
    char *url, *model, *authorization;
    struct summarizer_call *calls;
    unsigned n_calls;
};

/* ---- one call ---- */

static void free_call(struct summarizer_call *c)
{
    struct summarizer *s = c->summarizer;

    loop_timer_stop(&c->patience);
    fetch_cancel(&c->fetch);
    if (c->previous)
        c->previous->next = c->next;
    else
        s->calls = c->next;
    if (c->next)
        c->next->previous = c->previous;
    s->n_calls--;
    buf_done(&c->asked);
    buf_done(&c->answer);
    free(c);
}

static void end_call(struct summarizer_call *c, struct str text)
{
    if (text.len == 0)
        log_warning("no summary from %s (status %d), extracting instead", c->summarizer->url,
                    c->status);
    c->fn(c->arg, text);
    free_call(c);
}

static void on_head(void *arg, struct fetch *f, int status)
{
    struct summarizer_call *c = arg;

    (void)f;
    c->status = status;
}

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    struct summarizer_call *c = arg;

    (void)f;
    if (buf_add_str(&c->answer, bytes) != BUF_OK)
        end_call(c, STR_EMPTY);
}

static struct str read_answer(struct arena *a, struct str body)
{
    const struct json_value *root;
    struct str text;
    size_t at;

    if (json_parse(a, body, &root, &at) != JSON_OK ||
        !json_string(json_at(root, "choices.0.message.content"), a, &text))
        return STR_EMPTY;
    return text;
}

static void on_done(void *arg, struct fetch *f, enum fetch_result result)
{
    struct summarizer_call *c = arg;
    struct str text = STR_EMPTY;
    struct arena a;

    (void)f;
    c->fetch = NULL;
    arena_init(&a, MAX_PARSED);
    if (result == FETCH_OK && c->status == 200)
        text = read_answer(&a, buf_str(&c->answer));
    end_call(c, text);
    arena_done(&a);
}

static void on_patience_over(void *arg)
{
    end_call(arg, STR_EMPTY);
}

static void write_message(struct json_write *w, const char *role, struct str content)
{
    json_write_begin(w, '{');
    json_write_member(w, "role", role);
    json_write_member_str(w, "content", content);
    json_write_end(w, '}');
}

static enum buf_result write_question(const struct summarizer *s,
                                      const struct summarizer_question *q, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member(&w, "model", s->model);
    json_write_key(&w, "messages");
    json_write_begin(&w, '[');
    write_message(&w, "system", q->instructions);
    write_message(&w, "user", q->source);
    json_write_end(&w, ']');
    json_write_member_u64(&w, "max_tokens", q->max_tokens);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

static void start_fetch(struct summarizer_call *c)
{
    static const struct fetch_handler handler = {on_head, on_body, on_done};
    struct summarizer *s = c->summarizer;
    /* A summary of what is to be summarized would be asked for in turn. */
    const struct http_header headers[HEADERS] = {
        {STR("content-type"), STR("application/json")},
        {STR("user-agent"), STR("context-service/" SUITE_VERSION)},
        {STR("x-llm-context"), STR("off")},
        {STR("authorization"), str_from(s->authorization)},
    };
    const struct fetch_request request = {
        .origin = &s->origin,
        .method = "POST",
        .path = "/chat/completions",
        .headers = headers,
        .n_headers = s->authorization ? HEADERS : HEADERS - 1,
        .body = {buf_str(&c->asked)},
        .n_body = 1,
    };

    c->fetch = fetch_start(s->pool, &request, &handler, c);
}

bool summarizer_ask(struct summarizer *s, const struct summarizer_question *q, summarizer_fn fn,
                    void *arg)
{
    if (s->n_calls >= SUMMARIZER_MAX_CALLS)
        return false;
    struct summarizer_call *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    *c = (struct summarizer_call){.summarizer = s, .next = s->calls, .fn = fn, .arg = arg};
    if (c->next)
        c->next->previous = c;
    s->calls = c;
    s->n_calls++;
    buf_init(&c->asked, MAX_ASKED);
    buf_init(&c->answer, MAX_ANSWER);
    loop_timer_init(&c->patience, s->loop, on_patience_over, c);
    if (write_question(s, q, &c->asked) != BUF_OK) {
        free_call(c);
        return false;
    }
    loop_timer_start(&c->patience, q->patience);
    start_fetch(c);
    return true;
}

/* ---- all of them ---- */

static char *copy(const char *text)
{
    char *to = strdup(text);

    if (!to)
        abort();
    return to;
}

/* "https://api.example/v1/" means the same as without the slash. */
static void cut_slashes(char *url)
{
    for (size_t n = strlen(url); n > 0 && url[n - 1] == '/'; n--)
        url[n - 1] = '\0';
}

/* False when there is to be a key and it cannot be had. */
static bool read_key(struct summarizer *s, const struct settings_secret *secret)
{
    char why[256];
    CLEANUP(secret_free) char *key = NULL;

    if (secret_read(secret, &key, why, sizeof(why)) != 0) {
        log_warning("context.summarize: %s; extracting instead of summarizing", why);
        return false;
    }
    if (key && asprintf(&s->authorization, "Bearer %s", key) < 0)
        abort();
    return true;
}

struct summarizer *summarizer_new(struct loop *l, const struct settings *settings)
{
    usec_t timeout = settings->context.summarize.timeout;

    if (!settings->context.summarize.url)
        return NULL;
    CLEANUP(summarizer_free) struct summarizer *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->loop = l;
    s->url = copy(settings->context.summarize.url);
    s->model = copy(settings->context.summarize.model);
    cut_slashes(s->url);
    s->origin = (struct fetch_origin){.base_url = s->url,
                                      .connect_timeout = CONNECT < timeout ? CONNECT : timeout,
                                      .first_byte_timeout = timeout,
                                      .idle_timeout = timeout,
                                      .total_timeout = timeout,
                                      .max_body = MAX_ANSWER};
    if (!read_key(s, &settings->context.summarize.api_key) || fetch_pool_new(l, &s->pool) < 0)
        return NULL;
    return TAKE(s);
}

void summarizer_free(struct summarizer **s)
{
    struct summarizer *old = TAKE(*s);

    if (!old)
        return;
    while (old->calls)
        end_call(old->calls, STR_EMPTY);
    fetch_pool_free(&old->pool);
    secret_free(&old->authorization);
    free(old->url);
    free(old->model);
    free(old);
}

unsigned summarizer_under_way(const struct summarizer *s)
{
    return s ? s->n_calls : 0;
}
