#include "plan.h"

static const struct settings_model *delegate(struct plan *p, const struct snapshot *s,
                                             const struct json_value *body,
                                             const struct settings_model *m)
{
    const char *const names[] = {m->complexity.low, m->complexity.medium, m->complexity.high};
    bool is_first = !p->is_scored;

    if (is_first)
        p->complexity = complexity_score(body);
    p->is_scored = true;
    enum complexity_level level =
        complexity_cut(p->complexity.score, m->complexity.medium_at, m->complexity.high_at);
    if (is_first)
        p->level = level;
    return snapshot_find_model(s, str_from(names[level]));
}

static void add(struct plan *p, const struct settings_model *m)
{
    for (size_t i = 0; i < p->n_models; i++)
        if (p->models[i] == m)
            return;
    if (p->n_models < PLAN_MAX_MODELS)
        p->models[p->n_models++] = m;
}

static const struct settings_model *resolve(struct plan *p, const struct snapshot *s,
                                            const struct json_value *body,
                                            const struct settings_model *m)
{
    return m->strategy == STRATEGY_COMPLEXITY ? delegate(p, s, body, m) : m;
}

static void add_fallbacks(struct plan *p, const struct snapshot *s, const struct json_value *body,
                          const struct settings_model *m)
{
    for (size_t i = 0; i < m->n_fallback; i++)
        add(p, resolve(p, s, body, snapshot_find_model(s, str_from(m->fallback[i]))));
}

void plan_make(struct plan *p, const struct snapshot *s, const struct json_value *body,
               const struct settings_model *asked)
{
    *p = (struct plan){.asked = asked};
    const struct settings_model *first = resolve(p, s, body, asked);
    add(p, first);
    add_fallbacks(p, s, body, first);
    add_fallbacks(p, s, body, asked);
}

const char *plan_complexity(const struct plan *p)
{
    return p->is_scored ? complexity_level_text(p->level) : "none";
}

static int64_t output_price(const struct snapshot *s, const struct settings_target *t)
{
    const struct prices_price *p =
        prices_find(s->prices, str_from(t->provider), str_from(t->model));

    return p ? p->output : MONEY_UNKNOWN;
}

size_t plan_describe(const struct snapshot *s, const struct settings_model *m, usec_t now,
                     struct router_candidate *ret)
{
    size_t n = m->n_targets < ROUTER_MAX_TARGETS ? m->n_targets : ROUTER_MAX_TARGETS;

    for (size_t i = 0; i < n; i++) {
        const struct settings_target *t = &m->targets[i];
        struct upstream_view u = upstream_look(s->providers[t->provider_index].upstream, now);
        ret[i] = (struct router_candidate){
            .weight = t->weight,
            .is_available = u.is_available,
            .in_flight = u.in_flight,
            .latency = u.latency,
            .price = output_price(s, t),
        };
    }
    return n;
}
