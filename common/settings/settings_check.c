#include "settings/settings_check.h"

#include "base/map.h"
#include "io/address.h"
#include "settings/settings_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PRICE_NAME 512 /* "provider model" */

#define REFUSE(r, field, ...)                                                                      \
    yaml_tree_refuse(settings_read_place((r), (field)), (r)->reterr, (r)->reterr_size, __VA_ARGS__)

static bool is_loopback(const char *text)
{
    struct address a;

    return address_parse(str_from(text), &a) && address_is_loopback(&a);
}

static int check_proxy(const struct settings *s, const struct settings_reader *r)
{
    if (!s->proxy.tls_certificate != !s->proxy.tls_key)
        return REFUSE(r, s->proxy.tls_key ? &s->proxy.tls_key : &s->proxy.tls_certificate,
                      "proxy.tls needs both certificate and key");
    if (s->proxy.auth_required)
        return 0;
    for (size_t i = 0; i < s->proxy.n_listen; i++)
        if (!is_loopback(s->proxy.listen[i]))
            return REFUSE(r, &s->proxy.auth_required,
                          "proxy.auth may be off only if every listen address is loopback, and "
                          "'%s' is not",
                          s->proxy.listen[i]);
    return 0;
}

static int check_services(const struct settings *s, const struct settings_reader *r)
{
    if (s->context.low_water >= s->context.high_water)
        return REFUSE(r, &s->context.low_water,
                      "context.low_water must be below high_water, which is %g",
                      s->context.high_water);
    if (!s->context.summarize.url != !s->context.summarize.model)
        return REFUSE(
            r, s->context.summarize.url ? &s->context.summarize.url : &s->context.summarize.model,
            "context.summarize needs both url and model");
    return settings_nodes_check(s, r);
}

struct named {
    const char *name;
    const char *const *field;
};

static int compare_names(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    if (order != 0)
        return order;
    return left->field < right->field ? -1 : left->field > right->field;
}

/* `list` is put in order; an arena keeps it. */
static int check_unique(struct named *list, size_t n, const char *what,
                        const struct settings_reader *r)
{
    if (n > 0)
        qsort(list, n, sizeof(*list), compare_names);
    for (size_t i = 1; i < n; i++)
        if (strcmp(list[i - 1].name, list[i].name) == 0) {
            struct yaml_place first = settings_read_place(r, list[i - 1].field);
            struct yaml_place second = settings_read_place(r, list[i].field);
            bool is_swapped = second.line < first.line;
            return yaml_tree_refuse(is_swapped ? first : second, r->reterr, r->reterr_size,
                                    "%s '%s' is already used in line %u", what, list[i].name,
                                    is_swapped ? second.line : first.line);
        }
    return 0;
}

static struct named *new_names(struct settings_reader *r, size_t n)
{
    struct named *list = arena_alloc(r->arena, (n + 1) * sizeof(*list));

    if (!list)
        REFUSE(r, NULL, "the configuration is too large");
    return list;
}

static int check_provider_names(const struct settings *s, struct settings_reader *r)
{
    struct named *list = new_names(r, s->n_providers);
    if (!list)
        return 1;

    for (size_t i = 0; i < s->n_providers; i++)
        list[i] = (struct named){s->providers[i].name, &s->providers[i].name};
    return check_unique(list, s->n_providers, "provider name", r);
}

/* A key that its dialect has no word for would be ignored without one. */
static int check_providers(const struct settings *s, const struct settings_reader *r)
{
    for (size_t i = 0; i < s->n_providers; i++) {
        const struct settings_provider *p = &s->providers[i];
        if (p->keep_alive && p->dialect != DIALECT_OLLAMA)
            return REFUSE(r, &p->keep_alive, "keep_alive is for providers of dialect ollama");
    }
    return 0;
}

static int check_worker_pair(const struct settings_worker *a, const struct settings_worker *b,
                             const struct settings_reader *r)
{
    if (a->port == b->port)
        return REFUSE(r, &b->port, "port %u belongs to worker '%s' already", (unsigned)b->port,
                      a->name);
    if (strcmp(a->provider, b->provider) == 0)
        return REFUSE(r, &b->provider, "provider '%s' belongs to worker '%s' already", b->provider,
                      a->name);
    return 0;
}

static int check_workers(const struct settings *s, struct settings_reader *r)
{
    struct named *list = new_names(r, s->n_workers);
    if (!list)
        return 1;

    for (size_t i = 0; i < s->n_workers; i++)
        list[i] = (struct named){s->workers[i].name, &s->workers[i].name};
    if (check_unique(list, s->n_workers, "worker name", r) != 0)
        return 1;
    for (size_t i = 0; i < s->n_workers; i++)
        for (size_t k = 0; k < i; k++)
            if (check_worker_pair(&s->workers[k], &s->workers[i], r) != 0)
                return 1;
    return 0;
}

static int check_model_names(const struct settings *s, struct settings_reader *r)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_models; i++)
        n += 1 + s->models[i].n_aliases;
    struct named *list = new_names(r, n);
    if (!list)
        return 1;

    n = 0;
    for (size_t i = 0; i < s->n_models; i++) {
        const struct settings_model *m = &s->models[i];
        list[n++] = (struct named){m->name, &m->name};
        for (size_t k = 0; k < m->n_aliases; k++)
            list[n++] = (struct named){m->aliases[k], &m->aliases[k]};
    }
    return check_unique(list, n, "model name or alias", r);
}

static int resolve_targets(const struct settings *s, const struct settings_model *m,
                           const struct settings_reader *r)
{
    for (size_t i = 0; i < m->n_targets; i++) {
        struct settings_target *t = &m->targets[i];
        const struct settings_provider *p = settings_find_provider(s, t->provider);
        if (!p)
            return REFUSE(r, &t->provider, "no provider is called '%s'", t->provider);
        t->provider_index = (size_t)(p - s->providers);
    }
    return 0;
}

static const struct settings_model *find_entry(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_models; i++)
        if (strcmp(s->models[i].name, name) == 0)
            return &s->models[i];
    return NULL;
}

static int check_entry(const struct settings *s, const char *const *name,
                       const struct settings_reader *r)
{
    return find_entry(s, *name) ? 0 : REFUSE(r, name, "no model is called '%s'", *name);
}

/* One score, one choice: what it chooses has targets of its own. */
static int check_delegate(const struct settings *s, const char *const *name,
                          const struct settings_reader *r)
{
    if (check_entry(s, name, r) != 0)
        return 1;
    if (find_entry(s, *name)->strategy == STRATEGY_COMPLEXITY)
        return REFUSE(r, name, "'%s' is of strategy complexity itself", *name);
    return 0;
}

static int check_complexity(const struct settings *s, const struct settings_model *m,
                            const struct settings_reader *r)
{
    const char *const *delegates[] = {&m->complexity.low, &m->complexity.medium,
                                      &m->complexity.high};
    bool is_complexity = m->strategy == STRATEGY_COMPLEXITY;

    if (is_complexity && m->n_targets > 0)
        return REFUSE(r, &m->targets, "strategy complexity delegates: it has no targets");
    if (!is_complexity && m->n_targets == 0)
        return REFUSE(r, &m->targets, "model '%s' has no targets", m->name);
    for (size_t i = 0; i < 3; i++) {
        if (is_complexity && !*delegates[i])
            return REFUSE(r, delegates[i], "strategy complexity needs low, medium and high");
        if (!is_complexity && *delegates[i])
            return REFUSE(r, delegates[i], "complexity belongs to strategy complexity");
        if (*delegates[i] && check_delegate(s, delegates[i], r) != 0)
            return 1;
    }
    if (m->complexity.high_at < m->complexity.medium_at)
        return REFUSE(r, &m->complexity.high_at,
                      "complexity.high_at must not be below medium_at, which is %g",
                      m->complexity.medium_at);
    return 0;
}

/* What a model says for itself has to go with what it inherits. */
static int check_waters(const struct settings *s, const struct settings_model *m,
                        const struct settings_reader *r)
{
    struct settings_context_rules rules = settings_context_rules(s, m);

    if (rules.low_water < rules.high_water)
        return 0;
    return REFUSE(r, &m->context.low_water,
                  "low_water of model '%s', %g, must be below its high_water, which is %g", m->name,
                  rules.low_water, rules.high_water);
}

static int check_model(const struct settings *s, const struct settings_model *m,
                       const struct settings_reader *r)
{
    if (check_waters(s, m, r) != 0 || check_complexity(s, m, r) != 0 ||
        resolve_targets(s, m, r) != 0)
        return 1;
    for (size_t i = 0; i < m->n_fallback; i++)
        if (check_entry(s, &m->fallback[i], r) != 0)
            return 1;
    return 0;
}

struct walk {
    const struct settings *s;
    const struct settings_reader *r;
    char *state; /* one a model: 0 new, 1 on the way here, 2 done */
};

static int walk_model(struct walk *w, const struct settings_model *m);

static int follow(struct walk *w, const char *const *name)
{
    const struct settings_model *next = find_entry(w->s, *name);
    char state = w->state[next - w->s->models];

    if (state == 1)
        return REFUSE(w->r, name, "'%s' leads back to itself", *name);
    return state == 2 ? 0 : walk_model(w, next);
}

/* At most one call deep a model, and models have a ceiling. */
static int walk_model(struct walk *w, const struct settings_model *m)
{
    const char *const *delegates[] = {&m->complexity.low, &m->complexity.medium,
                                      &m->complexity.high};

    w->state[m - w->s->models] = 1;
    for (size_t i = 0; i < m->n_fallback; i++)
        if (follow(w, &m->fallback[i]) != 0)
            return 1;
    for (size_t i = 0; i < 3; i++)
        if (*delegates[i] && follow(w, delegates[i]) != 0)
            return 1;
    w->state[m - w->s->models] = 2;
    return 0;
}

static int check_cycles(const struct settings *s, struct settings_reader *r)
{
    struct walk w = {.s = s, .r = r, .state = arena_alloc(r->arena, s->n_models + 1)};

    if (!w.state)
        return REFUSE(r, NULL, "the configuration is too large");
    for (size_t i = 0; i < s->n_models; i++)
        if (w.state[i] == 0 && walk_model(&w, &s->models[i]) != 0)
            return 1;
    return 0;
}

static const struct settings_row *provider_rows(void)
{
    const struct settings_row *row = settings_table;

    while (strcmp(row->name, "providers") != 0)
        row++;
    return row->rows;
}

static int add_worker_providers(struct settings *s, struct settings_reader *r)
{
    size_t max = s->n_providers + s->n_workers;
    struct settings_provider *all = arena_alloc(r->arena, (max + 1) * sizeof(*all));
    if (!all)
        return REFUSE(r, NULL, "the configuration is too large");

    if (s->n_providers > 0)
        memcpy(all, s->providers, s->n_providers * sizeof(*all));
    s->providers = all;
    for (size_t i = 0; i < s->n_workers; i++) {
        const struct settings_worker *w = &s->workers[i];
        if (settings_find_provider(s, w->provider))
            continue;
        struct settings_provider *p = &all[s->n_providers];
        settings_read_defaults(provider_rows(), p);
        p->name = w->provider;
        p->backend = BACKEND_LOCAL;
        p->base_url = arena_printf(r->arena, "http://127.0.0.1:%u/v1", (unsigned)w->port);
        if (!p->base_url)
            return REFUSE(r, NULL, "the configuration is too large");
        s->n_providers++;
    }
    return 0;
}

/* A fallback, or another provider's target, would answer for the one that is asked. */
static int check_paid_probe(const struct settings *s, const struct settings_provider *p,
                            struct settings_reader *r)
{
    const char *const *at = &p->probe.paid.model;
    const struct settings_model *m = *at ? settings_find_model(s, *at) : NULL;
    bool is_only = m && m->n_targets > 0 && m->n_fallback == 0;

    if (!*at)
        return 0;
    for (size_t i = 0; is_only && i < m->n_targets; i++)
        is_only = strcmp(m->targets[i].provider, p->name) == 0;
    return is_only ? 0
                   : REFUSE(r, at,
                            "probe.paid.model must be an entry of models whose targets are all at "
                            "provider '%s', without fallback",
                            p->name);
}

static int check_price(const struct settings_price *row, struct map *seen,
                       struct settings_reader *r)
{
    char name[MAX_PRICE_NAME];
    int len = snprintf(name, sizeof(name), "%s\n%s", row->provider, row->model);

    if ((size_t)len >= sizeof(name))
        return REFUSE(r, &row->model, "the name is too long");
    if (map_add(seen, (struct str){name, (size_t)len}, (void *)row) != row)
        return REFUSE(r, &row->model, "%s of %s is listed twice", row->model, row->provider);
    for (size_t i = 1; i < row->n_tiers; i++)
        if (row->tiers[i].above <= row->tiers[i - 1].above)
            return REFUSE(r, &row->tiers[i].above,
                          "%s of %s: the tiers must be in order, each above another number of "
                          "tokens",
                          row->model, row->provider);
    return 0;
}

int settings_check_prices(const struct settings_price *rows, size_t n, struct settings_reader *r)
{
    struct map seen;
    int e = 0;

    map_init(&seen);
    for (size_t i = 0; i < n && e == 0; i++)
        e = check_price(&rows[i], &seen, r);
    map_done(&seen);
    return e;
}

int settings_check(struct settings *s, struct settings_reader *r)
{
    if (settings_check_prices(s->prices.overrides, s->prices.n_overrides, r) != 0)
        return 1;
    if (check_proxy(s, r) != 0 || check_services(s, r) != 0 || check_provider_names(s, r) != 0 ||
        check_providers(s, r) != 0 || check_workers(s, r) != 0 || add_worker_providers(s, r) != 0 ||
        check_model_names(s, r) != 0)
        return 1;
    for (size_t i = 0; i < s->n_models; i++)
        if (check_model(s, &s->models[i], r) != 0)
            return 1;
    for (size_t i = 0; i < s->n_providers; i++)
        if (check_paid_probe(s, &s->providers[i], r) != 0)
            return 1;
    return check_cycles(s, r);
}
