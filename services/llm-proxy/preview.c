#include "preview.h"

#include "base/json_write.h"
#include "base/money.h"
#include "inbound.h"
#include "plan.h"
#include "refusal.h"

#include <inttypes.h>

#define MAX_ARENA   (96u << 20)
#define MAX_REASONS 256

struct decision {
    struct arena arena;
    struct chat_request chat;
    struct plan plan;
    const struct settings_model *model;   /* NULL: nothing can be tried */
    const struct settings_target *target; /* likewise */
    const char *reasons[MAX_REASONS];
    size_t n_reasons;
};

static void add_reason(struct decision *d, const char *text)
{
    if (text && d->n_reasons < MAX_REASONS)
        d->reasons[d->n_reasons++] = text;
}

static int refuse(enum refusal refusal, const char *message, const char *param, struct buf *out)
{
    if (refusal_write(refusal, message, param, out) != BUF_OK)
        buf_clear(out);
    return refusal_status(refusal);
}

static void explain_complexity(struct decision *d)
{
    const struct plan *p = &d->plan;

    if (!p->is_scored)
        return;
    add_reason(d, arena_printf(&d->arena, "the prompt scores %.2f: %s", p->complexity.score,
                               plan_complexity(p)));
    if (p->models[0] != p->asked)
        add_reason(d, arena_printf(&d->arena, "'%s' delegates %s prompts to '%s'", p->asked->name,
                                   plan_complexity(p), p->models[0]->name));
}

static void explain_target(struct decision *d, const struct settings_target *t, const char *what)
{
    add_reason(d, arena_printf(&d->arena, "%s/%s %s", t->provider, t->model, what));
}

static void explain_obstacle(struct decision *d, const struct settings_target *t,
                             const struct upstream_target_view *v)
{
    const char *what = standing_obstacle_text(v->obstacle);

    if (v->is_cold)
        explain_target(d, t, "is a local worker that would have to be started");
    else if (v->obstacle == STANDING_CLEAR && v->is_full)
        explain_target(d, t, "has no free place");
    else if (v->obstacle != STANDING_CLEAR && v->wait > 0)
        explain_target(d, t,
                       arena_printf(&d->arena, "%s, for %.1f s", what,
                                    (double)v->wait / (double)USEC_PER_SEC));
    else if (v->obstacle != STANDING_CLEAR)
        explain_target(d, t, what);
}

/* What the strategy looked at. */
static void explain_candidate(struct decision *d, const struct settings_target *t,
                              enum settings_strategy strategy, const struct router_candidate *c)
{
    char price[32];

    switch (strategy) {
    case STRATEGY_PRIORITY:
    case STRATEGY_COMPLEXITY:
        return;
    case STRATEGY_WEIGHTED:
        explain_target(d, t, arena_printf(&d->arena, "has weight %" PRIu32, c->weight));
        return;
    case STRATEGY_LATENCY:
        explain_target(d, t,
                       c->latency > 0
                           ? arena_printf(&d->arena,
                                          "takes %.3f s, %" PRIu32 " under way, weight %" PRIu32,
                                          c->latency, c->in_flight, c->weight)
                           : "has not been timed yet");
        return;
    case STRATEGY_LEAST_BUSY:
        explain_target(d, t,
                       c->elsewhere > 0
                           ? arena_printf(&d->arena,
                                          "has %" PRIu32 " under way and %" PRIu32
                                          " of others, weight %" PRIu32,
                                          c->in_flight, c->elsewhere, c->weight)
                           : arena_printf(&d->arena, "has %" PRIu32 " under way, weight %" PRIu32,
                                          c->in_flight, c->weight));
        return;
    case STRATEGY_COST:
        if (c->price != MONEY_UNKNOWN)
            money_format(c->price, price);
        explain_target(d, t,
                       c->price == MONEY_UNKNOWN
                           ? "has no known price"
                           : arena_printf(&d->arena, "would cost about %s USD", price));
        return;
    }
}

static const char *rule_of(enum settings_strategy strategy)
{
    switch (strategy) {
    case STRATEGY_PRIORITY:
    case STRATEGY_COMPLEXITY:
        return "the first in order";
    case STRATEGY_WEIGHTED:
        return "drawn by weight";
    case STRATEGY_LATENCY:
        return "the faster of two that were drawn";
    case STRATEGY_LEAST_BUSY:
        return "the fewest under way for its weight";
    case STRATEGY_COST:
        return "the cheapest";
    }
    return "";
}

static void explain_choice(struct decision *d, const char *why)
{
    explain_target(d, d->target,
                   arena_printf(&d->arena, "is the choice of '%s' by strategy %s: %s",
                                d->model->name, catalogue_strategy_text(d->model->strategy), why));
}

/* The first model of the plan with a target that can be tried. */
static void choose(struct decision *d, const struct preview *p)
{
    struct router_candidate candidates[ROUTER_MAX_TARGETS];
    struct plan_target targets[ROUTER_MAX_TARGETS];

    for (size_t i = 0; i < d->plan.n_models && !d->target; i++) {
        const struct settings_model *m = d->plan.models[i];
        size_t n = plan_describe(&d->plan, p->snapshot, m, p->now, candidates, targets);
        size_t chosen = plan_choose(m->strategy, candidates, targets, n, p->random).index;
        for (size_t t = 0; t < n; t++) {
            explain_obstacle(d, &m->targets[t], &targets[t].view);
            if (candidates[t].is_available)
                explain_candidate(d, &m->targets[t], m->strategy, &candidates[t]);
        }
        if (chosen == ROUTER_NONE)
            continue;
        d->model = m;
        d->target = &m->targets[chosen];
        explain_choice(d, router_is_sticky(m->strategy, candidates, n)
                              ? "where its session is at home"
                              : rule_of(m->strategy));
    }
    if (!d->target)
        add_reason(d, "nothing is left to try");
}

static void explain_window(struct decision *d)
{
    if (d->model && d->model->context_window > 0 &&
        d->chat.prompt_tokens > d->model->context_window)
        add_reason(d, arena_printf(&d->arena,
                                   "the prompt is longer than the window of '%s' (%" PRIu64
                                   " tokens): it has to be condensed",
                                   d->model->name, d->model->context_window));
}

/* The prompt and, when max_tokens says how much, the longest answer. */
static void write_cost(const struct decision *d, const struct preview *p, struct json_write *w)
{
    struct prices_tokens tokens = {(int64_t)d->chat.prompt_tokens, d->chat.max_tokens, 0, 0, 0};
    int64_t nano = MONEY_UNKNOWN;
    char text[32];

    if (d->target)
        nano = prices_cost(prices_find(p->snapshot->prices, str_from(d->target->provider),
                                       str_from(d->target->model)),
                           &tokens);
    json_write_key(w, "estimated_cost_usd");
    if (nano == MONEY_UNKNOWN) {
        json_write_null(w);
        return;
    }
    money_format(nano, text);
    json_write_raw(w, str_from(text));
}

static void write_complexity(const struct plan *p, struct json_write *w)
{
    json_write_key(w, "complexity");
    if (!p->is_scored) {
        json_write_null(w);
        return;
    }
    json_write_begin(w, '{');
    json_write_key(w, "score");
    json_write_double(w, p->complexity.score);
    json_write_member(w, "level", plan_complexity(p));
    json_write_key(w, "parts");
    json_write_begin(w, '{');
    for (unsigned i = 0; i < COMPLEXITY_PARTS; i++) {
        json_write_key(w, complexity_part_text(i));
        json_write_double(w, p->complexity.parts[i]);
    }
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static const char *backend_text(const struct decision *d, const struct preview *p)
{
    if (!d->target)
        return NULL;
    return catalogue_backend_text(
        p->snapshot->providers[d->target->provider_index].settings->backend);
}

static void write_decision(const struct decision *d, const struct preview *p, struct json_write *w)
{
    json_write_begin(w, '{');
    json_write_member(w, "asked", d->plan.asked->name);
    json_write_member(w, "strategy", catalogue_strategy_text(d->plan.asked->strategy));
    json_write_member(w, "model", d->model ? d->model->name : NULL);
    json_write_member(w, "provider", d->target ? d->target->provider : NULL);
    json_write_member(w, "target_model", d->target ? d->target->model : NULL);
    json_write_member(w, "backend", backend_text(d, p));
    write_complexity(&d->plan, w);
    json_write_member_u64(w, "tokens", d->chat.prompt_tokens);
    write_cost(d, p, w);
    json_write_key(w, "reasons");
    json_write_begin(w, '[');
    for (size_t i = 0; i < d->n_reasons; i++)
        json_write_text(w, d->reasons[i]);
    json_write_end(w, ']');
    json_write_end(w, '}');
}

/* In which API it would be asked; embeddings say what a response's input says. */
static const struct inbound *api_of(const struct json_value *root)
{
    if (!json_get(root, "messages") && json_get(root, "input"))
        return &inbound_responses;
    if (!json_get(root, "messages") && json_get(root, "prompt"))
        return &inbound_completions;
    return &inbound_chat;
}

static int decide(struct decision *d, const struct preview *p, struct buf *out)
{
    struct inbound_fault fault = {NULL, NULL};
    struct json_write w;

    enum chat_request_result r =
        chat_request_parse(&d->arena, p->body, &d->chat, &fault.message, &fault.param);
    if (r == CHAT_REQUEST_OK && !api_of(d->chat.root)->read_request(&d->arena, &d->chat, &fault))
        r = CHAT_REQUEST_INVALID;
    if (r != CHAT_REQUEST_OK)
        return refuse(r == CHAT_REQUEST_NOT_JSON ? REFUSAL_INVALID_JSON : REFUSAL_INVALID_REQUEST,
                      fault.message, fault.param, out);
    const struct settings_model *asked = snapshot_find_model(p->snapshot, d->chat.model);
    if (!asked)
        return refuse(REFUSAL_MODEL_NOT_FOUND, NULL, "model", out);
    if (p->key && !keyring_may_use(p->key, str_from(asked->name)))
        return refuse(REFUSAL_MODEL_NOT_ALLOWED, NULL, "model", out);

    plan_make(&d->plan, p->snapshot, d->chat.root, asked);
    d->plan.tokens = plan_expect(&d->chat);
    d->plan.session = plan_session(p->key ? str_from(p->key->id) : STR_EMPTY, p->session);
    explain_complexity(d);
    choose(d, p);
    explain_window(d);
    json_write_init(&w, out);
    write_decision(d, p, &w);
    if (json_write_finish(&w) == BUF_OK)
        return 200;
    buf_clear(out);
    return refuse(REFUSAL_OVERLOADED, NULL, NULL, out);
}

int preview_write(const struct preview *p, struct buf *out)
{
    struct decision d = {0};

    arena_init(&d.arena, MAX_ARENA);
    int status = decide(&d, p, out);
    arena_done(&d.arena);
    return status;
}
