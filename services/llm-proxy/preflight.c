#include "preflight.h"

#include "allowance.h"
#include "counting/tables.h"
#include "exchange.h"
#include "fitting.h"
#include "tokens/estimate.h"
#include "worker.h"

#include <string.h>

static const char *model_of(const struct snapshot *s, const struct settings_model *m)
{
    if (m->strategy == STRATEGY_COMPLEXITY)
        m = snapshot_find_model(s, str_from(m->complexity.medium));
    return m && m->n_targets > 0 ? m->targets[0].model : "";
}

bool preflight_find_means(const struct worker *w, const struct snapshot *s,
                          const struct settings_model *m, const struct counting_rule **ret_rule,
                          struct counter_weights *ret_weights)
{
    const char *model = model_of(s, m);
    const struct counting_rule *rule = tables_rule(w->tables, str_from(model));

    *ret_rule = rule;
    ret_weights->is_learnt = false;
    if (rule->has_table)
        return tables_can_count(w->tables, rule);
    /* What was learnt stands on the table's tokens. */
    return tables_have(w->tables, rule->table) && bills_find(w->bills, model, ret_weights);
}

static bool matters(const struct exchange *x, const struct settings_model *m)
{
    return allowance_counts_tokens(x) || reserve_is_due(x) || fitting_is_close(x, m);
}

static void count(void *arg)
{
    struct exchange *x = arg;
    struct counter *c = tables_lend(x->worker->tables, x->preflight.rule);
    struct count count;

    c->weights = x->preflight.weights;
    counter_describe(c, counter_request(c, x->chat.root, UINT64_MAX), &count);
    tables_take_back(x->worker->tables, &c);
    x->chat.prompt_tokens = count.tokens;
    x->preflight.margin = count.margin;
}

bool preflight_start(struct exchange *x, const struct settings_model *m)
{
    bool is_large = x->chat.body.len > ERRAND_COUNT_FROM;

    if (x->chat.prompt_tokens == 0 || x->inbound->is_opaque || !matters(x, m) ||
        (is_large && errand_is_late(x->worker)))
        return false; /* the estimate, with its margin, has to do */
    const struct counting_rule *rule;
    if (!preflight_find_means(x->worker, x->snapshot, m, &rule, &x->preflight.weights))
        return false;
    if (x->preflight.weights.is_learnt)
        x->preflight.learnt = model_of(x->snapshot, m);
    x->preflight.rule = rule;
    if (is_large)
        exchange_errand_start(x, &(struct exchange_errand_steps){count, exchange_admit, false});
    else
        count(x);
    return is_large;
}

double preflight_margin(const struct exchange *x, const char *model)
{
    const struct counting_rule *counted = x->preflight.rule;

    if (x->preflight.learnt && strcmp(model, x->preflight.learnt) == 0)
        return x->preflight.margin;
    if (!counted || !counted->has_table)
        return ESTIMATE_MARGIN;
    const struct counting_rule *rule = tables_rule(x->worker->tables, str_from(model));
    return rule->has_table && rule->table == counted->table ? x->preflight.margin : ESTIMATE_MARGIN;
}
