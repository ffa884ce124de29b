#include "admin.h"
#include "io/http_answer.h"
#include "proto/health.h"
#include "proxy.h"

static const char *breaker_text(enum breaker_state s)
{
    switch (s) {
    case BREAKER_CLOSED:
        return "closed";
    case BREAKER_HALF_OPEN:
        return "half_open";
    case BREAKER_OPEN:
        return "open";
    }
    return "unknown";
}

static void write_provider(struct json_write *w, const struct snapshot_provider *p, usec_t now)
{
    struct upstream_view v = upstream_look(p->upstream, now);

    json_write_begin(w, '{');
    json_write_member(w, "name", p->settings->name);
    json_write_member(w, "dialect", catalogue_dialect_text(p->settings->dialect));
    json_write_member(w, "backend", catalogue_backend_text(p->settings->backend));
    json_write_member(w, "base_url", p->settings->base_url);
    json_write_member(w, "node", p->settings->node);
    json_write_member(w, "health", health_state_text(v.health));
    json_write_member(w, "breaker", breaker_text(v.breaker));
    json_write_member_bool(w, "available", v.is_available);
    if (v.worker != UPSTREAM_NO_WORKER)
        json_write_member(w, "worker", upstream_worker_text(v.worker));
    json_write_member_int(w, "in_flight", v.in_flight);
    json_write_member_int(w, "waiting", v.waiting);
    json_write_member_int(w, "elsewhere", v.elsewhere);
    json_write_member_int(w, "max_parallel", p->settings->max_parallel);
    json_write_member_u64(w, "retries_refused", v.repeats_refused);
    json_write_key(w, "latency_ms");
    json_write_double(w, v.latency * 1e3);
    json_write_end(w, '}');
}

void admin_status_write_providers(struct json_write *w, const struct proxy *p)
{
    json_write_begin(w, '[');
    for (size_t i = 0; i < p->snapshot->n_providers; i++)
        write_provider(w, &p->snapshot->providers[i], loop_now(p->loop));
    json_write_end(w, ']');
}

void admin_status_providers(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    struct buf out;
    struct json_write w;

    (void)tail;
    admin_answer_begin(&w, &out);
    admin_status_write_providers(&w, p);
    http_answer_written(r, 200, &w);
}

static void write_model(struct json_write *w, const struct settings_model *m)
{
    json_write_begin(w, '{');
    json_write_member(w, "name", m->name);
    json_write_member(w, "strategy", catalogue_strategy_text(m->strategy));
    json_write_member_int(w, "context_window", (int64_t)m->context_window);
    json_write_key(w, "targets");
    json_write_begin(w, '[');
    for (size_t i = 0; i < m->n_targets; i++) {
        json_write_begin(w, '{');
        json_write_member(w, "provider", m->targets[i].provider);
        json_write_member(w, "model", m->targets[i].model);
        json_write_member_int(w, "weight", m->targets[i].weight);
        json_write_end(w, '}');
    }
    json_write_end(w, ']');
    json_write_key(w, "fallback");
    json_write_begin(w, '[');
    for (size_t i = 0; i < m->n_fallback; i++)
        json_write_text(w, m->fallback[i]);
    json_write_end(w, ']');
    json_write_end(w, '}');
}

void admin_status_models(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    const struct settings *s = p->snapshot->settings;
    struct buf out;
    struct json_write w;

    (void)tail;
    admin_answer_begin(&w, &out);
    json_write_begin(&w, '[');
    for (size_t i = 0; i < s->n_models; i++)
        write_model(&w, &s->models[i]);
    json_write_end(&w, ']');
    http_answer_written(r, 200, &w);
}
