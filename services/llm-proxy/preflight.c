#include "preflight.h"

#include "allowance.h"
#include "count_task.h"
#include "counting/tables.h"
#include "exchange.h"
#include "fitting.h"
#include "tokens/estimate.h"
#include "worker.h"

const struct counting_rule *preflight_rule(const struct worker *w, const struct snapshot *s,
                                           const struct settings_model *m)
{
    if (m->strategy == STRATEGY_COMPLEXITY)
        m = snapshot_find_model(s, str_from(m->complexity.medium));
    return tables_rule(w->tables,
                       m && m->n_targets > 0 ? str_from(m->targets[0].model) : STR_EMPTY);
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

static void count_here(struct exchange *x, const struct counting_rule *rule)
{
    struct counter *c = tables_lend(x->worker->tables, rule);
    struct count count;

    counter_describe(c, counter_request(c, x->chat.root, UINT64_MAX), &count);
    tables_take_back(x->worker->tables, &c);
    take(x, rule, &count);
}

bool preflight_start(struct exchange *x, const struct settings_model *m)
{
    if (x->chat.prompt_tokens == 0 || x->inbound->is_opaque || !matters(x, m))
        return false;
    const struct counting_rule *rule = preflight_rule(x->worker, x->snapshot, m);
    if (!tables_can_count(x->worker->tables, rule))
        return false;
    if (x->chat.body.len <= COUNT_TASK_FROM) {
        count_here(x, rule);
        return false;
    }
    x->preflight.task = count_task_start(x->worker, rule, x->chat.body, on_counted, x);
    if (!x->preflight.task)
        return false; /* the estimate, with its margin, has to do */
    x->preflight.rule = rule;
    return true;
}

void preflight_cancel(struct exchange *x)
{
    count_task_cancel(&x->preflight.task);
}

double preflight_margin(const struct exchange *x, const char *model)
{
    const struct counting_rule *rule = tables_rule(x->worker->tables, str_from(model));

    if (x->preflight.rule && rule->has_table && rule->table == x->preflight.rule->table)
        return x->preflight.margin;
    return ESTIMATE_MARGIN;
}
