#include "preflight.h"

#include "allowance.h"
#include "count_task.h"
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

const struct counting_rule *preflight_rule(const struct worker *w, const struct snapshot *s,
                                           const struct settings_model *m)
{
    return tables_rule(w->tables, str_from(model_of(s, m)));
}

static bool matters(const struct exchange *x, const struct settings_model *m)
{
    return allowance_counts_tokens(x) || reserve_is_due(x) || fitting_is_close(x, m);
}

static void take(struct exchange *x, const struct counting_rule *rule, const struct count *c)
{
    x->chat.prompt_tokens = c->tokens;
    x->preflight.rule = rule;
    x->preflight.margin = c->margin;
}

static void on_counted(void *arg, const struct count *c)
{
    struct exchange *x = arg;

    x->preflight.task = NULL;
    take(x, x->preflight.rule, c);
    exchange_admit(x);
}

static void count_here(struct exchange *x, const struct counting_rule *rule,
                       const struct counter_weights *weights)
{
    struct counter *c = tables_lend(x->worker->tables, rule);
    struct count count;

    c->weights = *weights;
    counter_describe(c, counter_request(c, x->chat.root, UINT64_MAX), &count);
    tables_take_back(x->worker->tables, &c);
    take(x, rule, &count);
}

bool preflight_start(struct exchange *x, const struct settings_model *m)
{
    struct counter_weights weights = {.is_learnt = false};

    if (x->chat.prompt_tokens == 0 || x->inbound->is_opaque || !matters(x, m))
        return false;
    const char *model = model_of(x->snapshot, m);
    const struct counting_rule *rule = tables_rule(x->worker->tables, str_from(model));
    if (!rule->has_table && bills_find(x->worker->bills, model, &weights))
        x->preflight.learnt = model;
    else if (!tables_can_count(x->worker->tables, rule))
        return false;
    if (x->chat.body.len <= COUNT_TASK_FROM) {
        count_here(x, rule, &weights);
        return false;
    }
    const struct count_task_question question = {x->chat.body, rule, weights};
    x->preflight.task = count_task_start(x->worker, &question, on_counted, x);
    if (!x->preflight.task) {
        x->preflight.learnt = NULL;
        return false; /* the estimate, with its margin, has to do */
    }
    x->preflight.rule = rule;
    return true;
}

void preflight_cancel(struct exchange *x)
{
    count_task_cancel(&x->preflight.task);
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
