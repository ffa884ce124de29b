#include "zero_series.h"

#include "complexity.h"
#include "proxy_metrics.h"

/* Of one family; the rest of METRICS_MAX_SERIES stays free for what happens. */
#define MAX_ZEROS (METRICS_MAX_SERIES / 4)

struct zeros {
    struct metrics_shard *shard;
    const struct settings *settings;
    unsigned n_requests;
};

static void add_requests(struct zeros *z, const char *model, const struct settings_provider *p,
                         const char *complexity)
{
    static const char *const statuses[] = {"success", "error"};

    for (size_t i = 0; i < 2 && z->n_requests < MAX_ZEROS; i++, z->n_requests++) {
        const char *labels[] = {model, p->name, catalogue_backend_text(p->backend), complexity,
                                statuses[i]};
        metrics_find(z->shard, METRIC_llm_requests_total, labels);
    }
}

/* `asked`, as callers name it, at the targets of `m`: its own, or those it leads to. */
static void add_targets(struct zeros *z, const struct settings_model *asked,
                        const struct settings_model *m, const char *complexity)
{
    for (size_t i = 0; i < m->n_targets && z->n_requests < MAX_ZEROS; i++) {
        const struct settings_provider *p = &z->settings->providers[m->targets[i].provider_index];
        const char *labels[] = {p->name, asked->name};
        add_requests(z, asked->name, p, complexity);
        metrics_find(z->shard, METRIC_llm_cost_total, labels);
    }
    for (size_t i = 0; i < m->n_fallback && z->n_requests < MAX_ZEROS; i++)
        add_targets(z, asked, settings_find_model(z->settings, m->fallback[i]), complexity);
}

static void add_levels(struct zeros *z, const struct settings_model *asked)
{
    const char *const entries[] = {asked->complexity.low, asked->complexity.medium,
                                   asked->complexity.high};

    for (size_t i = 0; i < 3; i++) {
        const struct settings_model *m =
            entries[i] ? settings_find_model(z->settings, entries[i]) : NULL;
        if (m)
            add_targets(z, asked, m, complexity_level_text((enum complexity_level)i));
    }
}

void zero_series_show(struct metrics_shard *shard, const struct settings *s)
{
    struct zeros z = {.shard = shard, .settings = s};

    for (size_t i = 0; i < s->n_models && z.n_requests < MAX_ZEROS; i++) {
        const char *labels[] = {s->models[i].name};
        metrics_find(shard, METRIC_llm_unpriced_requests_total, labels);
        if (s->models[i].strategy == STRATEGY_COMPLEXITY)
            add_levels(&z, &s->models[i]);
        else
            add_targets(&z, &s->models[i], &s->models[i], "none");
    }
}
