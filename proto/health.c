#include "proto/health.h"

#include "base/json_write.h"
#include "proto/fields.h"

#include <assert.h>

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
        !fields_double(o, "latency_ms", &p.latency_ms) || !fields_u32(o, "models", &p.models))
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
    struct health_snapshot s;

    s.node = STR_EMPTY;
    s.epoch = s.sequence = s.at_ms = s.active_requests = s.n_providers = 0;
    if (!o || !fields_str(a, o, "node", &s.node) || !fields_u64(o, "epoch", &s.epoch) ||
        !fields_u64(o, "sequence", &s.sequence) || !fields_u64(o, "at_ms", &s.at_ms) ||
        !fields_u64(o, "active_requests", &s.active_requests))
        return false;
    if (!json_is(providers, JSON_ARRAY) || providers->n_children > HEALTH_MAX_PROVIDERS)
        return false;
    for (const struct json_value *p = providers->child; p; p = p->next) {
        if (!read_provider(a, p, &s.provider[s.n_providers]))
            return false;
        s.n_providers++;
    }
    *ret = s;
    return true;
}
