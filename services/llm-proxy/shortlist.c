#include "shortlist.h"

#include "exchange.h"
#include "worker.h"

struct list {
    struct router_candidate candidates[ROUTER_MAX_TARGETS];
    struct plan_target targets[ROUTER_MAX_TARGETS];
    size_t n;
};

static void make_list(struct exchange *x, const struct settings_model *m, struct list *ret)
{
    ret->n = plan_describe(&x->plan, x->snapshot, m, loop_now(x->worker->loop), ret->candidates,
                           ret->targets);
    for (size_t i = 0; i < ret->n; i++)
        ret->candidates[i].was_tried = tried_has(&x->route.tried, ret->targets[i].target);
}

bool shortlist_choose(struct exchange *x)
{
    const struct settings_model *m = x->plan.models[x->route.at_model];
    struct list list;

    make_list(x, m, &list);
    struct plan_choice c =
        plan_choose(m->strategy, list.candidates, list.targets, list.n, worker_random(x->worker));
    if (c.index == ROUTER_NONE)
        return false;
    if (c.cold != ROUTER_NONE) /* it is warmed up for those who come later */
        upstream_want(upstream_of(list.targets[c.cold].target));
    x->route.index = c.index;
    x->route.target = list.targets[c.index].target;
    return true;
}

/* Both windows must be known to tell. */
static bool is_too_small(const struct exchange *x, const struct settings_model *m)
{
    return m->context_window > 0 && m->context_window <= x->route.too_small;
}

bool shortlist_has_more(struct exchange *x)
{
    struct list list;

    for (size_t i = x->route.at_model; i < x->plan.n_models; i++) {
        if (is_too_small(x, x->plan.models[i]))
            continue;
        make_list(x, x->plan.models[i], &list);
        for (size_t t = 0; t < list.n; t++)
            if (list.candidates[t].is_available && !list.candidates[t].was_tried)
                return true;
    }
    return false;
}

bool shortlist_next_model(struct exchange *x)
{
    for (size_t i = x->route.at_model + 1; i < x->plan.n_models; i++)
        if (!is_too_small(x, x->plan.models[i])) {
            x->route.at_model = i;
            return true;
        }
    return false;
}

bool shortlist_next_larger(struct exchange *x)
{
    uint64_t before = x->route.too_small,
             window = x->plan.models[x->route.at_model]->context_window;

    if (window > before)
        x->route.too_small = window;
    if (shortlist_next_model(x))
        return true;
    x->route.too_small = before;
    return false;
}

/* When a limit is reached everywhere, that is the answer, and until when. */
enum refusal shortlist_refusal(struct exchange *x)
{
    usec_t soonest = USEC_INFINITY;
    bool are_all_limited = true;
    struct list list;

    for (size_t i = 0; i < x->plan.n_models; i++) {
        make_list(x, x->plan.models[i], &list);
        for (size_t t = 0; t < list.n; t++) {
            const struct upstream_target_view *v = &list.targets[t].view;
            are_all_limited &= v->obstacle == STANDING_LIMITED;
            if (v->wait > 0 && v->wait < soonest)
                soonest = v->wait;
        }
    }
    if (soonest != USEC_INFINITY)
        x->retry_after = soonest;
    if (x->last_refusal == REFUSAL_INVALID_REQUEST)
        return x->last_refusal; /* nobody could take it, at any time */
    return are_all_limited ? REFUSAL_RATE_LIMIT_EXCEEDED : x->last_refusal;
}
