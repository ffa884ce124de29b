#include "pulls.h"

#include "base/parse.h"
#include "health_metrics.h"
#include "io/log.h"
#include "proto/model_news.h"
#include "pull_book.h"
#include "pull_file.h"
#include "settings/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

struct pull {
    TAILQ_ENTRY(pull) link;
    struct pulls *pulls;
    int64_t id;
    char *json; /* as it was asked for */
    struct pull_request request;
    struct pull_job *job; /* while it runs */
    enum pull_state state;
    char error[256];
    uint64_t bytes, total, at_ms;
    uint64_t counted; /* of what it received */
};

struct model {
    TAILQ_ENTRY(model) link;
    char *name, *provider, *source, *path;
    char sha256[PULL_HASH_SIZE];
    uint64_t bytes, at_ms;
    bool is_verified;
};

struct pulls {
    struct pulls_tools tools;
    const struct settings *settings;
    TAILQ_HEAD(pull_list, pull) list; /* latest first */
    size_t n, n_running;
    TAILQ_HEAD(model_list, model) models; /* latest first */
    size_t n_models;
    int64_t last_id;
};

static char *copy_of(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        abort();
    return copy;
}

static bool is_over(const struct pull *p)
{
    return p->state != PULL_QUEUED && p->state != PULL_RUNNING;
}

/* ---- the catalogue ---- */

static void free_model(struct pulls *p, struct model *m)
{
    TAILQ_REMOVE(&p->models, m, link);
    p->n_models--;
    free(m->name);
    free(m->provider);
    free(m->source);
    free(m->path);
    free(m);
}

static struct model *find_model(struct pulls *p, const char *provider, const char *name)
{
    struct model *m;

    TAILQ_FOREACH (m, &p->models, link)
        if (strcmp(m->provider, provider) == 0 && strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

static void add_model(void *arg, const struct model_row *row)
{
    struct pulls *p = arg;
    struct model *m = find_model(p, row->provider, row->name);

    if (m)
        free_model(p, m);
    m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    m->name = copy_of(row->name);
    m->provider = copy_of(row->provider);
    m->source = copy_of(row->source);
    m->path = copy_of(row->path);
    str_copy(m->sha256, sizeof(m->sha256), str_from(row->sha256));
    m->bytes = row->bytes;
    m->at_ms = row->at_ms;
    m->is_verified = row->is_verified;
    TAILQ_INSERT_HEAD(&p->models, m, link);
    if (++p->n_models > PULLS_MAX_MODELS)
        free_model(p, TAILQ_LAST(&p->models, model_list));
}

/* ---- one download ---- */

static void free_pull(struct pull *e)
{
    TAILQ_REMOVE(&e->pulls->list, e, link);
    e->pulls->n--;
    pull_job_free(&e->job);
    free(e->json);
    free(e);
}

static bool make_room(struct pulls *p)
{
    struct pull *e;

    if (p->n < PULLS_MAX_LISTED)
        return true;
    for (e = TAILQ_LAST(&p->list, pull_list); e; e = TAILQ_PREV(e, pull_list, link)) {
        if (!is_over(e))
            continue;
        free_pull(e);
        return true;
    }
    return false;
}

static struct pull *add_pull(struct pulls *p, int64_t id, const struct pull_request *request)
{
    struct pull *e = calloc(1, sizeof(*e));

    if (!e)
        abort();
    e->pulls = p;
    e->id = id;
    e->request = *request;
    e->at_ms = loop_wall(p->tools.loop) / 1000;
    TAILQ_INSERT_HEAD(&p->list, e, link);
    p->n++;
    if (id > p->last_id)
        p->last_id = id;
    return e;
}

static void save(const struct pull *e, const struct model_row *model)
{
    struct pull_row row = {
        .id = e->id,
        .name = e->request.name,
        .provider = e->request.provider,
        .request = is_over(e) ? "" : e->json,
        .state = e->state,
        .error = e->error,
        .bytes = e->bytes,
        .total = e->total,
        .at_ms = e->at_ms,
    };

    pull_book_save(e->pulls->tools.store, &row, model);
}

static void look(struct pull *e)
{
    if (!e->job)
        return;
    uint64_t received = atomic_load(&e->job->received);
    e->bytes = atomic_load(&e->job->bytes);
    e->total = atomic_load(&e->job->total);
    metrics_count(e->pulls->tools.shard, METRIC_download_bytes_total,
                  (double)(received - e->counted));
    e->counted = received;
}

static void write_source(const struct pull_request *r, char *to, size_t size)
{
    struct str url = str_from(r->url), base;

    if (r->url[0] && str_cut(&url, '?', &base))
        str_copy(to, size, base);
    else
        snprintf(to, size, "provider %s", r->provider);
}

static void tell(const struct pull *e, enum model_news_kind kind, const char *sha256)
{
    char source[PULL_MAX_URL + 16];
    struct model_news n = {
        .kind = kind,
        .model = str_from(e->request.name),
        .sha256 = str_from(sha256),
        .reason = kind == MODEL_NEWS_FAILED ? str_from(e->error) : STR_EMPTY,
        .bytes = e->bytes,
    };

    write_source(&e->request, source, sizeof(source));
    n.source = str_from(source);
    e->pulls->tools.on_news(e->pulls->tools.arg, &n);
}

static void keep_model(struct pull *e, const struct pull_job *j)
{
    char source[PULL_MAX_URL + 16];
    struct model_row row = {
        .name = e->request.name,
        .provider = e->request.provider,
        .source = source,
        .path = j->path,
        .bytes = e->bytes,
        .sha256 = j->sha256,
        .is_verified = j->is_verified || e->request.provider[0],
        .at_ms = e->at_ms,
    };

    e->state = PULL_DONE;
    write_source(&e->request, source, sizeof(source));
    add_model(e->pulls, &row);
    save(e, &row);
    tell(e, MODEL_NEWS_PULLED, j->sha256);
    metrics_count(e->pulls->tools.shard, METRIC_models_downloaded_total, 1);
    if (e->request.provider[0])
        (void)!monitor_check(e->pulls->tools.monitor, str_from(e->request.provider));
    log_info("model %s is here: %.1f MiB%s", e->request.name, (double)e->bytes / 0x1p20,
             row.is_verified ? "" : "; no SHA-256 was given to compare it with");
}

/* `problem` NULL: it was not wanted any more. */
static void give_up(struct pull *e, const char *problem)
{
    e->state = problem ? PULL_FAILED : PULL_CANCELLED;
    str_copy(e->error, sizeof(e->error), problem ? str_from(problem) : STR_EMPTY);
    save(e, NULL);
    tell(e, problem ? MODEL_NEWS_FAILED : MODEL_NEWS_CANCELLED, "");
    log_warning("model %s was not fetched: %s", e->request.name,
                problem ? problem : "it was cancelled");
}

static void start_next(struct pulls *p);

static void on_end(void *arg)
{
    struct pull *e = arg;
    struct pulls *p = e->pulls;
    struct pull_job *j = TAKE(e->job);

    e->job = j;
    look(e);
    e->job = NULL;
    p->n_running--;
    e->at_ms = loop_wall(p->tools.loop) / 1000;
    if (j->state == PULL_DONE)
        keep_model(e, j);
    else
        give_up(e, j->state == PULL_CANCELLED ? NULL : j->error);
    pull_job_free(&j);
    metrics_gauge(p->tools.shard, METRIC_download_active, (double)p->n_running);
    start_next(p);
}

static const char *fill_provider(struct pulls *p, struct pull_job *j)
{
    const struct settings_provider *s = settings_find_provider(p->settings, j->request.provider);
    char why[256];

    if (!s || s->dialect != DIALECT_OLLAMA)
        return "there is no such provider with dialect ollama";
    if (!str_copy(j->base_url, sizeof(j->base_url), str_from(s->base_url)))
        return "the provider's base_url is too long";
    if (secret_read(&s->api_key, &j->credential, why, sizeof(why)) < 0)
        return "the provider's key cannot be read";
    return NULL;
}

/* Of a URL that needs one. */
static const char *fill_token(const struct settings *s, struct pull_job *j)
{
    struct pull_address a;
    char why[256];

    if (!pull_request_address(str_from(j->request.url), j->request.allows_http, &a))
        return NULL; /* it will say so itself */
    for (size_t i = 0; i < s->health.n_downloads; i++) {
        const struct settings_download *d = &s->health.downloads[i];
        if (!pull_request_is_below(&a, str_from(d->url)))
            continue;
        if (secret_read(&d->token, &j->credential, why, sizeof(why)) < 0)
            return "the token for it cannot be read";
        return str_copy(j->base_url, sizeof(j->base_url), str_from(d->url))
                   ? NULL
                   : "the url of its token is too long";
    }
    return NULL;
}

static const char *start(struct pull *e)
{
    struct pulls *p = e->pulls;
    struct pull_job *j = pull_job_new();
    const char *problem;

    j->request = e->request;
    j->reserve = p->settings->health.disk_reserve;
    str_copy(j->folder, sizeof(j->folder), str_from(p->settings->paths.models));
    problem = j->request.provider[0] ? fill_provider(p, j) : fill_token(p->settings, j);
    if (!problem && pull_job_start(j, p->tools.loop, on_end, e) < 0)
        problem = "no thread to fetch it";
    if (problem) {
        pull_job_free(&j);
        return problem;
    }
    e->job = j;
    e->state = PULL_RUNNING;
    e->counted = 0;
    p->n_running++;
    metrics_gauge(p->tools.shard, METRIC_download_active, (double)p->n_running);
    log_info("model %s is being fetched", e->request.name);
    return NULL;
}

static void start_next(struct pulls *p)
{
    struct pull *e;

    for (e = TAILQ_LAST(&p->list, pull_list); e; e = TAILQ_PREV(e, pull_list, link)) {
        if (e->state != PULL_QUEUED || p->n_running >= PULLS_MAX_RUNNING)
            continue;
        const char *problem = start(e);
        if (problem)
            give_up(e, problem);
    }
}

/* ---- asked from outside ---- */

static bool is_under_way(struct pulls *p, const struct pull_request *r)
{
    struct pull *e;

    TAILQ_FOREACH (e, &p->list, link)
        if (!is_over(e) && strcmp(e->request.name, r->name) == 0 &&
            strcmp(e->request.provider, r->provider) == 0)
            return true;
    return false;
}

static bool is_there(struct pulls *p, const struct pull_request *r)
{
    const struct model *m = r->sha256[0] ? find_model(p, "", r->name) : NULL;

    return m && m->is_verified && strcmp(m->sha256, r->sha256) == 0 && access(m->path, R_OK) == 0;
}

static struct pulls_answer refuse(int status, const char *problem)
{
    return (struct pulls_answer){.status = status, .problem = problem};
}

struct pulls_answer pulls_add(struct pulls *p, struct str json)
{
    struct pull_request request;
    const char *problem;

    if (json.len > PULL_BOOK_MAX_REQUEST)
        return refuse(400, "the request is too long");
    if (!pull_request_parse(json, &request, &problem))
        return refuse(400, problem);
    if (is_under_way(p, &request))
        return refuse(409, "it is being fetched already");
    if (is_there(p, &request))
        return (struct pulls_answer){.status = 200};
    if (request.provider[0]) {
        const struct settings_provider *s = settings_find_provider(p->settings, request.provider);
        if (!s || s->dialect != DIALECT_OLLAMA)
            return refuse(400, "there is no such provider with dialect ollama");
    }
    if (!make_room(p))
        return refuse(503, "too many downloads wait already");
    struct pull *e = add_pull(p, p->last_id + 1, &request);
    e->json = strndup(json.data, json.len);
    if (!e->json)
        abort();
    save(e, NULL);
    tell(e, MODEL_NEWS_ASKED, request.sha256);
    start_next(p);
    return (struct pulls_answer){.status = 202, .id = e->id};
}

bool pulls_cancel(struct pulls *p, struct str id)
{
    struct pull *e;
    uint64_t number;

    if (!parse_u64(id, &number))
        return false;
    TAILQ_FOREACH (e, &p->list, link)
        if ((uint64_t)e->id == number && !is_over(e)) {
            if (e->job) {
                atomic_store(&e->job->is_unwanted, true);
                pull_job_cancel(e->job);
            } else {
                give_up(e, NULL);
            }
            return true;
        }
    return false;
}

/* ---- shown ---- */

void pulls_show(struct pulls *p)
{
    struct pull *e;

    TAILQ_FOREACH (e, &p->list, link)
        look(e);
}

static void write_pull(struct json_write *w, const struct pull *e)
{
    char source[PULL_MAX_URL + 16];

    write_source(&e->request, source, sizeof(source));
    json_write_begin(w, '{');
    json_write_member_int(w, "id", e->id);
    json_write_member(w, "name", e->request.name);
    json_write_member(w, "provider", e->request.provider);
    json_write_member(w, "source", source);
    json_write_member(w, "state", pull_job_state_text(e->state));
    json_write_member(w, "error", e->error);
    json_write_member_u64(w, "bytes", e->bytes);
    json_write_key(w, "total");
    if (e->total > 0)
        json_write_u64(w, e->total);
    else
        json_write_null(w);
    json_write_member_u64(w, "at_ms", e->at_ms);
    json_write_end(w, '}');
}

static void write_model(struct json_write *w, const struct model *m)
{
    json_write_begin(w, '{');
    json_write_member(w, "name", m->name);
    json_write_member(w, "provider", m->provider);
    json_write_member(w, "source", m->source);
    json_write_member(w, "path", m->path);
    json_write_member_bool(w, "is_there", m->provider[0] || access(m->path, R_OK) == 0);
    json_write_member_u64(w, "bytes", m->bytes);
    json_write_member(w, "sha256", m->sha256);
    json_write_member_bool(w, "verified", m->is_verified);
    json_write_member_u64(w, "at_ms", m->at_ms);
    json_write_end(w, '}');
}

void pulls_write(struct pulls *p, struct json_write *w)
{
    const struct model *m;
    const struct pull *e;

    pulls_show(p);
    json_write_member(w, "folder", p->settings->paths.models);
    json_write_key(w, "models");
    json_write_begin(w, '[');
    TAILQ_FOREACH (m, &p->models, link)
        write_model(w, m);
    json_write_end(w, ']');
    json_write_key(w, "pulls");
    json_write_begin(w, '[');
    TAILQ_FOREACH (e, &p->list, link)
        write_pull(w, e);
    json_write_end(w, ']');
}

/* ---- life ---- */

static void take_up(void *arg, const struct pull_row *row)
{
    struct pulls *p = arg;
    struct pull_request request = {.url = ""};
    const char *problem;
    bool is_left =
        row->request[0] && pull_request_parse(str_from(row->request), &request, &problem);

    if (!is_left) {
        str_copy(request.name, sizeof(request.name), str_from(row->name));
        str_copy(request.provider, sizeof(request.provider), str_from(row->provider));
    }
    if (!make_room(p))
        return;
    struct pull *e = add_pull(p, row->id, &request);
    e->state = is_left ? PULL_QUEUED : row->state;
    e->json = copy_of(row->request);
    str_copy(e->error, sizeof(e->error), str_from(row->error));
    e->bytes = row->bytes;
    e->total = row->total;
    e->at_ms = row->at_ms;
}

static bool is_wanted(void *arg, struct str name)
{
    struct pulls *p = arg;
    struct pull *e;

    TAILQ_FOREACH (e, &p->list, link)
        if (e->state == PULL_QUEUED && e->request.url[0] && str_is(name, e->request.name))
            return true;
    return false;
}

void pulls_configure(struct pulls *p, const struct settings *s)
{
    bool is_first = !p->settings;

    p->settings = s;
    if (!is_first)
        return;
    pull_book_load(p->tools.store, take_up, add_model, p);
    pull_file_clean(s->paths.models, is_wanted, p);
    start_next(p);
}

struct pulls *pulls_new(const struct pulls_tools *tools)
{
    struct pulls *p = calloc(1, sizeof(*p));

    if (!p)
        abort();
    p->tools = *tools;
    TAILQ_INIT(&p->list);
    TAILQ_INIT(&p->models);
    return p;
}

void pulls_free(struct pulls **p)
{
    if (!*p)
        return;
    while (!TAILQ_EMPTY(&(*p)->list))
        free_pull(TAILQ_FIRST(&(*p)->list));
    while (!TAILQ_EMPTY(&(*p)->models))
        free_model(*p, TAILQ_FIRST(&(*p)->models));
    free(*p);
    *p = NULL;
}
