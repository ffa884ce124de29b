#include "dispatch.h"

#include "base/parse.h"
#include "exchange.h"
#include "retry.h"
#include "telemetry.h"
#include "translation.h"
#include "worker.h"

#include <string.h>

#define MAX_RETRY_AFTER (60 * USEC_PER_SEC)

static struct loop *loop_of(const struct exchange *x)
{
    return x->worker->loop;
}

static const struct settings_model *model_of(const struct exchange *x)
{
    return x->plan.models[x->route.at_model];
}

static const struct snapshot_provider *provider_of(const struct exchange *x, size_t target)
{
    return &x->snapshot->providers[model_of(x)->targets[target].provider_index];
}

static size_t route(struct exchange *x)
{
    struct router_candidate candidates[ROUTER_MAX_TARGETS];
    const struct settings_model *m = model_of(x);
    size_t n = plan_describe(x->snapshot, m, loop_now(loop_of(x)), candidates);

    for (size_t i = 0; i < n; i++)
        candidates[i].was_tried = x->route.is_closed[i] || x->route.tries[i] > 0;
    return router_choose(m->strategy, candidates, n, worker_random(x->worker));
}

/* The next model in the chain, fitted anew: its window may be smaller. */
static bool next_model(struct exchange *x)
{
    if (x->route.at_model + 1 >= x->plan.n_models)
        return false;
    x->route.at_model++;
    memset(x->route.tries, 0, sizeof(x->route.tries));
    memset(x->route.is_closed, 0, sizeof(x->route.is_closed));
    return true;
}

static const struct snapshot_provider *chosen(const struct exchange *x)
{
    return provider_of(x, x->route.target);
}

static const char *chosen_model(const struct exchange *x)
{
    return model_of(x)->targets[x->route.target].model;
}

/* A place at the chosen provider is held. */
static void start_attempt(struct exchange *x)
{
    const struct snapshot_provider *before = x->provider;

    exchange_set_state(x, EXCHANGE_ATTEMPTING);
    x->provider = chosen(x);
    x->target_model = chosen_model(x);
    x->route.tries[x->route.target]++;
    if (before && before != x->provider)
        telemetry_fallback(x, before);
    attempt_start(x);
}

static void on_place(void *arg, enum upstream_result result)
{
    struct exchange *x = arg;

    x->waiter = NULL;
    loop_timer_stop(&x->timer);
    telemetry_queue_wait(x, chosen(x), loop_now(loop_of(x)) - x->queued_at);
    if (result == UPSTREAM_OK) {
        start_attempt(x);
        return;
    }
    exchange_set_state(x, EXCHANGE_ROUTING);
    dispatch_next(x);
}

static void on_queue_timeout(void *arg)
{
    struct exchange *x = arg;

    upstream_wait_cancel(&x->waiter);
    telemetry_queue_wait(x, chosen(x), loop_now(loop_of(x)) - x->queued_at);
    x->route.is_closed[x->route.target] = true;
    x->last_refusal = REFUSAL_QUEUE_TIMEOUT;
    exchange_set_state(x, EXCHANGE_ROUTING);
    dispatch_next(x);
}

/* False when the line is full. */
static bool wait_for_place(struct exchange *x)
{
    x->waiter = upstream_wait(chosen(x)->upstream, loop_of(x), on_place, x);
    if (!x->waiter)
        return false;
    exchange_set_state(x, EXCHANGE_QUEUED);
    x->queued_at = loop_now(loop_of(x));
    loop_timer_init(&x->timer, loop_of(x), on_queue_timeout, x);
    loop_timer_start(&x->timer, chosen(x)->settings->queue.timeout);
    return true;
}

/* True when the request is in the words of the chosen target. */
static bool prepare(struct exchange *x)
{
    switch (translation_prepare(x, chosen(x), chosen_model(x))) {
    case DIALECT_OK:
        return true;
    case DIALECT_FULL:
        x->last_refusal = REFUSAL_OVERLOADED;
        return false;
    case DIALECT_CANNOT:
        if (x->attempts == 0)
            x->last_refusal = REFUSAL_INVALID_REQUEST;
        return false;
    }
    return false;
}

/* True when the chosen target took the request, or has it in its line. */
static bool try_target(struct exchange *x)
{
    if (!prepare(x)) {
        x->route.is_closed[x->route.target] = true;
        return false;
    }
    switch (upstream_take(chosen(x)->upstream, loop_now(loop_of(x)))) {
    case UPSTREAM_OK:
        start_attempt(x);
        return true;
    case UPSTREAM_BUSY:
        if (wait_for_place(x))
            return true;
        x->last_refusal = REFUSAL_OVERLOADED;
        break;
    case UPSTREAM_UNAVAILABLE:
        break;
    }
    x->route.is_closed[x->route.target] = true;
    return false;
}

void dispatch_next(struct exchange *x)
{
    for (;;) {
        usec_t began = clock_now();
        size_t target = route(x);
        telemetry_routing(x, clock_now() - began);
        if (target == ROUTER_NONE)
            break;
        x->route.target = target;
        telemetry_selection(x, chosen(x));
        if (try_target(x))
            return;
    }
    if (next_model(x)) {
        exchange_fit(x);
        return;
    }
    bool is_callers_fault = x->last_refusal == REFUSAL_INVALID_REQUEST;
    exchange_refuse(x, x->last_refusal, is_callers_fault ? x->cannot.message : NULL,
                    is_callers_fault ? x->cannot.param : NULL);
}

static bool has_untried(struct exchange *x)
{
    return x->route.at_model + 1 < x->plan.n_models || route(x) != ROUTER_NONE;
}

static enum refusal refusal_of(enum outcome_kind kind)
{
    switch (kind) {
    case OUTCOME_TIMEOUT:
        return REFUSAL_UPSTREAM_TIMEOUT;
    case OUTCOME_INVALID:
        return REFUSAL_UPSTREAM_INVALID;
    case OUTCOME_TRUNCATED:
        return REFUSAL_UPSTREAM_TRUNCATED;
    case OUTCOME_OK:
    case OUTCOME_CONNECT:
    case OUTCOME_HTTP_4XX:
    case OUTCOME_HTTP_429:
    case OUTCOME_HTTP_5XX:
    case OUTCOME_CANCELLED:
        return REFUSAL_UPSTREAM_ERROR;
    }
    return REFUSAL_UPSTREAM_ERROR;
}

static void on_backoff_over(void *arg)
{
    struct exchange *x = arg;

    exchange_set_state(x, EXCHANGE_ROUTING);
    if (try_target(x))
        return;
    dispatch_next(x);
}

static void back_off(struct exchange *x, usec_t wait, enum outcome_kind kind)
{
    telemetry_retry(x, kind);
    exchange_set_state(x, EXCHANGE_BACKING_OFF);
    loop_timer_init(&x->timer, loop_of(x), on_backoff_over, x);
    loop_timer_start(&x->timer, wait);
}

static struct retry_failure describe_failure(struct exchange *x, const struct attempt_end *end)
{
    const struct settings_provider *p = x->provider->settings;
    struct retry_failure f = {
        .kind = end->kind,
        .status = end->status,
        .has_other = has_untried(x),
        .tries = x->route.tries[x->route.target],
        .max_retries = p->retry.max,
        .backoff = p->retry.backoff,
        .max_backoff = p->retry.max_backoff,
    };

    f.has_retry_after =
        parse_retry_after(end->retry_after, loop_wall(loop_of(x)), MAX_RETRY_AFTER, &f.retry_after);
    return f;
}

void dispatch_after_failure(struct exchange *x, const struct attempt_end *end)
{
    usec_t wait = 0;

    x->last_refusal = refusal_of(end->kind);
    if (x->state == EXCHANGE_RELAYING) {
        exchange_refuse(x, x->last_refusal, NULL, NULL);
        return;
    }
    struct retry_failure failure = describe_failure(x, end);
    switch (retry_decide(&failure, worker_random(x->worker), &wait)) {
    case RETRY_RELAY:
        exchange_relay_refusal(x, end);
        return;
    case RETRY_OTHER:
        exchange_set_state(x, EXCHANGE_ROUTING);
        dispatch_next(x);
        return;
    case RETRY_SAME:
        back_off(x, wait, end->kind);
        return;
    case RETRY_STOP:
        exchange_refuse(x, x->last_refusal, NULL, NULL);
        return;
    }
}
