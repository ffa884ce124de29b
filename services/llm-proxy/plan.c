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

struct prices_tokens plan_expect(const struct chat_request *chat)
{
    int64_t prompt = (int64_t)chat->prompt_tokens;

    return (struct prices_tokens){
        .input = prompt,
        .output = chat->max_tokens > 0 ? chat->max_tokens : prompt,
    };
}

static int64_t price_of(const struct plan *p, const struct snapshot *s,
                        const struct settings_target *t)
{
    return prices_cost(prices_find(s->prices, str_from(t->provider), str_from(t->model)),
                       &p->tokens);
}

uint64_t plan_session(struct str tenant, struct str session)
{
    static const uint64_t seed[2] = {0x6c6c6d2d70726f78, 0x73657373696f6e73};

    if (session.len == 0)
        return 0;
    const uint64_t of_tenant[2] = {seed[0], map_hash(seed, tenant)};
    uint64_t hash = map_hash(of_tenant, session);
    return hash != 0 ? hash : 1;
}

static uint64_t affinity(uint64_t session, const struct settings_target *t)
{
    if (session == 0)
        return 0;
    const uint64_t of_provider[2] = {session,
                                     map_hash((uint64_t[2]){session, 0}, str_from(t->provider))};
    uint64_t hash = map_hash(of_provider, str_from(t->model));
    return hash != 0 ? hash : 1;
}

size_t plan_describe(const struct plan *p, const struct snapshot *s, const struct settings_model *m,
                     usec_t now, struct router_candidate *ret, struct plan_target *ret_targets)
{
    size_t n = m->n_targets < ROUTER_MAX_TARGETS ? m->n_targets : ROUTER_MAX_TARGETS;

    for (size_t i = 0; i < n; i++) {
        const struct settings_target *t = &m->targets[i];
        struct upstream_target *target = snapshot_target(s, m, i);
        struct upstream_target_view u = upstream_look_target(target, now);
        ret[i] = (struct router_candidate){
            .weight = t->weight,
            .is_available = u.obstacle == STANDING_CLEAR,
            .is_full = u.is_full,
            .in_flight = u.in_flight,
            .elsewhere = u.elsewhere,
            .kv_cache_usage = u.kv_cache_usage,
            .latency = u.latency,
            .price = price_of(p, s, t),
            .affinity = affinity(p->session, t),
        };
        if (ret_targets)
            ret_targets[i] = (struct plan_target){target, u};
    }
    return n;
}

struct plan_choice plan_choose(enum settings_strategy strategy,
                               const struct router_candidate *candidates,
                               const struct plan_target *targets, size_t n, uint64_t random)
{
    struct router_candidate warm[ROUTER_MAX_TARGETS];
    struct plan_choice c = {router_choose(strategy, candidates, n, random), ROUTER_NONE};

    if (c.index == ROUTER_NONE || !targets[c.index].view.is_cold)
        return c;
    c.cold = c.index;
    for (size_t i = 0; i < n; i++) {
        warm[i] = candidates[i];
        warm[i].was_tried |= targets[i].view.is_cold;
    }
    size_t other = router_choose(strategy, warm, n, random);
    if (other != ROUTER_NONE)
        c.index = other;
    return c;
}
