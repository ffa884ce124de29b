#include "dispatch.h"

#include "base/utf8.h"
#include "exchange.h"
#include "fitting.h"
#include "provider_error.h"
#include "retry.h"
#include "shortlist.h"
#include "telemetry.h"
#include "translation.h"
#include "worker.h"

#define MAX_QUOTE 1024 /* bytes of a provider's error text */

static struct loop *loop_of(const struct exchange *x)
{
    return x->worker->loop;
}

static const struct settings_target *chosen_settings(const struct exchange *x)
{
    return &x->plan.models[x->route.at_model]->targets[x->route.index];
}

static const struct snapshot_provider *chosen(const struct exchange *x)
{
    return &x->snapshot->providers[chosen_settings(x)->provider_index];
}

void dispatch_end_repeat(struct exchange *x)
{
    struct upstream *u = TAKE(x->route.repeating);

    if (u)
        upstream_end_repeat(u);
}

/* Every attempt after a request's first is a retry or a fallback. */
static void count_again(struct exchange *x, const struct snapshot_provider *before,
                        const struct upstream_target *target_before)
{
    if (x->target == target_before)
        telemetry_retry(x, x->route.last_failure);
    else
        telemetry_fallback(x, before);
}

/* A place at the chosen provider is held. */
static void start_attempt(struct exchange *x)
{
    const struct snapshot_provider *before = x->provider;
    const struct upstream_target *target_before = x->target;
    unsigned attempts = x->attempts;

    exchange_set_state(x, EXCHANGE_ATTEMPTING);
    x->provider = chosen(x);
    x->target = x->route.target;
    x->target_model = chosen_settings(x)->model;
    tried_add(&x->route.tried, x->target);
    attempt_start(x);
    bool is_round = x->fitting.recall.is_round;
    x->fitting.recall.is_round = false;
    if (attempts > 0 && x->attempts > attempts && !is_round)
        count_again(x, before, target_before);
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
    tried_close(&x->route.tried, x->route.target);
    x->last_refusal = REFUSAL_QUEUE_TIMEOUT;
    exchange_set_state(x, EXCHANGE_ROUTING);
    dispatch_next(x);
}

/* A worker that has to load its model first may take as long as it is given for that. */
static usec_t patience(const struct exchange *x)
{
    const struct snapshot_provider *p = chosen(x);
    usec_t wait = p->settings->queue.timeout;
    bool is_cold = upstream_look_target(x->route.target, loop_now(loop_of(x))).is_cold;

    return p->worker && is_cold && p->worker->load_timeout > wait ? p->worker->load_timeout : wait;
}

/* False when the line is full. */
static bool wait_for_place(struct exchange *x)
{
    x->waiter = upstream_wait(x->route.target, loop_of(x), on_place, x);
    if (!x->waiter)
        return false;
    exchange_set_state(x, EXCHANGE_QUEUED);
    x->queued_at = loop_now(loop_of(x));
    loop_timer_init(&x->timer, loop_of(x), on_queue_timeout, x);
    loop_timer_start(&x->timer, patience(x));
    return true;
}

static void prepare(void *arg)
{
    struct exchange *x = arg;

    x->prepared = translation_prepare(x, chosen(x), chosen_settings(x)->model);
}

/* True when the request is in the words of the chosen target. */
static bool is_prepared(struct exchange *x)
{
    switch (x->prepared) {
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
static bool offer(struct exchange *x)
{
    if (!is_prepared(x) || !reserve_target(x, chosen(x), chosen_settings(x)->model)) {
        tried_close(&x->route.tried, x->route.target);
        return false;
    }
    switch (upstream_take(x->route.target, x->route.repeating != NULL, loop_now(loop_of(x)))) {
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
    tried_close(&x->route.tried, x->route.target);
    return false;
}

static void on_prepared(struct exchange *x)
{
    if (!offer(x))
        dispatch_next(x);
}

static bool is_rewritten(const struct exchange *x)
{
    return translation_is_due(x, chosen(x)) || x->fitting.recall.is_due;
}

/* The same; or it is being put into the target's words elsewhere, and on_prepared() goes on. */
static bool try_target(struct exchange *x)
{
    if (x->chat.body.len >= ERRAND_FROM && is_rewritten(x)) {
        exchange_errand_start(x, &(struct exchange_errand_steps){prepare, on_prepared, true});
        return true;
    }
    prepare(x);
    return offer(x);
}

static void refuse(struct exchange *x)
{
    enum refusal refusal = shortlist_refusal(x);

    if (refusal == REFUSAL_INVALID_REQUEST)
        exchange_refuse(x, refusal, x->cannot.message, x->cannot.param);
    else if (x->route.words && refusal == x->last_refusal)
        exchange_refuse(x, refusal, x->route.words, NULL);
    else if (refusal == REFUSAL_RATE_LIMIT_EXCEEDED)
        exchange_refuse(x, refusal, "The rate limit of every provider of this model is reached.",
                        NULL);
    else
        exchange_refuse(x, refusal, NULL, NULL);
}

void dispatch_next(struct exchange *x)
{
    dispatch_end_repeat(x);
    for (;;) {
        usec_t began = clock_now();
        bool is_chosen = shortlist_choose(x);
        telemetry_routing(x, clock_now() - began);
        if (!is_chosen)
            break;
        telemetry_selection(x, chosen(x));
        if (try_target(x))
            return;
    }
    if (x->relay.spoken_at == 0 && shortlist_next_model(x))
        exchange_fit(x); /* anew: its window may be smaller */
    else
        refuse(x);
}

bool dispatch_larger(struct exchange *x)
{
    if (x->relay.spoken_at > 0 || !shortlist_next_larger(x))
        return false;
    exchange_set_state(x, EXCHANGE_ROUTING);
    exchange_fit(x);
    return true;
}

static enum refusal refusal_of(const struct failure *f)
{
    if (f->is_silent)
        return REFUSAL_UPSTREAM_TIMEOUT;
    switch (f->kind) {
    case OUTCOME_HTTP_429:
        return f->blame == FAILURE_OF_RATE ? REFUSAL_RATE_LIMIT_EXCEEDED : REFUSAL_UPSTREAM_ERROR;
    case OUTCOME_TIMEOUT:
        return REFUSAL_UPSTREAM_TIMEOUT;
    case OUTCOME_INVALID:
        return REFUSAL_UPSTREAM_INVALID;
    case OUTCOME_TRUNCATED:
        return REFUSAL_UPSTREAM_TRUNCATED;
    case OUTCOME_OK:
    case OUTCOME_CONNECT:
    case OUTCOME_HTTP_4XX:
    case OUTCOME_HTTP_5XX:
    case OUTCOME_CANCELLED:
        return REFUSAL_UPSTREAM_ERROR;
    }
    return REFUSAL_UPSTREAM_ERROR;
}

void dispatch_same(struct exchange *x)
{
    exchange_set_state(x, EXCHANGE_ROUTING);
    if (!try_target(x))
        dispatch_next(x);
}

static void on_backoff_over(void *arg)
{
    dispatch_same(arg);
}

static void back_off(struct exchange *x, usec_t wait)
{
    exchange_set_state(x, EXCHANGE_BACKING_OFF);
    loop_timer_init(&x->timer, loop_of(x), on_backoff_over, x);
    loop_timer_start(&x->timer, wait);
}

static struct retry_situation describe(struct exchange *x, const struct failure *f)
{
    const struct settings_provider *p = x->provider->settings;
    usec_t now = loop_now(loop_of(x));

    return (struct retry_situation){
        .failure = f,
        .has_other = shortlist_has_more(x),
        .tries = tried_count(&x->route.tried, x->target),
        .max_retries = p->retry.max,
        .backoff = p->retry.backoff,
        .max_backoff = p->retry.max_backoff,
        .time_left = x->deadline_at > now ? x->deadline_at - now : 0,
    };
}

/* What it says of our credential may contain a part of it. */
static bool may_quote(const struct exchange *x, const struct failure *f)
{
    return x->provider->settings->pass_errors && f->status >= 400 &&
           f->blame != FAILURE_OF_CREDENTIAL && f->blame != FAILURE_OF_PERMISSION;
}

/* pass_errors: what the provider says of its failure, for the caller. */
static const char *quote(struct exchange *x, const struct attempt_end *end)
{
    const struct json_value *body;
    size_t offset;

    if (!may_quote(x, &end->failure) || json_parse(&x->arena, end->body, &body, &offset) != JSON_OK)
        return NULL;
    struct str words = provider_error_message(&x->arena, body);
    words.len = utf8_prefix(words.data, words.len, MAX_QUOTE);
    return words.len > 0 ? arena_copy(&x->arena, words) : NULL;
}

static void note_failure(struct exchange *x, const struct attempt_end *end)
{
    const struct failure *f = &end->failure;

    dispatch_end_repeat(x);
    x->route.words = quote(x, end);
    x->last_refusal = refusal_of(f);
    x->route.last_failure = f->kind;
    if (f->blame == FAILURE_OF_CONNECTION)
        tried_close_provider(&x->route.tried, x->target);
}

static void repeat(struct exchange *x, usec_t wait)
{
    if (!upstream_begin_repeat(x->provider->upstream, loop_now(loop_of(x)))) {
        refuse(x);
        return;
    }
    x->route.repeating = x->provider->upstream;
    back_off(x, wait);
}

/* Too long, says the provider: once more with less of it. */
static bool fit_less(struct exchange *x, const struct attempt_end *end)
{
    if (x->relay.spoken_at > 0 || !fitting_start_less(x, end))
        return false;
    exchange_set_state(x, EXCHANGE_ROUTING);
    exchange_set_state(x, EXCHANGE_FITTING);
    return true;
}

void dispatch_after_failure(struct exchange *x, const struct attempt_end *end)
{
    usec_t wait = 0;

    note_failure(x, end);
    if (x->state == EXCHANGE_RELAYING) {
        exchange_refuse(x, x->last_refusal, NULL, NULL);
        return;
    }
    struct retry_situation situation = describe(x, &end->failure);
    switch (retry_decide(&situation, worker_random(x->worker), &wait)) {
    case RETRY_LARGER:
        if (dispatch_larger(x) || fit_less(x, end))
            return;
        exchange_relay_refusal(x, end);
        return;
    case RETRY_RELAY:
        exchange_relay_refusal(x, end);
        return;
    case RETRY_OTHER:
        exchange_set_state(x, EXCHANGE_ROUTING);
        dispatch_next(x);
        return;
    case RETRY_SAME:
        repeat(x, wait);
        return;
    case RETRY_STOP:
        refuse(x);
        return;
    }
}
