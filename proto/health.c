#include "proto/health.h"

#include "proto/fields.h"

#include <assert.h>
#include <math.h>

static const char *const state_texts[] = {
    [HEALTH_UNKNOWN] = "unknown",       [HEALTH_DOWN] = "down",
    [HEALTH_DEGRADED] = "degraded",     [HEALTH_HEALTHY] = "healthy",
    [HEALTH_RECOVERING] = "recovering",
};

const char *health_state_text(enum health_state s)
{
    return state_texts[s];
}

bool health_state_parse(struct str text, enum health_state *ret)
{
    for (unsigned s = 0; s < sizeof(state_texts) / sizeof(state_texts[0]); s++) {
        if (str_is(text, state_texts[s])) {
            *ret = (enum health_state)s;
            return true;
        }
    }
    return false;
}

struct health_engine health_engine_none(void)
{
    return (struct health_engine){
        .kind = STR_EMPTY,
        .running = NAN,
        .waiting = NAN,
        .kv_cache_usage = NAN,
        .loaded = NAN,
    };
}

static void write_number(struct json_write *w, const char *key, double value)
{
    if (isnan(value))
        return;
    json_write_key(w, key);
    json_write_double(w, value);
}

void health_write_engine(struct json_write *w, const struct health_engine *e)
{
    if (e->kind.len == 0)
        return;
    json_write_key(w, "engine");
    json_write_begin(w, '{');
    json_write_member_str(w, "kind", e->kind);
    json_write_member_u64(w, "at_ms", e->at_ms);
    write_number(w, "requests_running", e->running);
    write_number(w, "requests_waiting", e->waiting);
    write_number(w, "kv_cache_usage_ratio", e->kv_cache_usage);
    write_number(w, "models_loaded", e->loaded);
    if (e->context_length > 0)
        json_write_member_u64(w, "context_length", e->context_length);
    json_write_key(w, "models");
    json_write_begin(w, '[');
    for (size_t i = 0; i < e->n_models; i++)
        json_write_str(w, e->model[i]);
    json_write_end(w, ']');
    json_write_end(w, '}');
}

static void write_provider(struct json_write *w, const struct health_provider *p)
{
    json_write_begin(w, '{');
    json_write_member_str(w, "name", p->name);
    json_write_member(w, "state", health_state_text(p->state));
    json_write_member_str(w, "reason", p->reason);
    json_write_member_u64(w, "since_ms", p->since_ms);
    json_write_member_u64(w, "last_success_ms", p->last_success_ms);
    json_write_member_u64(w, "consecutive_failures", p->consecutive_failures);
    json_write_key(w, "latency_ms");
    json_write_double(w, p->latency_ms);
    json_write_member_u64(w, "models", p->models);
    health_write_engine(w, &p->engine);
    json_write_end(w, '}');
}

enum buf_result health_encode(const struct health_snapshot *s, struct buf *out)
{
    struct json_write w;

    assert(s->n_providers <= HEALTH_MAX_PROVIDERS);
    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "node", s->node);
    json_write_member_u64(&w, "epoch", s->epoch);
    json_write_member_u64(&w, "sequence", s->sequence);
    json_write_member_u64(&w, "at_ms", s->at_ms);
    json_write_member_u64(&w, "active_requests", s->active_requests);
    json_write_key(&w, "providers");
    json_write_begin(&w, '[');
    for (size_t i = 0; i < s->n_providers; i++)
        write_provider(&w, &s->provider[i]);
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

static bool read_models(struct arena *a, const struct json_value *list, struct health_engine *e)
{
    if (!list || json_is(list, JSON_NULL))
        return true;
    if (!json_is(list, JSON_ARRAY) || list->n_children > HEALTH_MAX_LOADED)
        return false;
    for (const struct json_value *v = list->child; v; v = v->next)
        if (!json_string(v, a, &e->model[e->n_models++]))
            return false;
    return true;
}

static bool read_engine(struct arena *a, const struct json_value *o, struct health_engine *ret)
{
    struct health_engine e = health_engine_none();

    *ret = e;
    if (!o || json_is(o, JSON_NULL))
        return true;
    if (!json_is(o, JSON_OBJECT) || !fields_str(a, o, "kind", &e.kind) ||
        !fields_u64(o, "at_ms", &e.at_ms) || !fields_double(o, "requests_running", &e.running) ||
        !fields_double(o, "requests_waiting", &e.waiting) ||
        !fields_double(o, "kv_cache_usage_ratio", &e.kv_cache_usage) ||
        !fields_double(o, "models_loaded", &e.loaded) ||
        !fields_u64(o, "context_length", &e.context_length) ||
        !read_models(a, json_get(o, "models"), &e))
        return false;
    *ret = e;
    return true;
}

/* A state that a newer publisher knows and we do not is HEALTH_UNKNOWN. */
static bool read_provider(struct arena *a, const struct json_value *o, struct health_provider *ret)
{
    struct health_provider p = {.name = STR_EMPTY, .reason = STR_EMPTY};
    struct str state = STR_EMPTY;

    if (!json_is(o, JSON_OBJECT) || !fields_str(a, o, "name", &p.name) ||
        !fields_str(a, o, "state", &state) || !fields_str(a, o, "reason", &p.reason) ||
        !fields_u64(o, "since_ms", &p.since_ms) ||
        !fields_u64(o, "last_success_ms", &p.last_success_ms) ||
        !fields_u32(o, "consecutive_failures", &p.consecutive_failures) ||
        !fields_double(o, "latency_ms", &p.latency_ms) || !fields_u32(o, "models", &p.models) ||
        !read_engine(a, json_get(o, "engine"), &p.engine))
        return false;
    if (p.name.len == 0 || state.len == 0)
        return false;
    if (!health_state_parse(state, &p.state))
        p.state = HEALTH_UNKNOWN;
    *ret = p;
    return true;
}

bool health_decode(struct arena *a, struct str json, struct health_snapshot *ret)
{
    const struct json_value *o = fields_parse(a, json);
    const struct json_value *providers = json_get(o, "providers");
    size_t n = 0;

    ret->node = STR_EMPTY;
    ret->epoch = ret->sequence = ret->at_ms = ret->active_requests = ret->n_providers = 0;
    if (!o || !fields_str(a, o, "node", &ret->node) || !fields_u64(o, "epoch", &ret->epoch) ||
        !fields_u64(o, "sequence", &ret->sequence) || !fields_u64(o, "at_ms", &ret->at_ms) ||
        !fields_u64(o, "active_requests", &ret->active_requests))
        return false;
    if (!json_is(providers, JSON_ARRAY) || providers->n_children > HEALTH_MAX_PROVIDERS)
        return false;
    for (const struct json_value *p = providers->child; p; p = p->next)
        if (!read_provider(a, p, &ret->provider[n++]))
            return false;
    ret->n_providers = n;
    return true;
}
