#include "snapshot.h"

#include "base/json_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MODELS_JSON (1u << 20)

static void free_provider(struct snapshot_provider *p)
{
    credential_done(&p->credential);
}

static void free_snapshot(struct snapshot *s)
{
    for (size_t i = 0; i < s->n_providers; i++)
        free_provider(&s->providers[i]);
    free(s->providers);
    for (size_t i = 0; s->targets && s->targets[i]; i++)
        free(s->targets[i]);
    free(s->targets);
    map_done(&s->models);
    http_tls_free(&s->tls);
    prices_free(&s->prices);
    settings_free(&s->settings);
    free(s->models_json);
    free(s);
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(struct snapshot **s)
{
    struct snapshot *old = TAKE(*s);

    if (old && atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) == 1)
        free_snapshot(old);
}

static const struct dialect *dialect_of(enum settings_dialect d)
{
    switch (d) {
    case DIALECT_OPENAI:
        return &dialect_openai;
    case DIALECT_ANTHROPIC:
        return &dialect_anthropic;
    case DIALECT_GEMINI:
        return &dialect_gemini;
    case DIALECT_OLLAMA:
        return &dialect_ollama;
    case DIALECT_BEDROCK:
        return &dialect_bedrock;
    }
    return NULL;
}

static struct upstream *find_upstream(struct map *upstreams, const char *name)
{
    struct upstream *u = map_find(upstreams, str_from(name));

    return u ? u : map_add(upstreams, str_from(name), upstream_new(name));
}

static const struct settings_worker *find_worker(const struct settings *s, const char *provider)
{
    for (size_t i = 0; i < s->n_workers; i++)
        if (strcmp(s->workers[i].provider, provider) == 0)
            return &s->workers[i];
    return NULL;
}

static int add_provider(struct snapshot *s, size_t i, struct map *upstreams, char *reterr,
                        size_t reterr_size)
{
    const struct settings_provider *settings = &s->settings->providers[i];
    struct snapshot_provider *p = &s->providers[i];

    p->settings = settings;
    p->worker = find_worker(s->settings, settings->name);
    p->dialect = dialect_of(settings->dialect);
    if (!p->dialect) {
        snprintf(reterr, reterr_size, "provider '%s': dialect '%s' is not built yet",
                 settings->name, catalogue_dialect_text(settings->dialect));
        return 1;
    }
    p->origin = (struct fetch_origin){
        .base_url = settings->base_url,
        .ca_file = settings->ca_file,
        .connect_timeout = settings->timeouts.connect,
        .first_byte_timeout = settings->timeouts.first_byte,
        .idle_timeout = settings->timeouts.idle,
        .total_timeout = settings->timeouts.total,
    };
    p->upstream = find_upstream(upstreams, settings->name);
    return credential_read(&p->credential, settings, p->dialect, reterr, reterr_size);
}

static int add_providers(struct snapshot *s, struct map *upstreams, char *reterr,
                         size_t reterr_size)
{
    s->n_providers = s->settings->n_providers;
    s->providers = calloc(s->n_providers + 1, sizeof(s->providers[0]));
    if (!s->providers)
        abort();
    for (size_t i = 0; i < s->n_providers; i++) {
        int r = add_provider(s, i, upstreams, reterr, reterr_size);
        if (r != 0)
            return r;
    }
    return 0;
}

static struct upstream_target **list_targets(const struct snapshot *s,
                                             const struct settings_model *m)
{
    struct upstream_target **list = calloc(m->n_targets + 1, sizeof(list[0]));

    if (!list)
        abort();
    for (size_t i = 0; i < m->n_targets; i++)
        list[i] = upstream_target(s->providers[m->targets[i].provider_index].upstream,
                                  m->targets[i].model);
    return list;
}

static void add_targets(struct snapshot *s)
{
    s->targets = calloc(s->settings->n_models + 1, sizeof(s->targets[0]));
    if (!s->targets)
        abort();
    for (size_t i = 0; i < s->settings->n_models; i++)
        s->targets[i] = list_targets(s, &s->settings->models[i]);
}

struct upstream_target *snapshot_target(const struct snapshot *s, const struct settings_model *m,
                                        size_t i)
{
    return s->targets[m - s->settings->models][i];
}

static void add_models(struct snapshot *s)
{
    for (size_t i = 0; i < s->settings->n_models; i++) {
        struct settings_model *m = &s->settings->models[i];
        map_add(&s->models, str_from(m->name), m);
        for (size_t a = 0; a < m->n_aliases; a++)
            map_add(&s->models, str_from(m->aliases[a]), m);
    }
}

void snapshot_write_model(const struct settings_model *m, struct json_write *w)
{
    json_write_begin(w, '{');
    json_write_member(w, "id", m->name);
    json_write_member(w, "object", "model");
    json_write_member_int(w, "created", 0);
    json_write_member(w, "owned_by", "llm-proxy");
    if (m->context_window > 0)
        json_write_member_int(w, "context_window", (int64_t)m->context_window);
    json_write_end(w, '}');
}

static char *write_models(const struct snapshot *s)
{
    struct buf out;
    struct json_write w;

    buf_init(&out, MAX_MODELS_JSON);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member(&w, "object", "list");
    json_write_key(&w, "data");
    json_write_begin(&w, '[');
    for (size_t i = 0; i < s->settings->n_models; i++)
        snapshot_write_model(&s->settings->models[i], &w);
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    if (json_write_finish(&w) != BUF_OK)
        abort(); /* the configuration file is smaller than the ceiling */
    return TAKE(out.data);
}

/* Only a configuration that is going into force may change limits that traffic already obeys. */
static void configure_upstreams(struct snapshot *s)
{
    for (size_t i = 0; i < s->n_providers; i++)
        upstream_configure(s->providers[i].upstream, s->providers[i].settings);
}

static int load_certificate(struct snapshot *s, char *reterr, size_t reterr_size)
{
    const char *certificate = s->settings->proxy.tls_certificate;
    const char *key = s->settings->proxy.tls_key;

    if (!certificate)
        return 0;
    enum http_tls_result r = http_tls_new(certificate, key, &s->tls);
    const char *wrong = r == HTTP_TLS_BAD_CERTIFICATE ? certificate : key;
    struct yaml_place at;

    (void)settings_find_place(s->settings, wrong, &at);
    if (r != HTTP_TLS_OK)
        (void)yaml_tree_refuse(at, reterr, reterr_size, "proxy.tls: %s: %s", wrong,
                               http_tls_result_text(r));
    return (int)r;
}

int snapshot_new(struct settings **settings, struct map *upstreams, unsigned generation,
                 struct snapshot **ret, char *reterr, size_t reterr_size)
{
    struct snapshot *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    s->references = 1;
    s->generation = generation;
    s->settings = *settings;
    map_init(&s->models);

    int r = load_certificate(s, reterr, reterr_size);
    if (r == 0)
        r = add_providers(s, upstreams, reterr, reterr_size);
    if (r == 0)
        r = prices_new(s->settings, &s->prices, reterr, reterr_size);
    if (r != 0) {
        s->settings = NULL; /* stays the caller's */
        free_snapshot(s);
        return r;
    }
    *settings = NULL;
    add_models(s);
    add_targets(s);
    s->models_json = write_models(s);
    configure_upstreams(s);
    *ret = s;
    return 0;
}

const struct settings_model *snapshot_find_model(const struct snapshot *s, struct str name)
{
    return map_find(&s->models, name);
}
